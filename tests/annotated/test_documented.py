"""What the documentation of annotated CSV shows converts as it says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import importer
from tests.annotated.converting import converted, parsed
from tests.annotated.documented import DOCUMENTED, Example


@pytest.mark.parametrize("example", DOCUMENTED, ids=lambda example: example.name)
def test_the_examples_of_the_documentation_convert_exactly(example: Example, tmp_path: Path) -> None:
    lines = converted(tmp_path, example.text, header=example.header, skip_header=example.skip_header)
    assert parsed(lines) == parsed(example.lines)


def test_annotations_in_a_file_of_their_own_are_those_of_the_files_behind_it(tmp_path: Path) -> None:
    annotations, rows = tmp_path / "headers.csv", tmp_path / "rows.csv"
    annotations.write_text("#constant measurement,birds\n#datatype dateTime:2006-01-02,long,tag\n")
    rows.write_text("date,sighted,loc\n2020-01-01,12,Boise\n")
    out = io.BytesIO()
    importer.load([annotations, rows], options=importer.LoadOptions(bucket="b", dry_run=True), stdout=out)
    assert out.getvalue() == b"birds,loc=Boise sighted=12i 1577836800000000000\n"
