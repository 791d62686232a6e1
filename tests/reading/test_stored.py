"""Rows out of storage files are those that plain Python finds; and whatever is wrong with a backup is an error."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import importer
from importer import ConfigurationError
from importer.limits import MAX_STRING_BYTES
from importer.reading.stored import cuts, points, slicing, unit
from tests.loading import Command
from tests.reading.backups import ONE, SPAN, TYPES, Deleted, File, Key, M, Shard, make_backup, manifest

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "f": st.floats(allow_nan=False, allow_infinity=False),
    "i": st.integers(-(2**63), 2**63 - 1),
    "u": st.integers(0, 2**64 - 1),
    "b": st.booleans(),
    "s": st.binary(max_size=6) | st.text(max_size=4).map(str.encode),
}
KEYS: list[Key] = [
    (measurement, tags, field)
    for measurement in ("m", "m$", "n 1,")
    for tags in ((), (("t", "x"),), (("t", "y"),), (("t", "x!"), ("v", "1")))
    for field in VALUES
]


@st.composite
def files(draw: st.DrawFn, start: int) -> File:
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=12, unique=True))
    times = st.integers(start, start + SPAN - 1)
    values = {key: draw(st.dictionaries(times, VALUES[key[2]], min_size=1, max_size=12)) for key in keys}
    deleted = draw(st.lists(st.builds(Deleted, st.sampled_from(keys), times, times), max_size=4))
    return File(values, deleted)


@st.composite
def shards(draw: st.DrawFn) -> list[Shard]:
    starts = draw(st.lists(st.integers(-3, 3), min_size=1, max_size=3, unique=True))
    return [
        Shard(start * SPAN, (start + 1) * SPAN, draw(st.lists(files(start * SPAN), min_size=1, max_size=3)))
        for start in starts
    ]


def expected(of: list[Shard]) -> list[tuple[Any, ...]]:
    """Rows as they are read: measurement, time, the tags t and v, and the fields in the order of their names."""
    merged: dict[tuple[str, int, tuple[tuple[str, str], ...]], dict[str, Any]] = defaultdict(dict)
    for shard in of:
        for file in shard.files:
            for key, values in file.values.items():
                for time, value in values.items():
                    if not any(each.key == key and each.first <= time <= each.last for each in file.deleted):
                        merged[key[0], time, key[1]][key[2]] = value
    rows = []
    for (measurement, time, tags), fields in merged.items():
        shown = {name: exact(value) for name, value in fields.items()}
        rows.append((measurement, time, dict(tags).get("t"), dict(tags).get("v"), *map(shown.get, "bfisu")))
    return sorted(rows, key=lambda row: (row[0], row[1], row[2] or "", row[3] or ""))


def exact(value: Any) -> Any:
    """In a form that is equal for the very same value only; of bytes the text that is read of them."""
    if isinstance(value, bytes):
        return re.sub("[\udc80-\udcff]", "\ufffd", value.decode(errors="surrogateescape"))
    return struct.pack("<d", value) if isinstance(value, float) else value


def rows_of(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    found = frame.with_columns(frame["time"].cast(pl.Int64)).to_dicts()
    return [
        (row["measurement"], row["time"], row.get("t"), row.get("v"), *(exact(row.get(name)) for name in "bfisu"))
        for row in found
    ]


@settings(max_examples=20, deadline=None)
@given(of=shards(), most_bytes=st.sampled_from([100, 1_000, points.MOST_BYTES]), is_gzip=st.booleans())
def test_rows_of_any_files_and_tombstones_are_those_that_plain_python_finds(
    tmp_path_factory: pytest.TempPathFactory, of: list[Shard], most_bytes: int, *, is_gzip: bool
) -> None:
    folder = make_backup(tmp_path_factory.mktemp("made") / "backup", of, TYPES, is_gzip=is_gzip)
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(points, "MOST_BYTES", most_bytes)
        changed.setattr(slicing, "IN_MEMORY_BYTES", 5 * most_bytes)
        changed.setattr(slicing, "_LOOSE", 3)
        changed.setattr(cuts, "MOST_TIMES", 16)
        changed.setattr(unit, "BLOCKS_AT_ONCE", 1)
        found = importer.read(from_backup=folder, state_dir=folder.parent / "state")
        part = importer.read(
            from_backup=folder,
            state_dir=folder.parent / "state",
            start="1969-12-31T23:59:59.999999950Z",
            stop="1970-01-01T00:00:00.000000150Z",
            measurement=[name for name in ("m", "n 1,") if name in found["measurement"]],
        )
    rows = expected(of)
    assert rows_of(found) == rows
    wanted = {"m", "n 1,"} & {*found["measurement"]} or {*found["measurement"]}
    assert rows_of(part) == [row for row in rows if row[0] in wanted and -50 <= row[1] < 150]


def test_a_bucket_is_named_where_there_are_several_and_what_is_not_there_gets_the_nearest(
    tmp_path: Path, read: Callable[..., pl.DataFrame]
) -> None:
    folder = make_backup(tmp_path / "backup", ONE, TYPES, bucket="birds")
    assert read().height == 2
    (birds,) = manifest(folder)
    manifest(folder, [birds, birds | {"bucketName": "_monitoring"}])
    assert read().equals(read("birds"))
    assert read("_monitoring").height == 2
    manifest(folder, [birds, birds | {"bucketName": "waves"}])
    with pytest.raises(ConfigurationError, match=r"holds several buckets: say which \(birds, waves\)"):
        read()
    with pytest.raises(ConfigurationError, match=r"no bucket 'bird' in .*; did you mean 'birds'"):
        read("bird")
    manifest(folder, [birds, birds | {"organizationName": "other"}])
    with pytest.raises(ConfigurationError, match="of each of the organisations 'o', 'other': restore the one"):
        read("birds")
    manifest(folder, [])
    with pytest.raises(ConfigurationError, match="holds no bucket"):
        read()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aggregate": "1h"}, "only a server works windows out: leave --aggregate out.* or restore it"),
        ({"limit": 0}, "a limit of 0 rows"),
        ({"fields": "j"}, "no field 'j'; there is: i"),
        ({"measurement": "mm"}, "no measurement 'mm'; did you mean 'm'"),
        ({"tags": {"tt": "x"}}, "no tag 'tt'; did you mean 't'"),
        ({"connection": importer.Connection("http://127.0.0.1:9", "o", "t")}, "either a connection or a backup"),
    ],
)
def test_what_a_backup_cannot_answer_is_an_error_that_says_what_to_do(
    tmp_path: Path, read: Callable[..., pl.DataFrame], options: dict[str, Any], message: str
) -> None:
    make_backup(tmp_path / "backup", ONE, TYPES)
    with pytest.raises(ConfigurationError, match=message):
        read(**options)


def test_a_tag_that_no_point_has_is_warned_of(
    tmp_path: Path, read: Callable[..., pl.DataFrame], caplog: pytest.LogCaptureFixture
) -> None:
    make_backup(tmp_path / "backup", ONE, TYPES)
    assert read(tags={"t": ["x", "xx"]}).height == 2
    assert caplog.messages == ["warning: no point has the tag t='xx'; did you mean 'x'?"]


def test_neither_a_bucket_nor_a_backup_is_exit_2_before_a_server_is_started(command: Command, tmp_path: Path) -> None:
    ended = command("read", "--limit", "1")
    assert (ended.code, ended.err) == (2, "error: name a bucket, or the folder of a backup by --from-backup\n")
    ended = command("read", "b", "--from-backup", tmp_path)
    assert (ended.code, "holds no manifest" in ended.err) == (2, True)


def test_shard_groups_that_overlap_are_read_together_and_only_those_in_the_range(
    tmp_path: Path, read: Callable[..., pl.DataFrame]
) -> None:
    of = [
        Shard(start, stop, [File({M: dict.fromkeys(range(start, stop, 7), start)})])
        for start, stop in ((0, 50), (30, 90), (100, 200))
    ]
    folder = make_backup(tmp_path / "backup", of, TYPES)
    found = read()
    assert found["time"].is_sorted()
    assert found["time"].cast(pl.Int64).to_list() == sorted({*range(0, 50, 7), *range(30, 90, 7), *range(100, 200, 7)})
    (folder / "20240131T235959Z.1.tar.gz").unlink()
    assert read(start="1970-01-01T00:00:00.0000001Z").height == 15


def test_a_name_that_only_shard_groups_out_of_the_range_have_is_no_error(
    tmp_path: Path, read: Callable[..., pl.DataFrame], caplog: pytest.LogCaptureFixture
) -> None:
    later: Key = ("later", (("s", "y"),), "f")
    make_backup(tmp_path / "backup", [*ONE, Shard(SPAN, 2 * SPAN, [File({later: {SPAN: 0.5}})])], TYPES)
    soon = {"stop": "1970-01-01T00:00:00.00000005Z"}
    assert read(measurement=["m", "later"], **soon).height == 2
    assert read(measurement="laters", **soon).shape == (0, 2)
    assert read(fields=["f", "i"], **soon)["i"].to_list() == [1, 2]
    assert read(tags={"s": "y"}, **soon).height == 0
    assert read(tags={"s": ["", "y"]}, **soon).height == 2
    assert caplog.messages[0] == "warning: no shard group of that range has the measurement 'later'"
    with pytest.raises(ConfigurationError, match="no measurement 'laters'; did you mean 'later'"):
        read(measurement="laters")


def test_a_field_of_two_types_is_refused_and_read_from_one_of_its_shard_groups(
    tmp_path: Path, read: Callable[..., pl.DataFrame]
) -> None:
    folder = make_backup(tmp_path / "backup", ONE, TYPES)
    other = make_backup(tmp_path / "other", [Shard(SPAN, 2 * SPAN, [File({M: {SPAN + 1: 0.5}})])], {"i": "float"})
    (second,) = other.glob("*.tar.gz")
    second.rename(folder / "20240131T235959Z.2.tar.gz")
    (here,), (there,) = manifest(folder), manifest(other)
    groups = [bucket["retentionPolicies"][0]["shardGroups"] for bucket in (here, there)]
    groups[0] += groups[1]
    groups[0][1]["shards"][0]["fileName"] = "20240131T235959Z.2.tar.gz"
    manifest(folder, [here])
    with pytest.raises(ConfigurationError, match=r"'i' of 'm' is stored as float and as integer.*naming the other"):
        read()
    assert read(stop="1970-01-01T00:00:00.0000001Z")["i"].to_list() == [1, 2]
    assert read(start="1970-01-01T00:00:00.0000001Z")["i"].to_list() == [0.5]


def test_long_texts_are_cut_into_slices_by_their_bytes(
    tmp_path: Path, read: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    key: Key = ("m", (), "s")
    values = {n: b"%d" % n * (MAX_STRING_BYTES // 8 if n % 10 == 0 else 1) for n in range(1, 90)}
    make_backup(tmp_path / "backup", [Shard(0, SPAN, [File({key: values})])], TYPES)
    heights: list[int] = []
    plain: Any = vars(points)["part_of"]

    def part_of(*arguments: Any) -> Any:
        part = plain(*arguments)
        heights.append(part.frame["field:s"].str.len_bytes().sum())
        return part

    monkeypatch.setattr(points, "part_of", part_of)
    monkeypatch.setattr(points, "MOST_BYTES", 1 << 19)
    assert read()["s"].to_list() == [value.decode() for value in values.values()]
    assert len(heights) >= 4
    assert max(heights) < 1 << 20


SCRIPT = """
import sys
from pathlib import Path
import importer
from importer.reading.stored import points, slicing
points.MOST_BYTES = slicing.IN_MEMORY_BYTES = 1 << 19
folder, path, rows = sys.argv[1:]
assert importer.export(None, path, from_backup=folder, state_dir=Path(path).parent / "state").rows == int(rows)
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM:")))
"""


def test_ten_times_the_rows_take_hardly_more_memory(tmp_path: Path) -> None:
    peaks = []
    for rows in (10_000, 100_000):
        values = {("m", (("t", str(series)),), "u"): {n * 9: n for n in range(rows // 20)} for series in range(20)}
        folder = make_backup(tmp_path / f"{rows}", [Shard(0, 10**9, [File(values)])], TYPES)
        words = [sys.executable, "-c", SCRIPT, str(folder), str(tmp_path / f"{rows}.csv"), str(rows)]
        ended = subprocess.run(words, capture_output=True, text=True, check=True)
        peaks.append(int(ended.stdout) * 1024)
    few, many = peaks
    assert many < few + 15_000_000, f"{many / 1e6:.0f} MB, and {few / 1e6:.0f} MB for a tenth of the rows"
