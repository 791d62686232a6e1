import hashlib
import io
from pathlib import Path

import polars as pl
import pytest
from influxdb_client import BucketRetentionRules, InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS

from benchmarks import cached, row_functions
from benchmarks.bodies import write_bodies
from benchmarks.cached import prepare
from benchmarks.datasets import DATASETS, Dataset
from benchmarks.ready_lines import LENGTH_BYTES
from importer.server.connection import Connection
from importer.sink.pacing import Pace
from tests.fault_proxy import FaultProxy
from tests.loading import Trial, digest_of

SHAPES = pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
WEEK_SECONDS = 7 * 86_400
# By default, six years are 313 shard groups, which take the server many seconds.
YEARS = {"every_seconds": 0, "shard_group_duration_seconds": 3650 * 86_400}


def text_of(dataset: Dataset, rows: int, seed: int = 1) -> str:
    return "".join(f"{line}\n" for piece in dataset.lines(rows, seed) for line in piece)


def frame_of(dataset: Dataset, rows: int) -> pl.DataFrame:
    return pl.read_csv(io.StringIO(text_of(dataset, rows)), infer_schema=False)


def bodies_in(path: Path) -> list[bytes]:
    left, found = path.read_bytes(), []
    while left:
        size = int.from_bytes(left[:LENGTH_BYTES])
        found.append(left[LENGTH_BYTES : LENGTH_BYTES + size])
        left = left[LENGTH_BYTES + size :]
    return found


@SHAPES
def test_the_same_seed_gives_the_same_bytes_and_another_one_others(dataset: Dataset, tmp_path: Path) -> None:
    paths = [prepare(dataset, 1_000, seed, tmp_path / str(n)).csv for n, seed in enumerate((1, 1, 2))]
    first, again, other = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == again
    assert first != other


# Known once and for all: other bytes make figures of other days no longer comparable.
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("movebank", "25bfa8d1a47d042b"),
        ("iot", "f9e9f7c6baeabc5a"),
        ("wide", "442801b1f9dbde04"),
        ("one-series", "3621236df8d631fa"),
        ("many-series", "7c915c5e9af21883"),
    ],
)
def test_bytes_are_those_of_the_published_figures(name: str, digest: str) -> None:
    assert hashlib.sha256(text_of(DATASETS[name], 1_000).encode()).hexdigest()[:16] == digest


def test_file_is_made_once(tmp_path: Path) -> None:
    made = prepare(DATASETS["iot"], 100, 1, tmp_path)
    written = made.csv.stat().st_mtime_ns, made.for_influx_write.stat().st_mtime_ns
    again = prepare(DATASETS["iot"], 100, 1, tmp_path)
    assert written == (again.csv.stat().st_mtime_ns, again.for_influx_write.stat().st_mtime_ns)


def test_file_of_another_generator_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = prepare(DATASETS["iot"], 100, 1, tmp_path)
    monkeypatch.setattr(cached, "_recipe", lambda: "another")
    assert prepare(DATASETS["iot"], 100, 1, tmp_path).csv != made.csv


def test_file_that_was_not_finished_is_not_taken(tmp_path: Path) -> None:
    def broken(rows: int, seed: int) -> object:
        yield next(iter(DATASETS["iot"].frames(rows // 2, seed)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(Dataset(DATASETS["iot"].spec, broken), 100, 1, tmp_path)  # type: ignore[arg-type]
    assert len(prepare(DATASETS["iot"], 100, 1, tmp_path).csv.read_text().splitlines()) == 101


def test_movebank_rows_are_those_of_126_animals_over_six_years_to_the_millisecond() -> None:
    made = frame_of(DATASETS["movebank"], 20_000)
    times = made["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ms")
    first, last = times.min(), times.max()
    assert made.height == 20_000
    assert made["individual-local-identifier"].n_unique() == 126
    assert 5.9 < (last - first).total_seconds() / (365.25 * 86_400) <= 6  # type: ignore[operator, union-attr]
    assert (times.dt.millisecond() != 0).mean() > 0.9  # type: ignore[operator]
    assert made["tag-local-identifier"].str.starts_with("#").any()
    assert not made.select("individual-local-identifier", "timestamp").is_duplicated().any()
    assert [name for name in made.columns if made[name].null_count()] == []


def test_movebank_columns_are_those_of_a_real_export() -> None:
    real = Path(__file__).resolve().parents[3] / "shared" / "data" / "movebank_bats.csv"
    if not real.exists():
        pytest.skip("the real export is not part of the project")
    with real.open(encoding="utf-8") as file:
        assert file.readline().rstrip("\n").split(",") == frame_of(DATASETS["movebank"], 200).columns


def test_many_series_are_a_hundred_thousand() -> None:
    made = frame_of(DATASETS["many-series"], 100_500)
    assert made["sensor"].n_unique() == 100_000
    assert not made.select("time", "sensor").is_duplicated().any()


@SHAPES
def test_each_way_of_loading_stores_the_same_points(dataset: Dataset, trial: Trial) -> None:
    rows = 300
    data = prepare(dataset, rows, 1, trial.folder)
    mapping = trial.csv(dataset.spec.mapping, "mapping.toml")
    report = trial.load(data.csv, mapping=mapping)
    assert (report.status, report.points_written, len(report.fields)) == ("verified", rows, dataset.spec.values)

    bodies = bodies_in(write_bodies(data, trial.folder / "bodies").path)
    frame = pl.read_csv(data.csv, infer_schema=False)
    points = map(getattr(row_functions, dataset.spec.row_function), frame.iter_rows(named=True))
    with InfluxDBClient(trial.connection.url, trial.connection.token, org=trial.connection.org) as client:
        for name, records in (("lines", bodies), ("points", list(points))):
            bucket = client.buckets_api().create_bucket(
                bucket_name=f"{trial.bucket}-{name}", retention_rules=BucketRetentionRules(**YEARS)
            )
            client.write_api(write_options=SYNCHRONOUS).write(bucket.name, record=records)
            assert digest_of(trial.server, bucket.id) == trial.digest(), name


# Of the one, two blocks go into a request; a block of the other has more lines than a request may have.
@pytest.mark.parametrize(("name", "rows"), [("movebank", 60_000), ("one-series", 60_000)])
def test_ready_made_requests_are_those_that_the_importer_sends(trial: Trial, name: str, rows: int) -> None:
    data = prepare(DATASETS[name], rows, 1, trial.folder)
    made = write_bodies(data, trial.folder / "bodies")
    proxy = FaultProxy(trial.connection.url)
    trial.influxd.connection, own = (
        Connection(proxy.url, trial.connection.token, trial.connection.org),
        trial.influxd.connection,
    )
    try:
        mapping = trial.csv(data.dataset.spec.mapping, "mapping.toml")
        report = trial.load(data.csv, mapping=mapping, batch_rows=Pace().rows)
    finally:
        trial.influxd.connection = own
        proxy.close()
    found = bodies_in(made.path)
    assert len(found) == made.count > 1
    sent, again = proxy.writes[: made.count], proxy.writes[made.count :]
    assert sorted(found) == sorted(request.body for request in sent)
    # A server that loses sight of acknowledged values is rare, but it happens, and the load tells of it.
    assert bool(again) is any("were written once more" in warning for warning in report.warnings)
    sizes = {bucket.settings.shard_duration_seconds for bucket in trial.all_buckets()}
    assert sizes == {made.shard_group_seconds}
    assert made.shard_group_seconds != WEEK_SECONDS
