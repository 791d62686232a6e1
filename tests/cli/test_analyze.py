from __future__ import annotations

import json
from pathlib import Path

import pytest

import importer
from tests.loading import BIRDS, Command, Trial, birds_csv

pytestmark = pytest.mark.usefixtures("environment")


def test_analyze_prints_tables_that_fit_a_pipe(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(70)))
    ended = command("analyze", trial.bucket, "--by", "bird")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"bucket '{trial.bucket}': 140 values in 2 fields"
    assert max(map(len, lines)) <= 110
    found = [line.split() for line in lines]
    assert ["lat", "70", "47", "47.0345", "47.069", "47.0345", "47.0656", "47.0683"] in found
    assert ["b0", "10", "47", "47.0315", "47.063", "47.0315", "47.0598", "47.0624"] in found
    assert [
        "lat",
        "2020-09-13",
        "12:26:40",
        "2020-09-13",
        "13:35:40",
        "7",
        "1/min",
        "7",
        "min",
        "7",
        "min",
        "0",
    ] in found


def test_analyze_prints_json_for_programs_that_is_the_functions_own_result(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(70)))
    options = ("--by", "bird", "--field", "lat", "--tag", "bird=b1", "--tag", "bird=b2", "--measurement", "birds")
    ended = command("analyze", trial.bucket, *options, "--start", "2020-09-13T12:27:00Z", "--gap-factor", "5", "--json")
    expected = importer.analyze(
        trial.bucket,
        by="bird",
        fields="lat",
        tags={"bird": ["b1", "b2"]},
        measurements="birds",
        start="2020-09-13T12:27:00Z",
        gap_factor=5,
        connection=trial.connection,
    )
    assert json.loads(ended.out) == expected.model_dump(mode="json")
    assert [(each.count, each.tag and each.tag.value) for each in expected.fields] == [
        (20, None),
        (10, "b1"),
        (10, "b2"),
    ]


def test_analyze_writes_a_page_with_charts_of_every_value(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(70)))
    ended = command("analyze", trial.bucket, "--html", "birds.html")
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "the page is in birds.html")
    page = Path("birds.html").read_text()
    # Of each of the two fields: values over time, least to greatest, distribution.
    assert page.count("<svg") == 6
    bars = [part.split('"')[0].rsplit("-", 1) for part in page.split('id="c0-0-bar-')[1:]]
    assert sum(int(count) for _, count in bars) == 70
    again = command("analyze", trial.bucket, "--html", "birds.html")
    assert (again.code, "say --force to replace it" in again.err, again.out) == (2, True, "")
    assert command("analyze", trial.bucket, "--html", "birds.html", "--force", "--json").code == 0


def test_analyze_of_nothing_says_so_and_of_what_is_not_there_names_what_is(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(7)))
    nothing = command("analyze", trial.bucket, "--stop", "2000-01-01")
    assert (nothing.code, nothing.out) == (
        0,
        f"the bucket '{trial.bucket}' holds nothing until 2000-01-01T00:00:00.000000000Z\n",
    )
    wrong = command("analyze", trial.bucket + "x")
    assert (wrong.code, wrong.out) == (1, "")
    assert f"did you mean '{trial.bucket}'?" in wrong.err
    assert "write a length and a unit" in command("analyze", trial.bucket, "--window", "30").err
    assert BIRDS["measurement"] in command("analyze", trial.bucket, "--measurement", "brids").err


def test_analyze_without_a_server_ends_with_an_error(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:1")
    ended = command("analyze", "birds", "--wait", "0")
    assert (ended.code, ended.out) == (1, "")
    assert "Traceback" not in ended.err
    assert "no answer from the server" in ended.err
