from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest
import zstandard

from importer import Bounds, ConfigurationError, LoadOptions, MappingError, RejectBudget, SourceError
from importer.source.open import expand
from importer.source.reader import Reader
from tests.loading import BIRDS, START, Trial, birds_csv


def found(trial: Trial) -> dict[tuple[str, str, str], str]:
    rows = trial.rows().iter_rows(named=True)
    return {(row["bird"], row["_time"], row["_field"]): row["_value"] for row in rows}


@pytest.fixture
def plain_digest(trial: Trial) -> str:
    """What the bucket holds after a load of the plain file."""
    trial.load(trial.csv(birds_csv(300), "plain.csv"))
    return trial.digest()


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_a_compressed_file_gives_the_same_as_the_plain_one(trial: Trial, plain_digest: str, pack: Any) -> None:
    packed = pack(birds_csv(300).encode())
    report = trial.load(trial.csv(packed, "packed.bin"))
    assert trial.digest() == plain_digest
    assert report.sources[0].bytes == len(packed)
    assert report.bytes_read == len(birds_csv(300))


def test_standard_input_gives_the_same_as_the_file(trial: Trial, plain_digest: str) -> None:
    report = trial.load("-", stdin=io.BytesIO(birds_csv(300).encode()))
    assert trial.digest() == plain_digest
    assert [source.path for source in report.sources] == ["-"]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (birds_csv(300).replace("\n", "\r\n"), {}),
        ("\ufeff" + birds_csv(300), {}),
        (birds_csv(300).replace(",", ";"), {"delimiter": ";"}),
        (birds_csv(300).replace(",", "\t"), {"delimiter": "tab"}),
        (birds_csv(300).replace(",", ";").replace(".", ","), {"delimiter": ";", "decimal": ","}),
        (birds_csv(300).removesuffix("\n"), {}),
    ],
    ids=["crlf", "byte-order mark", "semicolons", "tabs", "decimal comma", "no last newline"],
)
def test_another_dialect_gives_the_same_as_the_plain_file(
    trial: Trial, plain_digest: str, text: str, options: dict[str, str]
) -> None:
    trial.load(trial.csv(text), mapping=BIRDS | {"csv": options})
    assert trial.digest() == plain_digest


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_text_of_another_encoding_arrives_as_it_was_written(trial: Trial, encoding: str) -> None:
    text = f"t,bird,lat,n\n{START},Mönch,1,1\n"
    trial.load(trial.csv(text.encode(encoding)), mapping=BIRDS | {"csv": {"encoding": encoding}})
    assert {bird for bird, _, _ in found(trial)} == {"Mönch"}


def test_null_texts_are_empty_cells(trial: Trial) -> None:
    text = f"t,bird,lat,n\n{START},MM,MM,1\n{START + 60},a,-,2\n"
    report = trial.load(trial.csv(text), mapping=BIRDS | {"csv": {"null": ["MM", "-"]}})
    assert {field.field: field.stored for field in report.fields} == {"n": 2}


def test_later_files_win_over_earlier_ones_and_what_was_lost_is_warned_of(trial: Trial) -> None:
    trial.csv(f"t,bird,lat,n\n{START},a,1,1\n{START},b,1,1\n", "day-1.csv")
    trial.csv(f"t,bird,lat,n\n{START},a,2,\n{START},b,1,1\n", "day-2.csv")
    report = trial.load(str(trial.folder / "day-*.csv"))
    assert [Path(source.path).name for source in report.sources] == ["day-1.csv", "day-2.csv"]
    moment = "2020-09-13T12:26:40Z"
    assert found(trial) == {
        ("a", moment, "lat"): "2",
        ("a", moment, "n"): "1",
        ("b", moment, "lat"): "1",
        ("b", moment, "n"): "1",
    }
    assert report.duplicate_kinds == {"identical": 1, "merged": 0, "overwritten": 1}
    (warning,) = report.warnings
    assert "birds,bird=a at 2020-09-13T12:26:40.000000000Z: lat 1.0 became 2.0" in warning


def test_the_order_of_the_arguments_decides_who_wins(trial: Trial) -> None:
    first = trial.csv(f"t,bird,lat,n\n{START},a,1,1\n", "a.csv")
    second = trial.csv(f"t,bird,lat,n\n{START},a,2,1\n", "b.csv")
    trial.load([second, first])
    assert found(trial)["a", "2020-09-13T12:26:40Z", "lat"] == "1"


def csv_with_duplicates(rows: int, keys: int) -> str:
    """Each key many times, far apart: its last row wins, and of an empty cell the last one that is not."""
    lines = ["t,bird,lat,n"]
    lines += [f"{START + n % keys},b{n % 5},{n},{n if n % 3 else ''}" for n in range(rows)]
    return "\n".join(lines) + "\n"


def test_duplicates_across_blocks_give_the_same_with_any_number_of_writers(trial: Trial) -> None:
    rows, keys = 6_000, 500  # 5 divides 500: a key's rows all belong to one bird
    source = trial.csv(csv_with_duplicates(rows, keys))
    last = {f"b{n % 5}/{n % keys}": str(n) for n in range(rows)}
    digests = set()
    for workers in (1, 2, 4):
        report = trial.load(source, workers=workers, block_bytes=4_000)
        assert (report.status, report.points_written, report.duplicates) == ("verified", keys, rows - keys)
        digests.add(trial.digest())
    assert len(digests) == 1
    latitudes = {row["_value"] for row in trial.rows().filter(_field="lat").iter_rows(named=True)}
    assert latitudes == set(last.values())


def test_a_whole_file_in_one_block_gives_the_same_as_in_small_ones(trial: Trial) -> None:
    source = trial.csv(csv_with_duplicates(3_000, 400))
    whole = trial.load(source)
    digest = trial.digest()
    small = trial.load(source, block_bytes=1_000, batch_rows=10, workers=4)
    assert trial.digest() == digest
    exclude = {"load_id", "elapsed_seconds", "rows_per_second", "phases", "shard_group", "writing"}
    assert small.model_dump(exclude=exclude) == whole.model_dump(exclude=exclude)


def test_blocks_are_no_longer_than_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    path.write_text(birds_csv(2_000))
    with Reader(
        expand([path]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header), block_bytes=500
    ) as reader:
        blocks = list(reader.blocks())
    assert max(len(block.data) for block in blocks) <= 500
    assert sum(block.records for block in blocks) == 2_000
    assert len(blocks) > 90


def test_a_file_with_only_a_header_makes_an_empty_bucket_and_says_so(trial: Trial) -> None:
    report = trial.load(trial.csv("t,bird,lat,n\n"))
    assert (report.status, report.rows_read, report.fields) == ("verified", 0, [])
    assert any("gave no point: the bucket is empty" in warning for warning in report.warnings)
    assert trial.rows().height == 0


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", SourceError, "is empty: a header line"),
        ("t,bird,latt,n\n1,a,1,1\n", MappingError, "no column 'lat'; did you mean 'latt'"),
        ("t;bird;lat;n\n1;a;1;1\n", MappingError, "--delimiter ';'"),
        ("t,bird,lat,lat,n\n1,a,1,1,1\n", MappingError, "2 columns named 'lat'"),
    ],
    ids=["empty file", "missing column", "wrong delimiter", "column twice"],
)
def test_an_unusable_file_is_refused_before_anything_is_written(
    trial: Trial, text: str, error: type[Exception], message: str
) -> None:
    good = trial.csv(birds_csv(10), "a.csv")
    bad = trial.csv(text, "b.csv")
    trial.load(good)
    before = trial.state_now()
    with pytest.raises(error, match=message):
        trial.load([good, bad])
    assert trial.state_now() == before


def test_a_file_that_breaks_off_fails_the_load(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    broken = gzip.compress(birds_csv(5_000).encode())[:-2_000]
    with pytest.raises(SourceError, match="is damaged"):
        trial.load(trial.csv(broken, "broken.csv.gz"))
    assert trial.state_now() == before
    assert trial.buckets == {""}


def test_ragged_rows_are_rejected_and_line_numbers_count_newlines_in_quotes(trial: Trial) -> None:
    text = f't,bird,lat,n,note\n{START},a,1,1,"two\nlines"\n{START},short\n{START},b,2,2,\n'
    report = trial.load(trial.csv(text), max_rejects=RejectBudget(1))
    assert (report.rows_read, report.rejected, report.points_written) == (3, 1, 2)
    (reject,) = (trial.folder / "rejects.csv").read_text().splitlines()[1:]
    assert reject.split(",")[1] == "4"
    assert "ragged" in reject


def test_a_source_that_is_named_twice_is_refused(trial: Trial) -> None:
    source = trial.csv(birds_csv(3))
    with pytest.raises(ConfigurationError, match="named twice"):
        trial.load([source, f"{trial.folder}/*.csv"])


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("name", ["max_download_seconds", "download_timeout_seconds"])
def test_a_time_to_wait_that_is_none_is_refused_wherever_it_is_said(name: str, seconds: float) -> None:
    for refuses in (Bounds, LoadOptions):
        with pytest.raises(ConfigurationError, match=f"{name} is .*: give more than 0"):
            refuses(**({name: seconds} | ({"bucket": "birds"} if refuses is LoadOptions else {})))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_time_span_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"time_span_seconds is .*: give 0 or more"):
        LoadOptions(bucket="birds", time_span_seconds=seconds)
