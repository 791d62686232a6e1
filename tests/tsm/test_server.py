"""The server's own files, read and made again; and files of the writer, given to the server and its tools."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from importer.backups.values import Digest, digest_of_window
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.limits import MAX_TIME_NS
from importer.server.connection import translated
from importer.server.wire import Wire
from importer.tsm import IndexedKey, Reader, storage_file, times
from importer.tsm.blocks import Block, decode, encode_times, encode_values, join
from importer.tsm.layout import Origin
from importer.tsm.varint import read_uvarint
from tests.influxd import Influxd
from tests.loading import rows_of
from tests.tsm.tables import Table, columns, lines, tables

SHARD_SECONDS = 100 * 365 * 86_400  # one from 1999-07-27 until 2099-07-02
ROWS = 1_234
TABLES = tables(ROWS)


@pytest.fixture(scope="module")
def server(influxd_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    running = Influxd(influxd_binary, tmp_path_factory.mktemp("influxd"))
    yield running
    running.close()


def write(server: Influxd, bucket_id: str, body: str) -> None:
    query = [("org", server.connection.org), ("bucket", bucket_id), ("precision", "ns")]
    with translated():
        client: Any = server.server.client.api_client
        client.call_api(
            "/api/v2/write",
            "POST",
            query_params=query,
            header_params={"Content-Type": "text/plain"},
            body=body.encode(),
        )


def made_bucket(server: Influxd, name: str) -> str:
    return catalogue.create(server.server, name, BucketSettings(shard_duration_seconds=SHARD_SECONDS), None).id


def files_of(server: Influxd, bucket_id: str) -> list[Path]:
    return sorted((server.process.folder / "engine" / "data" / bucket_id).glob("autogen/*/*.tsm"))


def backed_up(server: Influxd, shard: str) -> None:
    with Wire(server.connection, threading.Event()) as wire, wire.answer(f"/api/v2/backup/shards/{shard}") as answer:
        for _ in answer.pieces():
            pass


def written_down(server: Influxd, bucket_id: str) -> list[Path]:
    """The bucket's files, after a backup has made the server write its memory to them."""
    for shard in (server.process.folder / "engine" / "data" / bucket_id / "autogen").iterdir():
        backed_up(server, shard.name)
    return files_of(server, bucket_id)


@pytest.fixture(scope="module")
def snapshots(server: Influxd, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files that the server made of its memory."""
    bucket_id = made_bucket(server, "snapshots")
    write(server, bucket_id, "\n".join(lines(TABLES, 0, ROWS)))
    folder = tmp_path_factory.mktemp("snapshots")
    return [Path(shutil.copy(path, folder)) for path in written_down(server, bucket_id)]


def raw_blocks(path: Path) -> Iterator[tuple[IndexedKey, bytes]]:
    with Reader(path) as reader:
        for key in reader.indexed_keys():
            for block in reader.raw_blocks(key):
                yield key, block


def encoded(block: Block, origin: Origin) -> bytes:
    lengths = np.array([block.times.size])
    first = encode_times(block.times, lengths, origin)
    return join(block.type, first, encode_values(block.type, block.values, lengths, origin))[0]


def points_of(path: Path) -> dict[bytes, tuple[list[int], list[Any]]]:
    with Reader(path) as reader:
        found = {}
        for key in reader.indexed_keys():
            found_times, values = reader.points(key)
            found[key.key] = found_times.tolist(), bits(values)
        return found


def bits(values: Any) -> list[Any]:
    plain = values.view(np.uint64) if getattr(values, "dtype", None) == np.float64 else values
    found: list[Any] = plain.tolist()
    return found


def expected_points(of: list[Table]) -> dict[bytes, tuple[list[int], list[Any]]]:
    return {column.keys[0]: (column.times.tolist(), bits(column.values)) for column in columns(of)}


def test_a_servers_file_holds_what_was_written_and_its_blocks_are_made_again_byte_by_byte(
    snapshots: list[Path],
) -> None:
    (path,) = snapshots

    assert points_of(path) == expected_points(TABLES)
    kinds: Counter[int] = Counter()
    for key, raw in raw_blocks(path):
        block = decode(raw)
        kinds[raw[read_uvarint(raw, 5)[1]] >> 4] += 1
        if block.type == "string":
            continue
        assert encoded(block, "snapshot") == raw, key
    assert set(kinds) == {times.RAW, times.PACKED, times.RUN_LENGTH}


def test_a_file_of_the_writer_is_the_servers_but_for_pressed_texts(snapshots: list[Path], tmp_path: Path) -> None:
    ours = tmp_path / "ours.tsm"

    with storage_file(ours, origin="snapshot") as writer:
        writer.write(columns(TABLES))

    assert writer.size == ours.stat().st_size
    for (key, one), (other_key, other) in zip(raw_blocks(ours), raw_blocks(snapshots[0]), strict=True):
        assert key.key == other_key.key
        assert one == other or key.type == "string"


def compact_at_once(server: Influxd) -> None:
    (server.process.folder / "config.toml").write_text('storage-compact-full-write-cold-duration = "1ms"\n')
    server.restart()


def test_blocks_of_a_compaction_are_made_again_byte_by_byte(server: Influxd) -> None:
    bucket_id = made_bucket(server, "compactions")
    for nth in range(3):  # each cut overlaps the one before, so that the server has to merge
        write(server, bucket_id, "\n".join(lines(TABLES, max(0, nth * 450 - 100), (nth + 1) * 450)))
        written_down(server, bucket_id)
    compact_at_once(server)
    deadline = time.monotonic() + 60
    files = files_of(server, bucket_id)
    # A folder that is listed while files are exchanged may show any of them.
    while [path.stem[-2:] for path in files] != ["02"] and time.monotonic() < deadline:
        time.sleep(0.1)
        files = files_of(server, bucket_id)

    (path,) = files

    assert points_of(path) == expected_points(TABLES)
    for key, raw in raw_blocks(path):
        block = decode(raw)
        if block.type not in {"string", "boolean"}:
            assert raw in {encoded(block, "compaction"), encoded(block, "snapshot")}, key
    merged = [raw for key, raw in raw_blocks(path) if raw != encoded(decode(raw), "snapshot") and key.type == "integer"]
    assert merged


def test_what_the_server_deleted_is_left_out(server: Influxd) -> None:
    bucket_id = made_bucket(server, "deleted")
    write(server, bucket_id, "\n".join(f"m,t={tag} f={n},g={n}i {n * 10**9}" for tag in "abc" for n in range(10)))
    (path,) = written_down(server, bucket_id)
    query = {"org": server.connection.org, "bucket": "deleted"}
    for predicate, start, stop in (("t=a", 2, 4), ("t=a", 6, 6), ("t=b", 0, 59)):
        span = {name: f"1970-01-01T00:00:{second:02}Z" for name, second in (("start", start), ("stop", stop))}
        server.server.call("POST", "/api/v2/delete", query=query, body={"predicate": predicate} | span)

    found = points_of(path)

    kept = [0, 1, 5, 7, 8, 9]
    assert path.with_suffix(".tombstone").exists()
    assert found[b"m,t=a#!~#g"] == ([n * 10**9 for n in kept], kept)
    assert found[b"m,t=b#!~#g"] == ([], [])
    assert found[b"m,t=c#!~#g"] == ([n * 10**9 for n in range(10)], list(range(10)))


def inspected(binary: Path, *arguments: str) -> str:
    done = subprocess.run([binary, "inspect", *arguments], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout + done.stderr


def engine_with(path: Path, folder: Path) -> Path:
    """A folder as the server has it, with one shard of one file."""
    shard = folder / "data" / "0123456789abcdef" / "autogen" / "1"
    shard.mkdir(parents=True)
    shutil.copy(path, shard / "000000001-000000001.tsm")
    (folder / "wal" / "0123456789abcdef" / "autogen" / "1").mkdir(parents=True)
    return folder


def test_the_servers_tools_find_nothing_wrong_and_show_the_same_as_of_its_own_file(
    influxd_binary: Path, snapshots: list[Path], tmp_path: Path
) -> None:
    ours = tmp_path / "ours.tsm"
    with storage_file(ours, origin="snapshot") as writer:
        writer.write(columns(TABLES))

    shown: list[tuple[Any, ...]] = []
    for name, path in (("ours", ours), ("theirs", snapshots[0])):
        engine = engine_with(path, tmp_path / name)
        file = next(engine.rglob("*.tsm"))
        verified = inspected(influxd_binary, "verify-tsm", "--engine-path", str(engine))
        exported = tmp_path / f"{name}.lp"
        inspected(
            influxd_binary,
            *("export-lp", "--engine-path", str(engine), "--bucket-id", "0123456789abcdef"),
            *("--output-path", str(exported), "--log-level", "error"),
        )
        dumped = inspected(influxd_binary, "dump-tsm", "--file-path", str(file), "--all")
        index = dumped.split("Index:")[1].split("Blocks:")[0]
        # Offsets and sizes differ from the first pressed text on.
        rows = [" ".join(line.split("\t")[0].split()[:3]) + line.split("\t")[-1] for line in index.splitlines() if line]
        encodings = [line for line in dumped.split("Encoding:")[1].splitlines() if "%" in line]
        shown.append((verified.split(", in")[0], exported.read_text(), rows, encodings))

    assert shown[0] == shown[1]
    assert shown[0][0].startswith("Broken Blocks: 0 / ")
    assert shown[0][1].count("\n") > ROWS


def test_the_server_takes_a_file_of_the_writer_and_holds_what_lines_would_have_given_it(
    server: Influxd, tmp_path: Path
) -> None:
    few = tables(120)
    ours = tmp_path / "ours.tsm"
    with storage_file(ours) as writer:
        writer.write(columns(few))
    by_lines = made_bucket(server, "by lines")
    write(server, by_lines, "\n".join(lines(few, 0, 120)))

    by_file = restored(server, "by file", ours)

    assert held(server, by_file) == held(server, by_lines)
    assert rows_of(server.server, by_file).equals(rows_of(server.server, by_lines))
    # Written by lines once more, the points belong to the same series: none of them is there twice.
    write(server, by_file, "\n".join(lines(few, 0, 50)))
    server.restart()
    assert held(server, by_file) == held(server, by_lines)


def test_the_server_reads_blocks_of_1000_values_that_it_was_given(server: Influxd, snapshots: list[Path]) -> None:
    del snapshots  # of a bucket with the same points, written by lines
    ours = server.process.folder / "ours.tsm"
    with storage_file(ours) as writer:
        writer.write(columns(TABLES))

    by_file = restored(server, "blocks", ours)

    by_lines = catalogue.find(server.server, "snapshots")
    assert by_lines is not None
    assert held(server, by_file) == held(server, by_lines.id)


def held(server: Influxd, bucket_id: str) -> Digest:
    """All values of all types, as InfluxQL gives them."""
    return digest_of_window(server.server, bucket_id, 0, MAX_TIME_NS, stop=threading.Event())


def restored(server: Influxd, name: str, path: Path) -> str:
    body = {
        "organizationID": server.server.org_id,
        "organizationName": server.connection.org,
        "bucketID": "0123456789abcdef",
        "bucketName": name,
        "defaultRetentionPolicy": "autogen",
        "retentionPolicies": [
            {
                "name": "autogen",
                "replicaN": 1,
                "duration": 0,
                "shardGroupDuration": SHARD_SECONDS * 10**9,
                "shardGroups": [
                    {
                        "id": 1,
                        "startTime": "1999-07-27T00:00:00Z",
                        "endTime": "2099-07-02T00:00:00Z",
                        "shards": [{"id": 1, "shardOwners": []}],
                    }
                ],
                "subscriptions": [],
            }
        ],
    }
    answer = server.server.call("POST", "/api/v2/restore/bucketMetadata", body=body)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(path, "000000001-000000001.tsm")
    with Wire(server.connection, threading.Event()) as wire:
        sent = archive.getvalue()
        shard = answer["shardMappings"][0]["newId"]
        headers = {"Content-Type": "application/octet-stream"}
        wire.send(f"/api/v2/restore/shards/{shard}", sent, len(sent), headers)
    found: str = answer["id"]
    return found
