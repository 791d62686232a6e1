"""Buckets out of the real server and back."""

from __future__ import annotations

import gzip
import json
import signal
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import importer
from importer.backups import saving, shards
from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.errors import (
    AuthorizationError,
    BucketExistsError,
    LoadInterruptedError,
    NotFoundError,
    ServerError,
    SourceError,
    VerificationError,
)
from importer.limits import MIN_TIME_NS
from importer.server import wire
from importer.server.connection import Connection
from tests.backups.points import delete_points, write
from tests.fault_proxy import Fault, Request, fault_proxy
from tests.influxd import Influxd
from tests.loading import Command, Start, Trial, birds_csv, digest_of

DAY = 86_400
START_NS = 1_600_000_000 * 10**9
OF_ALL_TYPES = "\n".join(
    f'm\\ 1,by=a\\,{n % 3},at=x\\=y f={n}.25,i={n}i,u={n}u,b={"true" if n % 2 else "false"},s="text \\"{n}\\"\nz" '
    f"{START_NS + n * 10**13 + n}"
    for n in range(400)
)


@pytest.fixture
def filled(trial: Trial) -> Trial:
    """A bucket of all five types over several shard groups, with a description."""
    settings = BucketSettings(shard_duration_seconds=14 * DAY, text="all sorts")
    write(trial, catalogue.create(trial.server, trial.bucket, settings, None).id, OF_ALL_TYPES)
    return trial


def saved(trial: Trial, **options: Any) -> Path:
    folder = trial.folder / "saved"
    backup(trial.bucket, to=folder, connection=trial.connection, **options)
    return folder


@pytest.mark.parametrize("restarted", [False, True], ids=["as made", "overflown by a restart"])
def test_the_first_timestamps_whose_shard_group_begins_before_them_are_restored(
    own_influxd: Callable[[], Influxd], trial: Trial, *, restarted: bool
) -> None:
    server = trial.influxd = own_influxd()
    settings = BucketSettings(shard_duration_seconds=3_650 * DAY)
    bucket = catalogue.create(trial.server, trial.bucket, settings, None)
    write(trial, bucket.id, "".join(f"m,by={n} f={n} {MIN_TIME_NS + n}\nm,by={n} f={n} {n}\n" for n in range(7)))
    before = trial.digest()
    if restarted:
        server.restart()
    folder = saved(trial)
    (copy,) = restore(folder, as_name=f"{trial.bucket}-copy", connection=trial.connection)
    assert (copy.values, copy.unchecked) == (14, int(restarted))
    assert copy.status == ("unverified" if restarted else "verified")
    server.restart()
    assert digest_of(trial.server, copy.bucket_id) == before
    assert importer.read(from_backup=folder, state_dir=trial.state).height == 14


def test_a_shard_group_that_the_server_has_lost_sight_of_and_its_twin_are_both_restored(
    own_influxd: Callable[[], Influxd], trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = trial.influxd = own_influxd()
    bucket = catalogue.create(trial.server, trial.bucket, BucketSettings(shard_duration_seconds=3_650 * DAY), None)
    write(trial, bucket.id, f"m f=1 {MIN_TIME_NS}")
    server.restart()
    write(trial, bucket.id, f"m f=2 {MIN_TIME_NS + 1}\nm f=3 0")
    for name, value in {"URL": trial.connection.url, "TOKEN": str.__str__(trial.connection.token)}.items():
        monkeypatch.setenv(f"INFLUX_{name}", value)
    monkeypatch.setenv("INFLUX_ORG", trial.connection.org)
    done = command("backup", trial.bucket, "--to", trial.folder / "saved")
    assert "1 shard group(s) begin before the first timestamp there can be" in done.err
    assert "written to" not in done.err
    (copy,) = restore(trial.folder / "saved", as_name=f"{trial.bucket}-copy", connection=trial.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("unverified", 3, 2)
    read = importer.read(f"{trial.bucket}-copy", connection=trial.connection)
    assert sorted(read["f"].to_list()) == [1.0, 2.0, 3.0]


def test_what_is_restored_under_another_name_and_after_deletion_under_its_own_is_the_very_same(filled: Trial) -> None:
    before, old = filled.digest(), filled.bucket_id
    folder = saved(filled)
    (copy,) = restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("verified", 2_000, 0)
    assert copy.shard_groups > 3
    assert digest_of(filled.server, copy.bucket_id) == before == filled.digest()
    catalogue.delete(filled.server, old)
    (again,) = restore(folder, connection=filled.connection)
    assert again.bucket_id == filled.bucket_id != old
    assert filled.digest() == before
    found = catalogue.find(filled.server, filled.bucket)
    assert found is not None
    assert found.settings == BucketSettings(0, 14 * DAY, "all sorts")
    assert found.mark is None
    assert filled.buckets == {"", "-copy"}


def test_the_importers_mark_comes_back_only_where_it_is_still_true(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(50)))
    folder = saved(trial)
    restore(folder, as_name=f"{trial.bucket}-copy", connection=trial.connection)
    trial.load(trial.csv(birds_csv(60)), bucket=f"{trial.bucket}-copy")  # unasked: it is a load's
    write(trial, trial.bucket_id, f"birds,bird=b0 lat=1 {START_NS + 1}")
    backup(trial.bucket, to=trial.folder / "later", connection=trial.connection)
    restore(trial.folder / "later", as_name=f"{trial.bucket}-later", connection=trial.connection)
    with pytest.raises(BucketExistsError, match="not replaced unasked"):
        trial.load(trial.csv(birds_csv(60)), bucket=f"{trial.bucket}-later")


def test_folder_and_files_are_for_their_owner_alone_and_hold_no_token_unless_asked(filled: Trial) -> None:
    folder = saved(filled)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert {path.suffix for path in folder.iterdir()} == {".gz", ".manifest", ".json"}
    assert not list(folder.glob("*.bolt.gz"))
    backup(filled.bucket, to=filled.folder / "whole", metadata=True, connection=filled.connection)
    (manifest,) = (filled.folder / "whole").glob("*.manifest")
    named = json.loads(manifest.read_text())
    for part, begins in (("kv", b"\0"), ("sql", b"SQLite format 3")):
        with gzip.open(filled.folder / "whole" / named[part]["fileName"]) as file:
            assert file.read(15).startswith(begins)


@pytest.mark.promise(
    fault="a file of a backup is damaged or missing",
    promise="The restore refuses it before anything is restored.",
    seen="`error: … is damaged: its checksum is not the one that it was written with`, or `is missing`; exit 2.",
)
@pytest.mark.parametrize("has_sidecar", [True, False])
def test_a_file_that_is_damaged_or_missing_is_found_before_anything_is_restored(
    filled: Trial, *, has_sidecar: bool
) -> None:
    folder = saved(filled)
    catalogue.delete(filled.server, filled.bucket_id)
    if not has_sidecar:
        (folder / "importer.json").unlink()
    *_, path = sorted(folder.glob("*.tar.gz"))
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:40] + bytes(8) + whole[48:], whole + whole):
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match=r"tar\.gz' is damaged|cannot use '.*tar\.gz'"):
            restore(folder, connection=filled.connection)
    path.unlink()
    with pytest.raises(SourceError, match="is missing"):
        restore(folder, connection=filled.connection)
    assert filled.buckets == set()


def test_a_manifest_that_names_files_elsewhere_is_refused(filled: Trial) -> None:
    folder = saved(filled)
    (manifest,) = folder.glob("*.manifest")
    text = manifest.read_text()
    manifest.write_text(text.replace('"fileName": "2', '"fileName": "../2'))
    with pytest.raises(SourceError, match="is damaged or was not written by a backup: take the file from another"):
        restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    manifest.write_text(text[:-100])
    with pytest.raises(SourceError, match="is damaged"):
        restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    manifest.write_text("{}")
    with pytest.raises(SourceError, match="another version"):
        restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert filled.buckets == {""}


@pytest.fixture
def limited(filled: Trial) -> Connection:
    """With a token that may read and write all buckets of the organisation, and no more."""
    org = filled.server.org_id
    resources = [("read", "buckets"), ("write", "buckets"), ("read", "orgs")]
    permissions = [{"action": action, "resource": {"type": kind, "orgID": org}} for action, kind in resources]
    permissions[-1]["resource"] = {"type": "orgs", "id": org}
    made = filled.server.call("POST", "/api/v2/authorizations", body={"orgID": org, "permissions": permissions})
    return replace(filled.connection, token=made["token"])


def test_a_token_that_is_no_operators_is_told_which_permission_it_lacks(filled: Trial, limited: Connection) -> None:
    with pytest.raises(AuthorizationError, match="need an operator token"):
        backup(filled.bucket, to=filled.folder / "none", connection=limited)
    assert not list(filled.folder.glob("*none*"))
    folder = saved(filled)
    with pytest.raises(AuthorizationError, match="need an operator token"):
        restore(folder, as_name=f"{filled.bucket}-copy", connection=limited)
    assert filled.buckets == {""}
    with pytest.raises(AuthorizationError, match="unauthorized access"):
        backup(to=filled.folder / "none", connection=replace(filled.connection, token="wrong"))


def test_a_bucket_of_the_name_is_refused_and_replaced_when_asked(filled: Trial) -> None:
    folder, before = saved(filled), filled.digest()
    write(filled, filled.bucket_id, f"m f=1 {START_NS}")
    changed = filled.state_now()
    with pytest.raises(BucketExistsError, match="say --as NAME"):
        restore(folder, connection=filled.connection)
    assert filled.state_now() == changed
    (restored,) = restore(folder, if_exists="replace", connection=filled.connection)
    assert (filled.digest(), filled.bucket_id) == (before, restored.bucket_id)
    assert filled.buckets == {""}


def at_shards(number: int, fault: Fault) -> Callable[[Request], Fault | None]:
    """A rule: the request for a shard of this number, from 1, meets a fault."""
    count = 0

    def rule(request: Request) -> Fault | None:
        nonlocal count
        count += "/shards/" in request.path and "since=" not in request.path
        return fault if count == number and "/shards/" in request.path else None

    return rule


@pytest.mark.promise(
    fault="the connection breaks, or the server takes a shard and does not keep it, in the middle of a restore",
    promise="Nothing stands under the bucket's name; the bucket that is to be replaced is as it was.",
    seen="`error: no answer from the server`, or `error: between … the restored bucket holds …`; exit 1.",
)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(resets="during"), ServerError),
        (Fault(500), ServerError),
        (Fault(200), VerificationError),  # as the server answers where it refused the files
    ],
)
def test_a_fault_in_the_middle_of_a_restore_leaves_nothing_under_the_name(
    filled: Trial, fault: Fault, error: type[Exception]
) -> None:
    folder, before = saved(filled), filled.state_now()
    with fault_proxy(filled.connection.url) as proxy:
        connection = replace(filled.connection, url=proxy.url)
        for options in ({"as_name": f"{filled.bucket}-copy"}, {"if_exists": "replace"}):
            proxy.rule = at_shards(3, fault)
            if fault.is_early:
                proxy.rule, proxy.early_rule = lambda _: None, at_shards(3, fault)
            with pytest.raises(error):
                restore(folder, connection=connection, wait_seconds=0, **options)
            assert filled.buckets == {""}
            assert filled.state_now() == before


def test_a_shard_whose_answer_breaks_off_is_fetched_again_and_else_no_folder_is_left(filled: Trial) -> None:
    with fault_proxy(filled.connection.url) as proxy:
        connection = replace(filled.connection, url=proxy.url)
        proxy.rule = at_shards(2, Fault(cut="in body"))
        backup(filled.bucket, to=filled.folder / "once", connection=connection)
        (copy,) = restore(filled.folder / "once", as_name=f"{filled.bucket}-copy", connection=filled.connection)
        assert digest_of(filled.server, copy.bucket_id) == filled.digest()
        proxy.rule = lambda request: Fault(200, body=b"no tar" * 200) if "/shards/" in request.path else None
        with pytest.raises(ServerError, match="no tar"):
            backup(filled.bucket, to=filled.folder / "never", connection=connection, wait_seconds=0.2)
    assert not list(filled.folder.glob("*never*"))


def test_deleted_points_do_not_come_back_although_the_servers_files_still_hold_them(filled: Trial) -> None:
    backup(filled.bucket, to=filled.folder / "first", connection=filled.connection)  # the server writes its memory down
    delete_points(filled, "2020-09-15T00:00:00Z", "2020-09-25T00:00:00Z")
    before = filled.digest()
    folder = saved(filled)
    assert list(folder.glob("*.lines.gz"))
    (copy,) = restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert copy.status == "verified"
    assert 0 < copy.values < 2_000
    assert digest_of(filled.server, copy.bucket_id) == before


@pytest.mark.parametrize("odd", [b's="no \xff UTF-8"', b's="in a tag",t=1'])
def test_deleted_points_that_will_come_back_are_told_of(filled: Trial, odd: bytes) -> None:
    tag = b",at=line\rend" if b"tag" in odd else b""  # no line can be relied on to carry it
    write(filled, filled.bucket_id, b"m\\ 1%b %b %d" % (tag, odd, START_NS))
    backup(filled.bucket, to=filled.folder / "first", connection=filled.connection)
    delete_points(filled, "2020-09-13T12:26:41Z", "2020-09-13T20:00:00Z")
    made = backup(filled.bucket, to=filled.folder / "saved", connection=filled.connection)
    assert [(each.revived, each.unchecked, each.digest) for each in made.buckets] == [(1, 1, None)]
    (copy,) = restore(filled.folder / "saved", as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert copy.status == "unverified"
    assert "1 shard group hold deleted points again" in copy.warnings[0]


@pytest.mark.parametrize(("writes", "unchecked"), [(1, 0), (1_000, 1)])
def test_a_shard_that_is_written_to_meanwhile_is_saved_anew_or_said_not_to_be_checked(
    filled: Trial, monkeypatch: pytest.MonkeyPatch, writes: int, unchecked: int
) -> None:
    count, bucket_id, real = 0, filled.bucket_id, shards.digest_of_window

    def and_written_to(server: Any, bucket: str, *window: int, **more: Any) -> Any:
        nonlocal count
        if window[0] <= START_NS < window[1] and count < writes:
            count += 1
            write(filled, bucket_id, f"late f=1 {START_NS + count}")
        return real(server, bucket, *window, **more)

    monkeypatch.setattr(shards, "digest_of_window", and_written_to)
    made = backup(filled.bucket, to=filled.folder / "saved", connection=filled.connection)
    assert [(each.unchecked, each.digest is None) for each in made.buckets] == [(unchecked, bool(unchecked))]
    (copy,) = restore(filled.folder / "saved", as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert copy.status == ("unverified" if unchecked else "verified")
    assert copy.values >= 2_001


def test_what_the_influx_command_saved_is_restored_and_counted(filled: Trial) -> None:
    folder = saved(filled)
    (folder / "importer.json").unlink()
    (copy,) = restore(folder, filled.bucket, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("unverified", 2_000, copy.shard_groups)
    assert digest_of(filled.server, copy.bucket_id) == filled.digest()


def test_a_backup_of_the_first_format_is_restored_and_counted_and_another_count_is_told_of(filled: Trial) -> None:
    folder = saved(filled)
    path = folder / "importer.json"
    sidecar = json.loads(path.read_text())
    shards_of_bucket = list(sidecar["buckets"][0]["shards"].values())
    sidecar["format"] = 1
    for shard in shards_of_bucket:
        shard["digest"] = "0" * 64  # made in another way then
    path.write_text(json.dumps(sidecar))
    (copy,) = restore(folder, as_name=f"{filled.bucket}-copy", connection=filled.connection)
    assert (copy.status, copy.values, copy.unchecked) == ("unverified", 2_000, copy.shard_groups)
    assert copy.warnings == []
    assert digest_of(filled.server, copy.bucket_id) == filled.digest()
    shards_of_bucket[0]["values"] += 1
    path.write_text(json.dumps(sidecar))
    (copy,) = restore(folder, as_name=f"{filled.bucket}-other", connection=filled.connection)
    assert len(copy.warnings) == 1
    assert copy.warnings[0].startswith(f"1 of {copy.unchecked} shard groups that could only be counted do not hold")


def test_retention_is_restored_and_shard_groups_that_it_will_remove_are_told_of(trial: Trial) -> None:
    made = catalogue.create(trial.server, trial.bucket, BucketSettings(3650 * DAY, 7 * DAY), None)
    write(trial, made.id, f"m f=1 {START_NS}")
    folder = saved(trial)
    (manifest,) = folder.glob("*.manifest")
    manifest.write_text(manifest.read_text().replace(str(3650 * DAY * 10**9), str(30 * DAY * 10**9)))
    copy, kept = f"{trial.bucket}-copy", f"{trial.bucket}-kept"
    (restored,) = restore(folder, as_name=copy, connection=trial.connection)
    assert "1 of 1 shard groups are older than the bucket's retention of 30d" in restored.warnings[0]
    (restored,) = restore(folder, as_name=kept, retention_seconds=0, connection=trial.connection)
    assert (restored.values, restored.warnings) == (1, [])
    found = {bucket.name: bucket.settings for bucket in trial.all_buckets()}
    assert (found[copy].retention_seconds, found[kept].retention_seconds) == (30 * DAY, 0)


def test_names_that_are_not_there_get_the_nearest(filled: Trial) -> None:
    with pytest.raises(NotFoundError, match=f"did you mean '{filled.bucket}'"):
        backup(filled.bucket[:-1], to=filled.folder / "none", connection=filled.connection)
    folder = saved(filled)
    with pytest.raises(importer.ConfigurationError, match=f"did you mean '{filled.bucket}'"):
        restore(folder, filled.bucket[:-1], connection=filled.connection)
    with pytest.raises(SourceError, match=r"holds no manifest.*it holds backups: name one, such as .*saved"):
        restore(filled.folder, connection=filled.connection)
    with pytest.raises(SourceError, match="No such file"):
        restore(filled.folder / "nowhere", connection=filled.connection)


def test_only_the_last_backups_are_kept_and_nothing_else_is_removed(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    place = trial.folder / "backups"
    (place / "20200101T000000Z").mkdir(parents=True)
    stamps = iter(["20210101T000000Z", "20220101T000000Z", "20230101T000000Z"])
    made = []
    for stamp in stamps:
        monkeypatch.setattr(saving, "STAMP", stamp)
        made.append(backup(trial.bucket, to=place, keep=2, connection=trial.connection))
    assert [[path.name for path in each.removed] for each in made] == [[], [], ["20210101T000000Z"]]
    assert sorted(path.name for path in place.iterdir()) == ["20200101T000000Z", "20220101T000000Z", "20230101T000000Z"]


def test_a_backup_in_the_same_second_as_another_gets_the_next_one(trial: Trial) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    place, now = trial.folder / "backups", datetime.now(UTC)
    others = [place / (now + timedelta(seconds=seconds)).strftime(saving.STAMP) for seconds in range(3)]
    for other in others:
        other.mkdir(parents=True)
    made = backup(trial.bucket, to=place, keep=2, connection=trial.connection)
    assert made.folder not in others
    assert made.folder > max(others)


def test_a_folder_with_something_in_it_is_refused_and_one_that_is_empty_is_used(trial: Trial) -> None:
    catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    place = trial.folder / "place"
    place.mkdir()
    backup(trial.bucket, to=place, connection=trial.connection)
    with pytest.raises(importer.ConfigurationError, match="is there already"):
        backup(trial.bucket, to=place, connection=trial.connection)
    (empty,) = restore(place, as_name=f"{trial.bucket}-copy", connection=trial.connection)
    assert (empty.status, empty.values, empty.shard_groups) == ("verified", 0, 0)


def test_told_to_stop_both_leave_nothing(filled: Trial) -> None:
    stop, folder = threading.Event(), saved(filled)
    stop.set()
    with pytest.raises(LoadInterruptedError):
        backup(filled.bucket, to=filled.folder / "stopped", stop=stop, connection=filled.connection)
    with pytest.raises(LoadInterruptedError):
        restore(folder, as_name=f"{filled.bucket}-copy", stop=stop, connection=filled.connection)
    assert not list(filled.folder.glob("*stopped*"))
    assert filled.buckets == {""}


@pytest.mark.parametrize("where", ["/query", "/shards/"])
def test_told_to_stop_a_server_that_hangs_holds_neither_up(
    filled: Trial, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    stop, folder = threading.Event(), saved(filled)
    monkeypatch.setattr(wire, "DRAIN_SECONDS", 0.1)

    def hang(request: Request) -> Fault | None:
        if where not in request.path:
            return None
        stop.set()
        return Fault(hangs_seconds=20)

    with fault_proxy(filled.connection.url) as proxy:
        proxy.rule = hang
        connection = replace(filled.connection, url=proxy.url)
        began = time.monotonic()
        with pytest.raises(LoadInterruptedError):
            backup(filled.bucket, to=filled.folder / "stopped", stop=stop, connection=connection)
        stop.clear()
        with pytest.raises(LoadInterruptedError):
            restore(folder, as_name=f"{filled.bucket}-copy", stop=stop, connection=connection)
        assert time.monotonic() - began < 15
    assert not list(filled.folder.glob("*stopped*"))
    assert filled.buckets == {""}


def test_told_to_stop_a_restore_waits_for_what_it_had_begun_to_be_removed_or_says_that_it_is_left(
    filled: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, folder = threading.Event(), saved(filled)
    monkeypatch.setattr(wire, "DRAIN_SECONDS", 0.1)
    removal = Fault(204, hangs_seconds=3, passed_on=True)

    def hang(request: Request) -> Fault | None:
        if "/shards/" in request.path:
            stop.set()
            return Fault(hangs_seconds=20)
        return removal if request.method == "DELETE" else None

    with fault_proxy(filled.connection.url) as proxy:
        proxy.rule = hang
        connection = replace(filled.connection, url=proxy.url)
        with pytest.raises(LoadInterruptedError):
            restore(folder, as_name=f"{filled.bucket}-copy", stop=stop, connection=connection)
        assert filled.buckets == {""}
        removal = Fault(500)
        stop.clear()
        with pytest.raises(LoadInterruptedError, match=r"could not be removed .*: importer clean lists it"):
            restore(folder, as_name=f"{filled.bucket}-copy", stop=stop, connection=connection)
        assert filled.buckets == {"", "-copy.importer-staging"}


@pytest.mark.usefixtures("environment")
def test_commands_tell_what_they_did_to_people_and_to_programs(filled: Trial, command: Command) -> None:
    made = command("backup", filled.bucket, "--to", "there")
    assert made.code == 0
    assert f"saved {filled.bucket}: 2,000 values in " in made.out
    copied = command("restore", "there", "--as", f"{filled.bucket}-copy", "--json")
    (told,) = json.loads(copied.out)
    assert (told["status"], told["values"], told["backed_up_as"]) == ("verified", 2_000, filled.bucket)
    again = command("restore", "there")
    assert (again.code, again.out) == (2, "")
    assert "there is a bucket" in again.err
    kept = command("backup", filled.bucket, "--to", "all", "--keep", "1", "--json")
    assert Path(json.loads(kept.out)["folder"]).parent == Path("all")
    for wrong in (["restore", "nowhere"], ["restore", "there", "--retention", "1y"]):
        assert command(*wrong).code == 2


@pytest.mark.usefixtures("environment")
def test_a_restore_that_is_interrupted_removes_what_it_had_begun(
    filled: Trial, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(filled)
    with fault_proxy(filled.connection.url) as proxy:
        monkeypatch.setenv("INFLUX_URL", proxy.url)
        proxy.rule = lambda request: Fault(hangs_seconds=1.0, status=200) if "/shards/" in request.path else None
        process = start("restore", folder, "--as", f"{filled.bucket}-copy")
        deadline = time.monotonic() + 30
        while filled.buckets != {"", "-copy.importer-staging"} and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert filled.buckets == {""}
