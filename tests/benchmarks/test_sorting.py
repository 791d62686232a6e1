from __future__ import annotations

import re

import pytest

from benchmarks import sorting


def test_the_table_has_a_line_for_each_way_with_all_points_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    sorting.main(["--rows", "3000", "--runs", "1"])
    out = capsys.readouterr().out
    assert out.startswith("3,000 points, 1 rounds")
    for title, _ in sorting.WAYS.values():
        assert re.search(
            rf"^\| {re.escape(title)} \| [\d.]+ s \(.*\) \| [\d.]+ s \(.*\) \| [\d,]+ MB \|$", out, re.MULTILINE
        )


def test_fewer_points_than_asked_for_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = sorting.prepare
    monkeypatch.setattr(sorting, "prepare", lambda folder, rows: prepare(folder, rows - 1))
    with pytest.raises(RuntimeError, match="3,000 points were to be sorted: 2999"):
        sorting.main(["--rows", "3000", "--runs", "1"])
