"""Rows out of a backup are the server's own, value for value."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import importer
from importer import SourceError, VerificationError
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.reading.stored import cuts, points, slicing, unit
from tests.backups.points import write
from tests.bucket.test_counting import write_to_storage
from tests.loading import Command, Trial

from .conftest import Fill
from .test_round_trip import ALL_TYPES, hostile_tags

SECOND = 10**9
HOUR = 3600 * SECOND
DAY_SECONDS = 86_400


class Kept:
    """A test's backups, and what is read of them and of the server."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.folder = trial.folder / "backup"
        self.state = trial.folder / "state"

    def make(self) -> Path:
        importer.backup(self.trial.bucket, to=self.folder, connection=self.trial.connection)
        return self.folder

    def read(self, **options: Any) -> pl.DataFrame:
        found: pl.DataFrame = importer.read(from_backup=self.folder, state_dir=self.state, **options)
        assert not self.state.exists() or not list(self.state.iterdir())
        return found

    def assert_same(self, **options: Any) -> pl.DataFrame:
        """The same rows in the same order as the server gives, to the bit."""
        served: pl.DataFrame = importer.read(self.trial.bucket, connection=self.trial.connection, **options)
        found = self.read(**options)
        # The server goes on naming tags and fields of which all was deleted.
        served = served.drop(
            name for name in served.columns if name not in found.columns and served[name].null_count() == served.height
        )
        assert dict(found.schema) == dict(served.schema)
        assert found.height == served.height
        for name in served.columns:
            assert bits(found[name]) == bits(served[name]), name
        return found


def bits(column: pl.Series) -> list[Any]:
    return column.reinterpret(signed=False).to_list() if column.dtype == pl.Float64 else column.to_list()


@pytest.fixture
def kept(trial: Trial) -> Kept:
    return Kept(trial)


@pytest.fixture
def rewritten(kept: Kept, fill: Fill) -> Kept:
    """A bucket of several shard groups, whose files hold many points twice, and deleted ones."""
    week = 7 * DAY_SECONDS

    def lines(numbers: range, shift: int) -> Iterator[str]:
        for n in numbers:
            fields = {0: f"a={n + shift}i,b=0.5", 1: f'b={n}.25,s="text {shift}"', 2: f"c={str(n % 2 == 0).lower()}"}
            yield f"m\\ 1,id={n % 5},at={n % 2} {fields[(n + shift) % 3]},u={n}u {n * HOUR}"

    for numbers, shift in ((range(400), 0), (range(150, 300), 1), (range(200, 210), 2)):
        fill(*lines(numbers, shift), shard_seconds=week)
        write_to_storage(kept.trial.server, kept.trial.bucket_id)
    for predicate in ('id="3"', 'at="0" AND id="2"', 'at="none of them"'):
        delete(kept.trial, predicate, "1970-01-07T00:00:00Z", "1970-01-12T00:00:00Z")
    fill(*lines(range(210, 230), 3), "m\\ 1,gone=x only=1 77", shard_seconds=week)
    write_to_storage(kept.trial.server, kept.trial.bucket_id)
    delete(kept.trial, 'gone="x"', "1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    kept.make()
    return kept


def delete(trial: Trial, predicate: str, start: str, stop: str) -> None:
    body = {"start": start, "stop": stop, "predicate": predicate}
    trial.server.call("POST", "/api/v2/delete", query={"org": trial.connection.org, "bucket": trial.bucket}, body=body)


def members(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return [Path(name).suffix for name in tar.getnames()]


def test_all_types_hostile_names_and_both_ends_of_time_are_what_the_server_gives(kept: Kept, fill: Fill) -> None:
    more = ('m,a=x s="",f=1 20', 'm,a=x s="\u2028 \U0001f426" 21', "k,id=x id=1,v=1 1", "k v=2 2", "l v=1i 1")
    odd = (r"back\slash,t\ag=v\alue fi\eld=1 3", 'b#!~,t=#! ~="#!~#" 3', "mm\\,t=1 v=1 4", "m$,t=1 v=1 4", "m! v=1 4")
    fill(*ALL_TYPES, *hostile_tags(), *more, *odd)
    kept.make()
    found = kept.assert_same()
    assert found.height == len(ALL_TYPES) + len(hostile_tags()) + len(more) + len(odd)
    assert found["measurement"].n_unique() >= 9
    served, stored = (kept.trial.folder / f"{name}.lp" for name in ("served", "stored"))
    importer.export(kept.trial.bucket, served, connection=kept.trial.connection)
    importer.export(None, stored, from_backup=kept.folder, state_dir=kept.state)
    assert sorted(stored.read_bytes().split(b"\n")) == sorted(served.read_bytes().split(b"\n"))


def test_later_files_win_and_tombstones_are_respected_over_several_shard_groups(rewritten: Kept) -> None:
    inside = [members(path) for path in rewritten.folder.glob("*.tar.gz")]
    assert len(inside) > 2
    assert max(each.count(".tsm") for each in inside) > 1
    assert sum(each.count(".tombstone") for each in inside) > 1
    assert list(rewritten.folder.glob("*.lines.gz"))
    found = rewritten.assert_same()
    assert 300 < found.height < 400
    assert found.columns == ["time", "measurement", "at", "id", "a", "b", "c", "s", "u"]


def test_what_is_chosen_of_a_backup_is_what_is_chosen_of_the_server(rewritten: Kept) -> None:
    for options in (
        {"start": "1970-01-12", "stop": "1970-01-15T03:00:00Z"},
        {"tags": {"id": ["1", "3"], "at": "1"}, "fields": ["b", "u"]},
        {"measurement": "m 1", "fields": "s", "stop": "1970-01-13"},
        {"limit": 17, "fields": ["a", "u"]},
    ):
        found = rewritten.assert_same(**options)
        assert 0 < found.height < 300, options
        assert found.height == options.get("limit", found.height)


def test_slices_of_any_size_give_the_same_rows(rewritten: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rewritten.read()
    for module, name, value in (
        (points, "MOST_BYTES", 500),
        (points, "TELL_EVERY", 1),
        (slicing, "_LOOSE", 3),
        (cuts, "MOST_TIMES", 64),
        (unit, "BLOCKS_AT_ONCE", 1),
    ):
        monkeypatch.setattr(module, name, value)
    given: list[int] = []
    plain: Any = vars(points)["part_of"]

    def part_of(*arguments: Any) -> Any:
        made = plain(*arguments)
        given.append(made.frame.height)
        return made

    monkeypatch.setattr(points, "part_of", part_of)
    for in_memory in (slicing.IN_MEMORY_BYTES, 2_000):
        monkeypatch.setattr(slicing, "IN_MEMORY_BYTES", in_memory)
        told: list[tuple[int, int, int]] = []
        assert rewritten.read(progress=lambda *done, told=told: told.append(done)).equals(whole)
        values = sum(whole[name].count() for name in "abcsu")
        assert told[-1] == (values, values, whole.height)
        assert all(done <= total for done, total, _ in told)
    assert len(given) > 40
    assert max(given) < whole.height / 8


def test_bytes_that_are_no_utf8_are_replaced_as_the_server_replaces_them(kept: Kept) -> None:
    trial = kept.trial
    made = catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    texts = (b"\xff", b"a\xe2\x82b", b"\xed\xa0\x80", b"\xf0\x9f\x90\xa6 \xc0\x80", b"plain")
    write(trial, made.id, b"\n".join(b'm,t=x s="%b",n=%di %d' % (text, n, n) for n, text in enumerate(texts)))
    write(trial, made.id, b'm,t=\xfe\xff s="in a tag" 9')
    kept.make()
    kept.assert_same()
    served = importer.export(trial.bucket, trial.folder / "a.csv", connection=trial.connection)
    stored = importer.export(None, trial.folder / "b.csv", from_backup=kept.folder, state_dir=kept.state)
    assert (
        stored.warnings == served.warnings == ("10 bytes of texts are no UTF-8: each was replaced by the sign U+FFFD",)
    )
    assert (trial.folder / "a.csv").read_bytes() == (trial.folder / "b.csv").read_bytes()


def test_a_file_of_a_backup_loads_back_by_its_mapping_and_no_server_is_asked(
    kept: Kept, fill: Fill, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(*ALL_TYPES[:4])
    folder, bucket = kept.make(), kept.trial.bucket
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    ended = command("read", "--from-backup", folder, "--output", "m.csv", "--write-mapping", "m.toml")
    assert ended.code == 0
    assert ended.err.splitlines() == [
        "m.csv: 4 rows, 10 values of 'm'",
        f"to load it back: importer load m.csv --mapping m.toml --bucket {bucket}-copy",
    ]
    assert command("read", bucket, "--from-backup", folder).out == Path("m.csv").read_text()
    ended = command("read", "--from-backup", folder, "--start", "1970-01-02", "--format", "table")
    assert ended.out == (
        "nothing was found: look at --window, --start, --stop and the filters; "
        f"the backup's shard groups reach from {ended.out.split(' from ')[-1]}"
    )
    report = kept.trial.load(Path("m.csv"), mapping="m.toml", bucket=f"{bucket}-copy")
    assert (report.status, report.points_written) == ("verified", 4)


def test_what_the_importer_noted_of_a_backup_is_held_against_its_files_and_what_is_read(kept: Kept, fill: Fill) -> None:
    fill(*ALL_TYPES[:4])
    folder = kept.make()
    noted = folder / "importer.json"
    text = noted.read_text()
    (archive,) = folder.glob("*.tar.gz")
    noted.write_text(re.sub(r'"values": ?10\b', '"values":11', text))
    with pytest.raises(VerificationError, match="the backup held 11 values when it was made, and 10 were read"):
        kept.read()
    assert kept.read(fields="f").height == kept.read(limit=3).height + 1 == 4
    noted.write_text(text.replace(archive.name, "other.tar.gz"))
    with pytest.raises(SourceError, match=r"is not among the files .*: its 'importer.json' is damaged"):
        kept.read()
    noted.write_text(text)
    whole = archive.read_bytes()
    archive.write_bytes(whole[:4] + b"\1" + whole[5:])  # of the head of gzip, which no other checksum is about
    with pytest.raises(SourceError, match="is damaged: its checksum is not the one that it was written with"):
        kept.read()
    noted.unlink()
    assert kept.read().height == 4
