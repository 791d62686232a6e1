"""What a shard holds: its digest, and its points as lines where some had been deleted."""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from importer.backups import lines, values
from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.backups.values import Digest, digest_of_window
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.limits import MAX_TIME_NS
from importer.server import wire
from importer.server.retry import RetryPolicy
from tests.backups.points import delete_points, stored, write
from tests.fault_proxy import Fault, Request, fault_proxy
from tests.loading import Trial

DAY = 86_400
START_NS = 1_600_000_000 * 10**9
LAST_OF_GROUP_NS = 1_600_041_600 * 10**9 - 1  # 2020-09-13, where a shard group of a day ends
ODD_TEXTS = ("\r", "a\rb\r\nc\n", "\t tab", "", "", '"', "back\\slash\\", "ü 🐦", " ", "null", "b")


def point(number: int, text: str, time_ns: int) -> str:
    """In the test's own words, past the importer's encoder."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    fields = f'f={number}.25,z=-0,big=1e20,i={-number}i,u={2**64 - 1 - number}u,b={number % 2 == 0},s="{quoted}"'
    return f"m\\ 1,no={number},at=x\\=y {fields} {time_ns}"


def made(trial: Trial, name: str = "") -> str:
    settings = BucketSettings(shard_duration_seconds=DAY)
    return catalogue.create(trial.server, trial.bucket + name, settings, None).id


def saved_without_deleted(trial: Trial, points: Sequence[str]) -> Path:
    """A backup of these points, and of files that still hold others of their shard groups."""
    write(trial, made(trial), "\n".join([*points, f"m\\ 1 f=1 {START_NS}", f"m\\ 1 f=1 {MAX_TIME_NS - 10**9}"]))
    backup(trial.bucket, to=trial.folder / "first", connection=trial.connection)  # the server writes its memory down
    delete_points(trial, "2020-09-13T12:26:40Z", "2020-09-13T12:26:40Z")
    delete_points(trial, "2262-04-11T23:47:15Z", "2262-04-11T23:47:16Z")
    backup(trial.bucket, to=trial.folder / "saved", connection=trial.connection)
    return trial.folder / "saved"


def test_odd_texts_and_the_last_nanosecond_come_back_where_points_were_deleted(trial: Trial) -> None:
    times = (START_NS + 1, LAST_OF_GROUP_NS, MAX_TIME_NS)
    folder = saved_without_deleted(trial, [point(*each, at) for at in times for each in enumerate(ODD_TEXTS)])
    assert len(list(folder.glob("*.lines.gz"))) == 2
    (copy,) = restore(folder, as_name=f"{trial.bucket}-copy", connection=trial.connection)
    assert (copy.status, copy.values) == ("verified", 7 * len(times) * len(ODD_TEXTS))
    found = stored(trial, copy.bucket, "m 1")
    assert found == stored(trial, trial.bucket, "m 1")
    columns = [dict(zip(each["columns"], zip(*each["values"], strict=True), strict=True)) for each in found]
    assert {each["time"] for each in columns} == {times}
    assert {text for each in columns for text in each["s"]} == set(ODD_TEXTS)


def test_memory_is_bounded_by_bytes_where_texts_are_long(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "LINE_BYTES", 20_000)
    monkeypatch.setattr(lines, "BYTES_AT_ONCE", 20_000)
    folder = saved_without_deleted(
        trial, [f'm\\ 1 s="{chr(97 + number % 7) * 1_000}" {START_NS + number + 1}' for number in range(400)]
    )
    path = max(folder.glob("*.lines.gz"), key=lambda each: each.stat().st_size)
    data, sizes = path.read_bytes(), []
    while data:
        part = zlib.decompressobj(wbits=31)
        sizes.append(len(part.decompress(data)))
        data = part.unused_data
    assert sum(sizes) > 400_000
    assert max(sizes) < 50_000
    monkeypatch.undo()
    (copy,) = restore(folder, as_name=f"{trial.bucket}-copy", connection=trial.connection)
    assert (copy.status, copy.values) == ("verified", 400)


def digest(trial: Trial, bucket_id: str, start_ns: int = START_NS - 10, stop_ns: int = START_NS + 10) -> Digest:
    return digest_of_window(trial.server, bucket_id, start_ns, stop_ns, stop=threading.Event())


def test_digest_tells_data_apart_that_differ_in_anything_and_not_in_their_order(trial: Trial) -> None:
    first, second = f'm,a=x f=1,s="t" {START_NS}', f'm,a=y f=2,s="u" {START_NS + 1}'
    others = [
        (first, second),
        (second, first),
        (first,),
        (first, second.replace("f=2", "f=3")),
        (first.replace("f=1", "f=1i"), second.replace("f=2", "f=2i")),
        (first.replace("f=1", "f=1u"), second.replace("f=2", "f=2u")),
        (first, second.replace("a=y", "a=z")),
        (first, second.replace("f=2", "g=2")),
        (first, second.replace("m,", "n,")),
        (first, second.replace(str(START_NS + 1), str(START_NS + 2))),
        (first.replace("f=1", "f=2"), second.replace("f=2", "f=1")),
        (first.replace('"t"', '"t u"'), second),
        (first.replace('"t"', '"t\r"'), second),
        (first.replace('"t"', '"t\n"'), second),
        (first.replace('"t"', '""'), second),
        (first.replace(',s="t"', ""), second),
        (first, second.replace("a=y", "table=y")),  # Flux has columns of such names
        (first, second.replace("a=y", "f=y")),
        (first, second, f'm,a=x s="ab" {START_NS + 2}', f'm,a=x s="c" {START_NS + 3}'),
        (first, second, f'm,a=x s="a" {START_NS + 2}', f'm,a=x s="bc" {START_NS + 3}'),
    ]
    found = []
    for number, points in enumerate(others):
        bucket_id = made(trial, f"-{number}")
        for each in points:
            write(trial, bucket_id, each)
        of_all = digest(trial, bucket_id)
        found.append((of_all.values, of_all.hex))
    assert found[0] == found[1]
    assert len(set(found)) == len(others) - 1


def test_digest_sees_the_last_nanosecond_of_a_window_and_nothing_behind_it(trial: Trial) -> None:
    bucket_id = made(trial)
    write(trial, bucket_id, "\n".join(f"m f=1 {time}" for time in (START_NS, START_NS + 1, MAX_TIME_NS)))
    ends = [START_NS, START_NS + 1, START_NS + 2, MAX_TIME_NS, MAX_TIME_NS + 1]
    assert [digest(trial, bucket_id, *window).values for window in pairwise(ends)] == [1, 1, 0, 1]


def test_a_field_has_the_type_that_it_has_in_the_shard_group(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "FIELDS_AT_ONCE", 2)
    both, alone = made(trial), made(trial, "-alone")
    kinds = [("f=1,g=1,h=1", START_NS), ("f=1i,g=1,h=1", START_NS + DAY * 10**9)]
    write(trial, both, "\n".join(f"m {fields} {time}" for fields, time in kinds))
    for fields, time in kinds:
        write(trial, alone, f"m {fields} {time}")
        assert digest(trial, both, time, time + 1) == digest(trial, alone, time, time + 1) != Digest()
        catalogue.delete(trial.server, alone)
        alone = made(trial, "-alone")


def test_a_bucket_that_loses_its_name_to_another_is_read_all_the_same(trial: Trial) -> None:
    bucket_id, swapped = made(trial), False
    write(trial, bucket_id, f"m f=1 {START_NS}")

    def swap(request: Request) -> Fault | None:
        nonlocal swapped
        if request.path.startswith("/query") and not swapped:
            swapped = True
            trial.server.call("PATCH", f"{catalogue.PATH}/{bucket_id}", body={"name": f"{trial.bucket}-old"})
            write(trial, made(trial), f"m f=1,g=2 {START_NS}")
        return None

    with fault_proxy(trial.connection.url) as proxy:
        proxy.rule = swap
        connection = replace(trial.connection, url=proxy.url)
        (was,) = backup(trial.bucket, to=trial.folder / "saved", connection=connection).buckets
    assert (was.bucket_id, was.values) == (bucket_id, 1)


def test_a_server_that_is_away_for_a_moment_is_waited_for_at_each_question(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(trial, made(trial), f"m f=1 {START_NS}")
    asked: Counter[tuple[str, bytes]] = Counter()

    def away_at_first(request: Request) -> Fault | None:
        question = request.path.partition("?")[0], request.body
        asked[question] += 1
        return Fault(503) if asked[question] in {1, 3} else None

    monkeypatch.setattr(wire, "RetryPolicy", partial(RetryPolicy, first_pause_seconds=0.01))
    with fault_proxy(trial.connection.url) as proxy:
        proxy.rule = away_at_first
        connection = replace(trial.connection, url=proxy.url)
        (was,) = backup(trial.bucket, to=trial.folder / "saved", connection=connection, wait_seconds=30).buckets
    assert was.values == 1
    assert asked["/health", b""] == 4  # for the server's time, and at the end for its version
