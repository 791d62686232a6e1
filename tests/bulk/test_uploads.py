"""Storage files that do not come to the server, or not as they were sent, or whose answer does not come back."""

from __future__ import annotations

import signal
import socket
import struct
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from importer import ServerError
from tests.bulk.uploads import DAMAGES, SHARDS, Damage, Uploads, pass_on_damaged
from tests.fault_proxy import Fault, Request
from tests.faults.conftest import Proxied, once_each
from tests.loading import BIRDS_FLAGS, Command, Start, birds_csv

ROWS, DAY = 4_000, 86_400
MORE = {"method": "bulk", "shard_duration_seconds": DAY, "if_exists": "replace"}


@pytest.fixture
def source(proxied: Proxied) -> Path:
    return proxied.csv(birds_csv(ROWS))


@pytest.fixture
def digest(proxied: Proxied, source: Path) -> str:
    """Of the data, written as lines, which are in the bucket."""
    proxied.load(source)
    return proxied.digest()


@pytest.mark.promise(
    fault="storage files are damaged or lost on their way, and the server says that it has them",
    promise="The verification misses their values: the shard group's files are built and sent once more. If they are"
    " damaged again, the load fails and the bucket is as it was.",
    seen="`warning: the server did not hold 2,880 of the values that it had acknowledged: their points were written"
    " once more`; `verified`.",
)
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.usefixtures("short_pauses")
def test_a_shard_that_comes_damaged_is_found_by_the_verification_and_made_again(
    proxied: Proxied, source: Path, digest: str, damage: Damage
) -> None:
    uploads = Uploads(
        proxied, lambda number, request: pass_on_damaged(proxied, request, damage) if number == 2 else None
    )
    report = proxied.load(source, **MORE)
    assert (report.status, report.points_written) == ("verified", ROWS)
    assert proxied.digest() == digest
    assert any("written once more" in warning for warning in report.warnings)
    assert report.building is not None
    assert report.building.sent_again == 1
    assert uploads.sent == [*uploads.sent[:4], uploads.sent[1]]
    proxied.influxd.restart()
    assert proxied.digest() == digest
    assert proxied.buckets == {""}


@pytest.mark.parametrize("damage", ["no archive", "nothing"])
@pytest.mark.usefixtures("short_pauses")
def test_a_shard_that_is_refused_because_no_gzip_has_come_is_sent_again_at_once(
    proxied: Proxied, source: Path, digest: str, damage: Damage
) -> None:
    uploads = Uploads(
        proxied, lambda number, request: pass_on_damaged(proxied, request, damage) if number == 2 else None
    )
    report = proxied.load(source, **MORE)
    assert (report.status, proxied.digest(), len(uploads.sent)) == ("verified", digest, 5)


@pytest.mark.promise(fault="storage files are damaged or lost on their way, and the server says that it has them")
@pytest.mark.parametrize("damage", ["lost", "cut within the files", "other bytes"])
@pytest.mark.usefixtures("proxied_environment", "short_pauses")
def test_shards_that_always_come_damaged_fail_the_load(proxied: Proxied, command: Command, damage: Damage) -> None:
    load = ("load", proxied.csv(birds_csv(100)), "--bucket", proxied.bucket, *BIRDS_FLAGS, "--method", "bulk")
    assert command(*load, "--shard-duration", "1d").code == 0
    before = proxied.state_now()
    Uploads(proxied, lambda _, request: pass_on_damaged(proxied, request, damage))
    ended = command(*load, "--wait", "1")
    assert ended.code == 1, ended.err
    assert "error: the server does not hold what was sent" in ended.err
    assert proxied.state_now() == before
    assert proxied.buckets == {""}


@pytest.mark.promise(
    fault="the answer to storage files, or to the making of their bucket, is lost",
    promise="It is sent again, and takes the place of what came before; nothing is doubled.",
    seen="A line for each failed try; exit 0.",
)
@pytest.mark.parametrize("lost", [Fault(passed_on=True), Fault(500, passed_on=True), Fault(cut="in head")])
@pytest.mark.usefixtures("short_pauses")
def test_whatever_answer_is_lost_the_bucket_holds_the_same(
    proxied: Proxied, source: Path, digest: str, lost: Fault
) -> None:
    rule, seen = once_each(lost, lambda request: (request.method, request.path, request.size))
    proxied.proxy.rule = rule
    report = proxied.load(source, **MORE)
    assert (report.status, report.points_written, report.duplicates) == ("verified", ROWS, 0)
    assert proxied.digest() == digest
    assert len([path for _, path, _ in seen if "/restore/shards/" in path]) == 5  # with the question for permission
    assert proxied.buckets == {""}


@pytest.mark.promise(fault="the answer to storage files, or to the making of their bucket, is lost")
@pytest.mark.parametrize("resets", ["before", "during"])
@pytest.mark.usefixtures("short_pauses")
def test_a_connection_that_breaks_in_mid_upload_is_made_again(
    proxied: Proxied, source: Path, digest: str, resets: str
) -> None:
    fault = Fault(resets=resets, passed_on=True)  # type: ignore[arg-type]
    proxied.proxy.early_rule, _ = once_each(fault, lambda request: (request.method, request.path))
    report = proxied.load(source, **MORE)
    assert (report.status, proxied.digest()) == ("verified", digest)
    assert proxied.buckets == {""}


@pytest.mark.usefixtures("short_pauses")
def test_a_server_that_takes_no_shard_ends_the_load_after_the_wait_and_it_can_be_resumed(
    proxied: Proxied, source: Path, digest: str
) -> None:
    before = proxied.state_now()
    uploads = Uploads(
        proxied, lambda number, _: Fault(503, body=b'{"message":"engine is broken"}') if number > 2 else None
    )
    with pytest.raises(ServerError, match=r"engine is broken.*--resume goes on") as error:
        proxied.load(source, **MORE, wait_seconds=1, workers=1)
    assert error.value.resumable
    assert proxied.state_now() == before
    had = uploads.sent[:2]
    again = Uploads(proxied)
    report = proxied.load(source, **MORE, resume=True)
    assert (report.status, proxied.digest()) == ("verified", digest)
    assert len(again.sent) == 2
    assert set(again.sent).isdisjoint(had)
    assert proxied.buckets == {""}


@pytest.mark.promise(
    fault="the server closes a shard for good: a connection broke, or a load died, while it opened a shard's files",
    promise="After three times 500 the bucket is made anew and all shard groups are sent again; on --resume likewise.",
    seen="`warning: the server takes no more files for a shard: the bucket is made anew, and all is sent again`;"
    " `verified`.",
)
@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.usefixtures("short_pauses")
def test_a_shard_that_takes_no_more_files_makes_the_load_send_all_into_a_new_bucket(
    proxied: Proxied, source: Path, digest: str, *, is_resumed: bool
) -> None:
    before = proxied.state_now()

    def is_down(number: int, _request: Request) -> Fault | None:
        return Fault(503) if number > 2 else None

    def closed(_number: int, request: Request) -> Fault | None:
        return Fault(500) if uploads.sent.index(request.path.removeprefix(SHARDS)) == 2 else None

    uploads = Uploads(proxied, is_down if is_resumed else closed)
    if is_resumed:
        with pytest.raises(ServerError):
            proxied.load(source, **MORE, workers=1, wait_seconds=0.2)
        uploads = Uploads(proxied, lambda number, _: Fault(500) if number <= 3 else None)
    report = proxied.load(source, **MORE, workers=1, resume=is_resumed)
    assert (report.status, report.points_written, report.duplicates) == ("verified", ROWS, 0)
    assert proxied.digest() == digest
    assert report.building is not None
    assert report.building.shards == 4  # though some of them were built twice
    assert [warning for warning in report.warnings if "the bucket is made anew" in warning]
    assert len({*uploads.sent[-4:]}) == 4
    assert {*uploads.sent[-4:]}.isdisjoint(uploads.sent[:-4])
    assert proxied.buckets == {""}
    assert proxied.bucket_id != before[0]
    assert list(proxied.state.iterdir()) == []


@pytest.mark.promise(
    fault="the server closes a shard for good: a connection broke, or a load died, while it opened a shard's files"
)
def test_connections_that_break_just_when_the_files_have_come_cost_nothing_but_tries(
    proxied: Proxied, source: Path, digest: str
) -> None:
    broken: list[str] = []

    def half_open(number: int, request: Request) -> Fault | None:
        if number % 3 or len(broken) > 1:
            return None
        broken.append(request.path)
        parts = urlsplit(proxied.influxd.connection.url)
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall(request.encode())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return Fault()

    Uploads(proxied, half_open)
    report = proxied.load(source, **MORE)
    assert (report.status, report.points_written, proxied.digest()) == ("verified", ROWS, digest)
    assert len(broken) >= 1
    assert proxied.buckets == {""}


@pytest.mark.slow
@pytest.mark.promise(fault="Ctrl-C or SIGTERM while storage files are built and sent")
@pytest.mark.usefixtures("proxied_environment")
def test_an_upload_that_hangs_is_broken_off_ten_seconds_after_the_first_signal(proxied: Proxied, start: Start) -> None:
    uploads = Uploads(proxied, lambda number, _: Fault(hangs_seconds=120) if number > 2 else None)
    words = ("load", proxied.csv(birds_csv(ROWS)), *BIRDS_FLAGS, "--bucket", proxied.bucket, "--method", "bulk")
    words += ("--shard-duration", "1d", "--workers", "1", "--state-dir", str(proxied.state))
    load = start(*words)
    deadline = time.monotonic() + 60
    while len(uploads.sent) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    asked = time.monotonic()
    load.send_signal(signal.SIGINT)
    _, err = load.communicate(timeout=60)
    assert load.returncode == 130, err
    assert 9 < time.monotonic() - asked < 15
    assert "--resume" in err.splitlines()[-1]
    again = Uploads(proxied)
    resumed = start(*words, "--resume")
    _, err = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, err
    assert len(again.sent) == 2
    assert proxied.rows().height == 2 * ROWS
    assert proxied.buckets == {""}
