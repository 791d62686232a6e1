"""However long its texts are, a bucket is read in bounded memory, and in few questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import importer
from importer import ServerError
from importer.bucket import influxql
from importer.bucket.influxql import Asking
from importer.reading import points
from tests.loading import Trial

from .conftest import Fill

HOUR = 3600 * 10**9
LENGTH, ROWS = 10_000, 200


@pytest.fixture
def texts(fill: Fill) -> list[str]:
    """Long texts, an hour apart in one year of all of time, and one long before."""
    found = [f"{n:0{LENGTH}}" for n in range(ROWS)]
    fill("m n=1i -9000000000000000000", *(f'm s="{text}" {10**18 + n * HOUR}' for n, text in enumerate(found)))
    return found


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were put to the server."""
    statements: list[str] = []
    plain = Asking.pieces

    def pieces(self: Asking, statement: str, params: Mapping[str, Any] = influxql.NO_PARAMS, **more: Any) -> Any:
        statements.append(statement)
        return plain(self, statement, params, **more)

    monkeypatch.setattr(Asking, "pieces", pieces)
    return statements


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of the server's answers were in memory at once."""
    sizes: list[int] = []
    plain = influxql._decoded

    def decoded(line: bytes) -> Any:
        sizes.append(len(line))
        return plain(line)

    monkeypatch.setattr(influxql, "_decoded", decoded)
    return sizes


def test_fewer_rows_come_at_once_where_they_are_long(
    trial: Trial, texts: list[str], lines: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 12 * LENGTH
    monkeypatch.setattr(points, "MOST_BYTES_AT_ONCE", most)
    assert importer.read(trial.bucket, connection=trial.connection)["s"].drop_nulls().to_list() == texts
    assert LENGTH < max(lines) <= most


def test_a_slice_that_is_too_large_is_cut_where_its_points_are_and_not_where_time_is_empty(
    trial: Trial, texts: list[str], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "MOST_BYTES", 60 * LENGTH)
    monkeypatch.setattr(points, "CHUNK_ROWS_OF_TEXT", 10)
    sizes: list[int] = []
    plain = points._once

    def once(*arguments: Any, **more: Any) -> tuple[points.Part, tuple[int, ...]]:
        part, counts = plain(*arguments, **more)
        sizes.append(part.frame.height)
        return part, counts

    monkeypatch.setattr(points, "_once", once)
    assert importer.read(trial.bucket, connection=trial.connection)["s"].drop_nulls().to_list() == texts
    assert sum(sizes) == ROWS + 1
    assert max(sizes) <= 60
    assert len(asked) < 30


def test_a_row_that_is_too_long_in_itself_is_an_error_that_says_what_to_do(
    trial: Trial, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill('m s="short",long="' + "x" * LENGTH + '" 1')
    monkeypatch.setattr(points, "MOST_BYTES_AT_ONCE", LENGTH // 2)
    monkeypatch.setattr(points, "LONGEST_LINE", LENGTH // 2)
    with pytest.raises(ServerError, match=r"too much for memory: read fewer fields at a time \(--field\)"):
        importer.read(trial.bucket, connection=trial.connection)
    assert importer.read(trial.bucket, connection=trial.connection, fields="s")["s"].to_list() == ["short"]
