"""Buckets from a file, listed, shown and deleted, on the real server and by the command line."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import importer
from importer.bucket import catalogue, prepare
from importer.bucket.mark import Mark
from importer.bucket.settings import BucketSettings
from importer.errors import ConfigurationError, NotFoundError, ServerError
from importer.provisioning.wanted import WantedBucket, read_wanted
from tests.fault_proxy import Fault, fault_proxy
from tests.loading import Command, Start, Trial, birds_csv
from tests.points import write

DAY = 86_400


def toml(path: Path, *buckets: str) -> Path:
    path.write_text("".join(f"[[buckets]]\n{bucket}\n" for bucket in buckets), encoding="utf-8")
    return path


def test_a_file_says_the_same_in_toml_and_in_json(tmp_path: Path) -> None:
    keys = 'name = "a b"\ndescription = "Ü"\nretention = "30d"\nshard-group-duration = "1d"'
    expected = [WantedBucket("a b", "Ü", 30 * DAY, DAY), WantedBucket("plain")]
    assert read_wanted(toml(tmp_path / "b.toml", keys, 'name = "plain"')) == expected
    listed = [
        {"name": "a b", "description": "Ü", "retention": 30 * DAY, "shard_duration": "24h"},
        {"name": "plain"},
    ]
    for raw in (listed, {"buckets": listed}):
        (tmp_path / "b.json").write_text("\ufeff" + json.dumps(raw), encoding="utf-8")
        assert read_wanted(tmp_path / "b.json") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "_system"', "a leading _ is the server's own"),
        ('name = "a"\nretension = "1d"', "'a': unknown key 'retension'; did you mean 'retention'?"),
        ('name = "a"\nretention = "30m"', "retention of 30m is not possible: the server takes 1h"),
        ('name = "a"\nretention = "1d"\nshard_duration = "2d"', "shard duration of 2d is longer than the retention"),
        ('name = "a"\nretention = "soon"', "'a': retention: .*'soon'"),
        ('name = "a"\nretention = true', "'a': retention is a text"),
        ("name = 5", "bucket 1: name is a text, and not 5"),
        ('description = "x"', "bucket 1: name is missing"),
        ('name = "a"\n[[buckets]]\nname = "a"', "the bucket 'a' is named 2 times"),
        ("name = ", "is no TOML: Invalid value"),
    ],
)
def test_whatever_the_server_would_refuse_is_found_in_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_wanted(toml(tmp_path / "b.toml", text))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("b.json", "", "is no JSON"),
        ("b.json", "[]", "names no buckets"),
        ("b.json", '{"bucket": []}', "unknown key 'bucket'; did you mean 'buckets'?"),
        ("b.json", "[1]", "bucket 1: a table with a name is needed, and not 1"),
        ("b.yaml", "", "ends neither in .json nor in .toml"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_wanted(tmp_path / name)
    with pytest.raises(ConfigurationError, match="no such file"):
        read_wanted(tmp_path / "none.toml")


def test_all_that_is_wrong_in_a_file_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_wanted(toml(tmp_path / "b.toml", 'name = "_x"\nsize = 1', 'name = "y"\nretention = "1s"'))
    assert len(str(error.value).splitlines()) == 4


@pytest.mark.usefixtures("environment")
def test_what_is_missing_is_created_and_what_is_there_is_left_as_it_is(trial: Trial, command: Command) -> None:
    there = catalogue.create(trial.server, f"{trial.bucket}-c", BucketSettings(7 * DAY, DAY, "old"), None)
    catalogue.create(trial.server, f"{trial.bucket}-b", BucketSettings(7 * DAY, DAY, "same"), None)
    file = toml(
        trial.folder / "buckets.toml",
        f'name = "{trial.bucket}-a"\ndescription = "new"\nretention = "30d"\nshard_duration = "1d"',
        f'name = "{trial.bucket}-b"\ndescription = "same"\nretention = "1w"',
        f'name = "{trial.bucket}-c"\ndescription = "new"\nretention = "inf"',
    )
    planned = command("buckets", "apply", file, "--dry-run")
    assert planned.code == 0
    differences = "retention inf wanted, 7d there; description 'new' wanted, 'old' there"
    assert planned.out.splitlines() == [
        f"+ create  {trial.bucket}-a  retention 30d; shard groups 1d; 'new'",
        f"= exists  {trial.bucket}-b",
        f"~ differs {trial.bucket}-c  {differences}  (left as it is)",
        "Plan: 1 to create, 1 unchanged, 1 differs.",
    ]
    assert trial.buckets == {"-b", "-c"}
    assert command("buckets", "apply", file).out.splitlines()[-1] == "Created 1."
    made = {bucket.name.removeprefix(trial.bucket): bucket for bucket in trial.all_buckets()}
    assert made["-a"].settings == BucketSettings(30 * DAY, DAY, "new")
    assert (made["-c"].id, made["-c"].settings) == (there.id, there.settings)
    again = json.loads(command("buckets", "apply", file, "--json").out)
    assert [(each["action"], each["created"]) for each in again] == [
        ("exists", False),
        ("exists", False),
        ("differs", False),
    ]


def test_a_failure_half_way_says_what_was_created_and_a_second_run_does_the_rest(trial: Trial) -> None:
    file = toml(trial.folder / "buckets.toml", *(f'name = "{trial.bucket}-{n}"' for n in range(3)))
    with fault_proxy(trial.connection.url) as proxy:
        made = []

        def rule(request: Any) -> Fault | None:
            if request.method != "POST":
                return None
            made.append(request)
            return Fault(403, body=b'{"message": "no more"}') if len(made) > 1 else None

        proxy.rule = rule
        with pytest.raises(ServerError, match=f"cannot create the bucket '{trial.bucket}-1'.*'{trial.bucket}-0'"):
            importer.apply_buckets(file, connection=replace(trial.connection, url=proxy.url))
    assert trial.buckets == {"-0"}
    done = importer.apply_buckets(file, connection=trial.connection)
    assert [each.created for each in done] == [False, True, True]


def test_a_bucket_whose_answer_was_lost_is_not_made_twice(trial: Trial) -> None:
    file = toml(trial.folder / "buckets.toml", f'name = "{trial.bucket}"\ndescription = "x"')
    with fault_proxy(trial.connection.url) as proxy:
        faults = [Fault(passed_on=True)]
        proxy.rule = lambda request: faults.pop() if request.method == "POST" and faults else None
        (planned,) = importer.apply_buckets(file, connection=replace(trial.connection, url=proxy.url))
    assert planned.id == trial.bucket_id
    assert trial.buckets == {""}


@pytest.mark.usefixtures("environment")
def test_list_shows_each_bucket_and_marks_those_of_loads(trial: Trial, command: Command) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(30 * DAY, DAY, "[red] Room"), None)
    mark = Mark("staging", "l1", trial.bucket, "loading")
    catalogue.create(trial.server, f"{trial.bucket}.importer-staging", BucketSettings(), mark)
    lines = {line.split()[0]: line for line in command("buckets", "list").out.splitlines()}
    assert lines[trial.bucket].split() == [trial.bucket, trial.bucket_id, "30d", "1d", "[red]", "Room"]
    staging = lines[f"{trial.bucket}.importer-staging"]
    assert f"(staging of a load of {trial.bucket}, not at work any more; see importer clean)" in staging
    listed = {each["name"]: each for each in json.loads(command("buckets", "list", "--json").out)}
    assert listed[trial.bucket]["retention_seconds"] == 30 * DAY
    assert listed["_monitoring"]["kind"] == "system"


@pytest.mark.usefixtures("environment")
def test_show_tells_rows_values_series_span_fields_and_tags(trial: Trial, command: Command) -> None:
    trial.load(trial.csv(birds_csv(50, birds=3)))
    shown = json.loads(command("buckets", "show", trial.bucket, "--json").out)
    assert (shown["rows"], shown["values"], shown["series"]) == (50, 100, 3)
    assert (shown["first"], shown["last"]) == ("2020-09-13T12:26:40.000000000Z", "2020-09-13T13:15:40.000000000Z")
    fields = [(field["field"], field["types"], field["values"]) for field in shown["fields"]]
    assert fields == [("lat", ["float"], 50), ("n", ["integer"], 50)]
    assert shown["tags"] == [{"measurement": "birds", "tag": "bird", "values": 3}]
    text = command("buckets", "show", "--id", trial.bucket_id).out
    assert [line.split() for line in text.splitlines()[-4:]] == [
        ["measurement", "name", "type", "values"],
        ["birds", "field", "lat", "float", "50"],
        ["birds", "field", "n", "integer", "50"],
        ["birds", "tag", "bird", "3"],
    ]
    # Counted by the server where no load has told: a point that has one field more is no row more.
    catalogue.update(trial.server, trial.bucket_id, "", None)
    details = importer.show_bucket(trial.bucket, connection=trial.connection)
    assert (details.rows, details.values) == (50, 100)
    assert importer.show_bucket(trial.bucket, count_rows=False, connection=trial.connection).rows is None


def test_an_empty_bucket_is_shown_and_one_that_is_not_there_gets_the_nearest_name(trial: Trial) -> None:
    made = catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    details = importer.show_bucket(trial.bucket, connection=trial.connection)
    assert (details.rows, details.values, details.first, details.fields) == (0, 0, None, ())
    with pytest.raises(NotFoundError, match=f"did you mean '{trial.bucket}'"):
        importer.show_bucket(f"{trial.bucket}x", connection=trial.connection)
    with pytest.raises(NotFoundError, match="no bucket of the id"):
        importer.show_bucket(bucket_id="../orgs", connection=trial.connection)
    with pytest.raises(ConfigurationError, match="either by its name or by its id"):
        importer.delete_bucket(trial.bucket, bucket_id=made.id, connection=trial.connection)
    with pytest.raises(ConfigurationError, match="the server's own"):
        importer.delete_bucket("_tasks", connection=trial.connection)


@pytest.mark.usefixtures("environment")
def test_without_a_terminal_a_bucket_is_deleted_only_when_that_is_said(trial: Trial, command: Command) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    refused = command("buckets", "delete", trial.bucket)
    assert (refused.code, trial.buckets) == (2, {""})
    assert "say --yes" in refused.err
    done = command("buckets", "delete", trial.bucket, "--yes")
    assert (done.code, trial.buckets) == (0, set())


@pytest.mark.usefixtures("environment")
def test_a_bucket_is_deleted_by_its_id_and_only_that_one(trial: Trial, command: Command) -> None:
    made = [catalogue.create(trial.server, trial.bucket + ending, BucketSettings(), None) for ending in ("", "-b")]
    for wrong in ([], [trial.bucket, "--id", made[0].id]):
        assert command("buckets", "delete", *wrong, "--yes").code == 2
    missing = command("buckets", "delete", "--id", "0123456789abcdef", "--yes")
    assert (missing.code, missing.err) == (1, "error: there is no bucket of the id '0123456789abcdef'\n")
    done = command("buckets", "delete", "--id", made[0].id, "--yes")
    assert (done.code, done.out) == (0, f"deleted the bucket {trial.bucket!r} ({made[0].id})\n")
    assert trial.buckets == {"-b"}
    again = json.loads(command("buckets", "delete", "--id", made[1].id, "--yes", "--json").out)
    assert (again["name"], trial.buckets) == (f"{trial.bucket}-b", set())


@pytest.mark.usefixtures("environment")
def test_names_and_descriptions_that_a_terminal_would_obey_are_shown_without_harm(
    trial: Trial, command: Command
) -> None:
    name, sign = f"{trial.bucket}-\x1b[2J", "\N{REPLACEMENT CHARACTER}"
    made = catalogue.create(trial.server, name, BucketSettings(text="\x9b31m red\r"), None)
    write(trial.server, made.id, "\x1bm,\x1bt=x \x1bf=1 1")
    for arguments in (["list"], ["show", name], ["delete", name, "--yes"]):
        ended = command("buckets", *arguments)
        assert (ended.code, ended.err) == (0, "")
        assert {"\x1b", "\x9b", "\r"} & set(ended.out) == set()
        assert ("\\x1b" if "delete" in arguments else f"{sign}[2J") in ended.out


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("words", [("read",), ("buckets", "show"), ("buckets", "delete", "--yes"), ("analyze",)])
def test_a_bucket_that_is_not_there_is_exit_1_with_the_names_that_may_have_been_meant(
    trial: Trial, command: Command, words: tuple[str, ...]
) -> None:
    for ending in ("", ".importer-staging"):
        catalogue.create(trial.server, trial.bucket + ending, BucketSettings(), None)
    ended = command(*words, f"{trial.bucket}x")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"error: there is no bucket '{trial.bucket}x'; did you mean '{trial.bucket}'?\n"
    assert f"'{trial.bucket}'" in command(*words, "\N{SNOWMAN}").err


@pytest.fixture
def at_a_terminal(start: Start) -> Callable[..., tuple[int, str]]:
    """Run a command whose standard input is a terminal, and answer its question."""

    def run(answer: Callable[[], bytes], *arguments: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        process = start(*arguments, stdin=theirs)
        os.close(theirs)
        assert process.stderr is not None
        asked = ""
        while not asked.endswith("[y/N]:"):
            sign = process.stderr.read(1)
            assert sign, asked
            asked += sign
        os.write(ours, answer())
        out, err = process.communicate(timeout=30)
        os.close(ours)
        return process.returncode, asked + err + out

    return run


@pytest.mark.usefixtures("environment")
def test_at_a_terminal_it_shows_what_is_lost_and_asks_and_deletes_the_bucket_that_was_shown(
    trial: Trial, at_a_terminal: Callable[..., tuple[int, str]]
) -> None:
    trial.load(trial.csv(birds_csv(50, birds=3)))
    code, told = at_a_terminal(lambda: b"n\n", "buckets", "delete", trial.bucket)
    assert (code, trial.buckets) == (1, {""})
    assert "100 values in 3 series, from 2020-09-13T12:26:40" in told
    shown = trial.bucket_id

    def rename_and_agree() -> bytes:
        catalogue.update(trial.server, shown, "", None, f"{trial.bucket}-aside")
        catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
        return b"y\n"

    code, told = at_a_terminal(rename_and_agree, "buckets", "delete", trial.bucket)
    assert code == 0, told
    assert trial.buckets == {""}
    assert trial.bucket_id != shown


def test_a_bucket_that_a_load_is_filling_is_not_deleted(trial: Trial) -> None:
    target = prepare(trial.server, trial.bucket, "l1", say=lambda _: None)
    try:
        with pytest.raises(importer.LoadInProgressError, match="is at work on"):
            importer.delete_bucket(f"{trial.bucket}.importer-staging", connection=trial.connection)
    finally:
        target.abort()
