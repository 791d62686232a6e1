"""Whether a load is the one that was begun earlier."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from importer import LoadOptions, Mapping
from importer.journal import Plan, difference, mapping_sha256, settings_of, source_print
from importer.mapping.columns import ColumnMapper
from importer.mapping.rows import RowMapper
from importer.source.open import expand
from tests.loading import BIRDS


def plan(folder: Path, data: bytes = b"a,b\n1,2\n", **options: object) -> Plan:
    path = folder / "a.csv"
    path.write_bytes(data)
    return Plan(
        load_id="1",
        org_id="o",
        target="t",
        bucket_id="b",
        appends=False,
        was_empty=True,
        sources=tuple(map(source_print, expand([path]))),
        mapping_sha256=mapping_sha256("m"),
        settings=settings_of(LoadOptions(bucket="t", **options)),  # type: ignore[arg-type]
    )


def test_the_same_is_the_same(tmp_path: Path) -> None:
    assert difference(plan(tmp_path), plan(tmp_path, workers=4, max_rejects=5)) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a,b\n1,2\n3,4\n", r"it had 8 bytes, now 12 bytes"),
        (b"a,b\n1,3\n", r"it has as many bytes as before, but others"),
    ],
)
def test_a_changed_source_is_told_by_its_size_or_its_ends(tmp_path: Path, data: bytes, reason: str) -> None:
    found = difference(plan(tmp_path), plan(tmp_path, data))
    assert found is not None
    assert reason in found


def test_both_ends_of_a_large_source_are_looked_at(tmp_path: Path) -> None:
    data = b"x" * (3 << 20)
    for position in (0, len(data) - 1):
        changed = bytearray(data)
        changed[position] = 0
        assert difference(plan(tmp_path, data), plan(tmp_path, bytes(changed))) is not None


def test_other_names_another_mapping_and_other_options_are_named(tmp_path: Path) -> None:
    before = plan(tmp_path)
    renamed = replace(before, sources=(replace(before.sources[0], name="b.csv"),))
    assert "now they are b.csv" in str(difference(before, renamed))
    assert "the mapping is another one" in str(difference(before, replace(before, mapping_sha256="other")))
    assert "another --limit: null, now 5" in str(difference(before, plan(tmp_path, limit=5)))
    assert 'another --precision: "ns", now "ms"' in str(difference(before, plan(tmp_path, precision="ms")))


def test_a_mapping_is_known_by_what_it_says_and_not_by_the_order_of_its_keys() -> None:
    one = ColumnMapper(Mapping.from_dict(BIRDS)).description
    turned = {**BIRDS, "fields": dict(reversed(BIRDS["fields"].items()))}
    other = {**BIRDS, "fields": {**BIRDS["fields"], "n": {"column": "n", "type": "float"}}}
    assert ColumnMapper(Mapping.from_dict(turned)).description == one
    assert ColumnMapper(Mapping.from_dict(other)).description != one


def test_a_function_is_known_by_the_text_of_its_module() -> None:
    def first(row: dict[str, str]) -> None: ...

    def second(row: dict[str, str]) -> None: ...

    assert RowMapper(first).description == RowMapper(first).description
    assert RowMapper(first).description != RowMapper(second).description
    assert "def test_a_function_is_known_by_the_text_of_its_module" in RowMapper(first).description
