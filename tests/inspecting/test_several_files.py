"""Several files are one dataset: what differs between them is found out, allowed or refused by the names of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import importer
from importer import SourceError
from tests.loading import Trial

STAMPS = tuple(f"2021-01-01T00:00:{second:02}Z" for second in range(20))


def rows(place: str = "Bern", delimiter: str = ",") -> str:
    lines = [("time", "v", "place"), *((stamp, str(n), place) for n, stamp in enumerate(STAMPS))]
    return "".join(delimiter.join(line) + "\n" for line in lines)


def write(folder: Path, **files: bytes) -> list[Path]:
    paths = []
    for name, data in files.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_bytes(data)
    return paths


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (rows().encode(), rows(delimiter=";").encode(), "parted by ',', but those of"),
        (rows("Zürich").encode(), rows("Genève").encode("cp1252"), "in utf-8, but"),
        (rows().encode(), rows("Genève").encode("utf-16"), "in utf-8, but"),
    ],
)
def test_files_that_are_written_differently_are_refused_by_both_names(
    first: bytes, second: bytes, said: str, tmp_path: Path
) -> None:
    paths = write(tmp_path, one=first, other=second)
    for order in (paths, paths[::-1]):
        with pytest.raises(SourceError) as refused:
            importer.inspect(order)
        assert all(str(path) in str(refused.value) for path in paths)
        assert "load them one after the other" in str(refused.value)
    with pytest.raises(SourceError, match=said):
        importer.inspect(paths)


def test_a_file_without_odd_letters_is_read_in_the_encoding_of_the_others(trial: Trial) -> None:
    paths = write(trial.folder, plain=rows().encode(), odd=rows("Zürich").replace("2021", "2022").encode("cp1252"))
    found = importer.inspect(paths)
    assert (found.dialect.encoding, found.broken, found.questions) == ("cp1252", 0, ())
    report = trial.load(paths, mapping=found.mapping)
    assert (report.rejected, report.rows_read) == (0, 40)
    assert set(trial.rows()["place"].unique()) == {"Bern", "Zürich"}


def test_a_sample_does_not_take_a_file_for_ascii_by_its_beginning(tmp_path: Path) -> None:
    beginning, odd = rows() + rows().partition("\n")[2] * 2_500, rows("Genève").encode("cp1252")
    paths = write(tmp_path, long=beginning.encode(), odd=odd)
    assert importer.inspect(paths, sample=10).dialect.encoding == "cp1252"
    paths = write(tmp_path, long=(beginning + f"{STAMPS[0]},1,Zürich\n").encode(), odd=odd)
    with pytest.raises(SourceError, match="in utf-8, but"):
        importer.inspect(paths, sample=10)


def test_a_delimiter_that_a_file_says_itself_need_not_be_that_of_the_others(tmp_path: Path) -> None:
    found = importer.inspect(write(tmp_path, says=b"sep=;\n" + rows(delimiter=";").encode(), other=rows().encode()))
    assert (found.dialect.delimiter, found.rows, found.broken) == (",", 40, 0)


def test_keys_of_json_lines_that_only_some_files_have_are_columns_whichever_is_first(trial: Trial) -> None:
    few, many = trial.folder / "few.jsonl", trial.folder / "many.jsonl"
    few.write_text("".join(json.dumps({"t": 1_600_000_000 + n, "v": n}) + "\n" for n in range(5)))
    many.write_text("".join(json.dumps({"t": 1_600_001_000 + n, "v": n, "alarm": n}) + "\n" for n in range(3)))
    for order in ([few, many], [many, few]):
        found = importer.inspect(order)
        assert {column.name: column.role for column in found.columns} == {"t": "time", "v": "field", "alarm": "field"}
    report = trial.load([few, many], mapping=found.mapping)
    assert (report.rejected, {field.field: field.stored for field in report.fields}) == (0, {"v": 8, "alarm": 3})
