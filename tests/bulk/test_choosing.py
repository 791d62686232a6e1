"""Which way a load takes, and what the command line says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

import importer
from importer import AuthorizationError
from importer.bulk import choosing
from tests.loading import BIRDS, BIRDS_FLAGS, Command, Trial, birds_csv
from tests.test_privileges import NEEDED, Tokens, tokens

__all__ = ["tokens"]


@pytest.fixture
def as_no_operator(trial: Trial, tokens: Tokens) -> Iterator[None]:
    """The command line has a token that may do all that a load by lines needs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("INFLUX_TOKEN", str.__str__(tokens(*NEEDED).token))
        yield
    assert trial.buckets <= {""}


@pytest.mark.promise(
    fault="--method bulk or auto with a token that is no operator's",
    promise="bulk is refused before anything is written; auto writes lines, and says why.",
    seen="error: the server refuses the token …: backup and restore need an operator token …; exit 1; or: the points"
    " are written as line protocol, and not in bulk: the token may not restore: it takes an operator's",
)
@pytest.mark.usefixtures("environment", "as_no_operator")
def test_a_token_that_may_not_restore_is_told_of_before_anything_is_written(trial: Trial, command: Command) -> None:
    load = ("load", trial.csv(birds_csv(20)), "--bucket", trial.bucket, *BIRDS_FLAGS)
    refused = command(*load, "--method", "bulk")
    assert refused.code != 0
    assert "operator token" in refused.err
    assert trial.buckets == set()
    written = command(*load, "--method", "auto", "--build-processes", "2")
    assert written.code == 0, written.err
    (line,) = [line for line in written.err.splitlines() if "not in bulk" in line]
    assert "the points are written as line protocol, and not in bulk: the token may not restore" in line
    assert line.endswith("; --build-processes is of no use then")
    assert "building:" not in written.out + written.err
    before = trial.state_now()
    assert command(*load, "--method", "bulk").code != 0
    assert trial.state_now() == before


def test_a_token_that_may_not_restore_leaves_nothing_behind(
    trial: Trial,
    tokens: Tokens,
) -> None:
    connection = tokens(*NEEDED)
    with pytest.raises(AuthorizationError, match="operator token"):
        importer.load(
            trial.csv(birds_csv(20)), mapping=BIRDS, options=trial.options(method="bulk"), connection=connection
        )
    assert trial.buckets == set()
    assert not trial.state.exists() or list(trial.state.iterdir()) == []


@pytest.mark.usefixtures("environment")
def test_the_command_says_which_way_it_took_and_what_it_made(trial: Trial, command: Command) -> None:
    load = ("load", trial.csv(birds_csv(3_000)), "--bucket", trial.bucket, *BIRDS_FLAGS, "--shard-duration", "1d")
    digests = []
    for method in ("bulk", "auto", "write"):
        ended = command(*load, "--method", method)
        assert ended.code == 0, ended.err
        said = ended.out + ended.err
        built = re.search(
            r"building: (\d+) storage files of 0\.\d MB in (\d+) shard groups, \d+ at once, no comp", said
        )
        assert bool(built) is (method != "write")
        assert ("writing: " in said) is (method == "write")
        assert built is None or built[1] == built[2] == "3"
        assert "not in bulk" not in said
        digests.append(trial.digest())
    assert len({*digests}) == 1


@pytest.mark.usefixtures("environment")
def test_without_verification_and_into_a_bucket_there_is_it_is_refused_in_words(trial: Trial, command: Command) -> None:
    load = ("load", trial.csv(birds_csv(30)), "--bucket", trial.bucket, *BIRDS_FLAGS)
    refused = command(*load, "--method", "bulk", "--no-verify")
    assert refused.code == 2
    assert "the bulk way cannot be taken: without the verification, nothing would tell" in refused.err
    assert trial.buckets == set()
    assert command(*load, "--method", "bulk", "--if-exists", "append").code == 0  # there is nothing to append to
    before = trial.state_now()
    refused = command(*load, "--method", "bulk", "--if-exists", "append")
    assert refused.code == 2
    assert "is to be appended to; leave out --method bulk" in refused.err
    assert trial.state_now() == before
    for more, reason in ((["--no-verify"], "without the verification"), (["--if-exists", "append"], "appended to")):
        written = command(*load, "--method", "auto", *more)
        assert written.code == 0, written.err
        assert reason in written.err
        assert "not in bulk" in written.err


def test_a_server_of_a_version_that_was_not_tried_is_written_to_by_auto_and_warned_of_in_bulk(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(choosing, "TESTED_VERSIONS", ("2.6.0", "2.6.1"))
    caplog.set_level("INFO", "importer")
    source = trial.csv(birds_csv(30))
    report = trial.load(source, method="auto")
    assert report.writing is not None
    assert "not in bulk: it was tested with InfluxDB 2.6.0, 2.6.1, and this is 2." in caplog.text
    assert report.not_in_bulk is not None
    assert report.not_in_bulk in caplog.text
    digest = trial.digest()
    report = trial.load(source, method="bulk")
    assert report.building is not None
    assert report.not_in_bulk is None
    assert any("was tested with InfluxDB 2.6.0" in warning for warning in report.warnings)
    assert trial.digest() == digest


def test_a_token_of_no_server_is_an_error_whatever_the_way(trial: Trial) -> None:
    for method in ("bulk", "auto", "write"):
        with pytest.raises(AuthorizationError):
            importer.load(
                trial.csv(birds_csv(3)),
                mapping=BIRDS,
                options=trial.options(method=method),
                connection=replace(trial.connection, token="wrong"),
            )
    assert trial.buckets == set()


def test_a_bucket_that_others_make_after_the_choice_is_not_lost(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.load(trial.csv(birds_csv(20)))
    before = trial.state_now()
    monkeypatch.setattr(choosing, "find", lambda *_: None)
    with pytest.raises(importer.ConfigurationError, match="can only be appended to as lines"):
        trial.load(trial.csv(birds_csv(30), "more.csv"), if_exists="append", method="bulk")
    assert trial.state_now() == before
    assert trial.buckets == {""}


@pytest.mark.usefixtures("environment")
def test_a_token_that_the_server_does_not_know_is_no_matter_of_the_method(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUX_TOKEN", "unknown")
    for method in ("auto", "bulk"):
        ended = command("load", trial.csv(birds_csv(3)), "--bucket", trial.bucket, *BIRDS_FLAGS, "--method", method)
        assert ended.code == 1
        assert "the server refuses the token (401)" in ended.err
        assert "bulk" not in ended.err
