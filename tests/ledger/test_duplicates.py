from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.encoding.line_protocol import body, merged_lines
from importer.encoding.series import SeriesIndex
from importer.ledger import duplicates
from importer.ledger.duplicates import Duplicates, find_duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.records import FieldColumn, Lines
from tests.influxd import Influxd
from tests.points import P, Value, block, encoded, new_bucket, stored_texts, write

DAY_NS = 86_400 * 10**9
Key = tuple[str, tuple[tuple[str, str], ...], int]
State = dict[Key, dict[str, Value]]


@dataclass
class Found:
    """What the importer makes of some blocks of points."""

    duplicates: Duplicates
    expectation: Expectation
    series: SeriesIndex
    blocks: list[Lines]
    rewritten: list[tuple[pl.DataFrame, tuple[FieldColumn, ...]]] = field(default_factory=list)

    def rewritten_lines(self) -> list[Lines]:
        return [merged_lines(points, fields, self.series.keys, block()) for points, fields in self.rewritten]


def find(folder: Path, blocks: Sequence[Sequence[P]], *, order: Sequence[int] | None = None) -> Found:
    series = SeriesIndex(1_000)
    expectation = Expectation(Windows(DAY_NS))
    lines = [encoded(points, series, number) for number, points in enumerate(blocks)]
    rewritten: list[tuple[pl.DataFrame, tuple[FieldColumn, ...]]] = []
    folder.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=folder) as own:
        spool = Spool(Path(own))
        for number in order or range(len(blocks)):
            frame = lines[number].frame.drop("line")
            expectation.add(frame, lines[number].fields, series.measurements)
            spool.append(number, frame, lines[number].fields)
        found = find_duplicates(
            spool,
            expectation,
            series.keys,
            series.measurements,
            lambda points, fields: rewritten.append((points, fields)),
        )
    return Found(found, expectation, series, lines, rewritten)


def model(blocks: Sequence[Sequence[P]]) -> tuple[State, Counter[str], set[Key]]:
    """The same by brute force: the final state, the kinds, and the keys that stand in several blocks."""
    state: State = {}
    kinds: Counter[str] = Counter()
    seen: dict[Key, set[int]] = {}
    for number, points in enumerate(blocks):
        for point in points:
            key = key_of(point)
            if key in state:
                held = state[key]
                if any(name in held and held[name] != value for name, value in point.fields.items()):
                    kinds["overwritten"] += 1
                else:
                    kinds["identical" if point.fields == held else "merged"] += 1
            state.setdefault(key, {}).update(point.fields)
            seen.setdefault(key, set()).add(number)
    return state, kinds, {key for key, numbers in seen.items() if len(numbers) > 1}


def key_of(point: P) -> Key:
    return (point.measurement, tuple(sorted((k, v) for k, v in point.tags.items() if v)), point.time_ns)


fields = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from([0.5, 1.5, -2.0]),
        "A": st.booleans(),  # DuckDB would not tell these two columns apart by name
        "s": st.sampled_from(["x", "y", "'; DROP"]),
    },
).filter(bool)
other_fields = st.fixed_dictionaries({"a": st.sampled_from(["text", "more"])}, optional={"n": st.integers(0, 2)})
points = st.builds(
    P, st.sampled_from([0, 1, DAY_NS, -DAY_NS]), fields, st.fixed_dictionaries({"k": st.sampled_from(["", "1", "2"])})
) | st.builds(P, st.sampled_from([0, 1]), other_fields, st.just({}), st.just("other"))
several_blocks = st.lists(st.lists(points, max_size=12), min_size=1, max_size=4)


@given(blocks=several_blocks, chunk_rows=st.integers(1, 12), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_duplicates_are_counted_by_kind_and_merged_as_by_brute_force(
    tmp_path: Path, blocks: list[list[P]], chunk_rows: int, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(blocks))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "CHUNK_ROWS", chunk_rows)
        found = find(tmp_path, blocks, order=order)
    state, kinds, across = model(blocks)
    assert +found.duplicates.kinds == kinds
    assert found.duplicates.total == sum(map(len, blocks)) - len(state)
    assert found.duplicates.rewritten == len(across)

    expected: Counter[tuple[int, str, str]] = Counter()
    for (measurement, _, time), values in state.items():
        expected.update((time // DAY_NS, measurement, name) for name in values)
    counted: Counter[tuple[int, str, str]] = Counter()
    for number, by_name in found.expectation.counts.items():
        counted.update({(number, *name): count for name, count in by_name.items()})
    assert +counted == expected

    merged = {line for lines in found.rewritten_lines() for line in lines.frame["line"]}
    winners = [P(key[2], state[key], dict(key[1]), key[0]) for key in across]
    assert {normal(line) for line in merged} == {normal(line) for line in encoded(winners).frame["line"]}


def normal(line: str) -> tuple[str, frozenset[str], str]:
    """A line, its fields in any order; names and texts are without commas and spaces here, but for one text."""
    series, written, time = line.replace("'; DROP", "drop").split(" ")
    return series, frozenset(written.split(",")), time


def test_after_merging_the_server_holds_the_last_values_in_whatever_order_the_blocks_were_written(
    influxd: Influxd, tmp_path: Path
) -> None:
    rng = random.Random(5)  # noqa: S311 - no secret
    blocks = [
        [
            P(
                rng.randrange(20),
                {name: f"{number}-{n}-{name}" for name in rng.sample("abcd", rng.randint(1, 3))},
                {"k": rng.choice("xy")},
            )
            for n in range(60)
        ]
        for number in range(6)
    ]
    found = find(tmp_path, blocks)
    state, _, _ = model(blocks)
    with new_bucket(influxd.server) as bucket_id:
        with ThreadPoolExecutor(3) as pool:
            shuffled = rng.sample(found.blocks, len(found.blocks))
            list(pool.map(lambda lines: write(influxd.server, bucket_id, lines), shuffled))
        for lines in found.rewritten_lines():
            write(influxd.server, bucket_id, lines)
        stored: State = {}
        for point in stored_texts(influxd.server, bucket_id, 0, 20):
            stored.setdefault(key_of(point), {}).update(point.fields)
    assert stored == state


@pytest.mark.parametrize("rows_at_once", [1, 7, 40])
def test_looking_at_a_part_of_the_keys_at_a_time_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    rng = random.Random(7)  # noqa: S311 - no secret
    blocks = [[P(rng.randrange(30), {"v": float(n)}, {"k": rng.choice("xy")}) for n in range(40)] for _ in range(3)]
    at_once = find(tmp_path / "whole", blocks).duplicates
    monkeypatch.setattr(duplicates, "ROWS_AT_ONCE", rows_at_once)
    assert find(tmp_path / "parts", blocks).duplicates == at_once
    assert at_once.total > 50


def test_a_load_without_duplicates_finds_none(tmp_path: Path) -> None:
    found = find(tmp_path, [[P(1, {"a": 1.0}), P(2, {"a": 1.0})], [P(3, {"a": 1.0}), P(1, {"a": 1.0}, {"k": "x"})]])
    assert (found.duplicates.total, found.duplicates.examples, found.rewritten) == (0, [], [])


def test_a_load_without_points_has_no_duplicates(tmp_path: Path) -> None:
    assert find(tmp_path, []).duplicates.total == 0


def test_the_examples_are_the_first_ten_values_that_were_lost(tmp_path: Path) -> None:
    points = [P(time, {"a": time + turn, "b": "same"}, {"k": "x"}) for turn in (0, 100, 200) for time in range(8)]
    found = find(tmp_path, [points[:12], points[12:]])
    shown = [(item.series, item.time_ns, item.field, item.lost, item.kept) for item in found.duplicates.examples]
    first = [(f"{time + turn}", f"{time + turn + 100}", time) for time in range(8) for turn in (0, 100)][:10]
    assert shown == [("m,k=x", time, "a", lost, kept) for lost, kept, time in first]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_the_findings_do_not_depend_on_which_block_was_written_first(tmp_path: Path, order: tuple[int, ...]) -> None:
    blocks = [
        [P(1, {"b": "one", "n": 1}), P(2, {"a": "one"})],
        [P(1, {"a": "two", "b": "two", "n": 2})],
        [P(1, {"a": "three", "b": "three", "c": "three", "n": 1})],
    ]
    found, usual = find(tmp_path, blocks, order=order).duplicates, find(tmp_path, blocks).duplicates
    assert (found.kinds, found.examples, found.tag_hint) == (usual.kinds, usual.examples, usual.tag_hint)


def test_the_hint_is_the_field_that_tells_colliding_points_apart_and_takes_few_values(tmp_path: Path) -> None:
    points = [
        P(n // 3, {"event": f"e{n}", "bird": "abc"[n % 3], "lat": n / 7, "sex": "f", "age": n % 3 // 2})
        for n in range(300)
    ]
    assert find(tmp_path, [points]).duplicates.tag_hint == "column of bird"


def test_there_is_no_hint_where_every_value_is_another(tmp_path: Path) -> None:
    points = [P(n // 3, {"event": f"e{n}", "lat": n / 7}) for n in range(300)]
    assert find(tmp_path, [points]).duplicates.tag_hint is None


def test_merged_points_are_sorted_and_written_whole(tmp_path: Path) -> None:
    found = find(tmp_path, [[P(2, {"a": 1.0}), P(1, {"a": 1.0, "b": "x"})], [P(1, {"a": 2.0}), P(2, {"b": "y"})]])
    text = b"".join(body(lines.frame["line"]) for lines in found.rewritten_lines())
    assert [normal(line) for line in text.decode().splitlines()] == [
        ("m", frozenset({"a=2.0", 'b="x"'}), "1"),
        ("m", frozenset({"a=1.0", 'b="y"'}), "2"),
    ]


@pytest.mark.parametrize("name", ["a b", "it's", "a[1]b", "star*", "what?", "ä;--"])
def test_the_folder_of_the_accounts_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    assert find(folder, [[P(1, {"a": 1.0})], [P(1, {"a": 1.0})]]).duplicates.kinds == {"identical": 1}
    assert list(folder.iterdir()) == []
