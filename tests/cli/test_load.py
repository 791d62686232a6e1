from __future__ import annotations

import gzip
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from importer.bucket import catalogue
from importer.ledger.report import Report
from tests.loading import BIRDS_FLAGS, SAMPLE, SAMPLE_MAPPING, Command, Start, Trial, birds_csv, digest_of

DRY_RUN = ("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--bucket", "b", "--dry-run")

pytestmark = pytest.mark.usefixtures("environment")


def test_sample_is_loaded_with_exit_code_0_and_a_report(trial: Trial, command: Command) -> None:
    arguments = ("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--bucket", trial.bucket, "--report", "r.json")
    assert command(*arguments).code == 0
    first = Report.model_validate_json(Path("r.json").read_text())
    digest = trial.digest()
    assert command(*arguments).code == 0
    second = Report.model_validate_json(Path("r.json").read_text())
    assert first.status == second.status == "verified"
    exclude = {"load_id", "elapsed_seconds", "rows_per_second", "phases", "shard_group"}
    assert first.model_dump(exclude=exclude) == second.model_dump(exclude=exclude)
    assert [field.stored for field in second.fields] == [field.expected for field in second.fields]
    assert trial.digest() == digest


def test_report_has_the_fields_that_are_documented(trial: Trial, command: Command) -> None:
    command("load", trial.csv(birds_csv(3)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--report", "r.json")
    report = json.loads(Path("r.json").read_text())
    documented = """schema_version load_id status bucket sources rows_read rows_mapped rejected skipped points_emitted
        points_written points_rejected duplicates duplicate_kinds bytes_read elapsed_seconds rows_per_second phases
        retries series time_range shard_group writing building not_in_bulk fields warnings rejects_file server"""
    assert set(report) == {*documented.split(), "error"}
    assert set(report["sources"][0]) == {"path", "bytes", "sha256"}
    assert set(report["time_range"]) == {"start", "stop"}
    assert set(report["phases"]) == {"look", "load", "duplicates", "verify", "swap"}
    assert set(report["shard_group"]) == {"seconds", "how"}
    assert set(report["writing"]) == {
        *("workers", "workers_fixed", "batch_rows", "batch_rows_fixed", "batch_bytes", "compression"),
        *("requests", "setbacks"),
    }
    assert set(report["fields"][0]) == {"measurement", "field", "type", "expected", "stored"}
    assert set(report["server"]) == {"url", "version"}


def test_bad_number_in_line_5001_ends_with_exit_code_3_and_names_it(trial: Trial, command: Command) -> None:
    arguments = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--rejects", "bad.csv", "--report", "r.json")
    assert command("load", trial.csv(birds_csv(100)), *arguments).code == 0
    before = trial.state_now()
    source = trial.csv(birds_csv(6000, bad_lines=(5001,)), "new.csv")
    ended = command("load", source, *arguments)
    assert ended.code == 3
    assert f"{source}, line 5,001, column 'lat': 'north'" in ended.err
    assert "the bucket was left as it was" in ended.err
    assert f"{source},5001," in Path("bad.csv").read_text()
    assert json.loads(Path("r.json").read_text())["status"] == "failed"
    assert trial.state_now() == before
    ended = command("load", source, *arguments, "--max-rejects", "1")
    assert ended.code == 0
    assert json.loads(Path("r.json").read_text())["points_written"] == 5999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch.csv"], "no such file: 'nosuch.csv'"),
        (["birds.csv", "--max-rejects", "many"], "max-rejects 'many'"),
        (["birds.csv", "--retention", "soon"], "'soon' is not a duration"),
        (["birds.csv", "--mapping", "nosuch.toml"], "no such mapping file"),
        (["birds.csv", "--field", "latt:float"], "no column 'latt'; did you mean 'lat'"),
        (["birds.csv", "--report", "nowhere/r.json"], "cannot write the report"),
        (["birds.csv", "--rejects", "nowhere/r.csv"], "cannot write the rejects file"),
        (["birds.csv", "--report", "birds.csv"], "would overwrite a source"),
        (["birds.csv", "--url", "http://127.0.0.1:1"], "--token-file"),
        (["birds.csv", "--mapper", "nosuch:function"], "--mapper"),
        (["empty.csv"], "is empty: a header line"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2_and_one_message(
    trial: Trial, command: Command, arguments: list[str], message: str
) -> None:
    source = trial.csv(birds_csv(10))
    text = source.read_text()
    trial.csv("", "empty.csv")
    mapping = () if "--mapping" in arguments else BIRDS_FLAGS
    ended = command("load", *arguments, *mapping, "--bucket", trial.bucket)
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert trial.buckets == set()
    assert source.read_text() == text


def test_a_bucket_of_somebody_else_ends_with_exit_code_2_and_the_ways_out(trial: Trial, command: Command) -> None:
    body = {"name": trial.bucket, "orgID": trial.server.org_id, "retentionRules": []}
    trial.server.call("POST", "/api/v2/buckets", body=body)
    ended = command("load", trial.csv(birds_csv(10)), *BIRDS_FLAGS, "--bucket", trial.bucket)
    assert ended.code == 2
    for way_out in ("--if-exists replace", "--if-exists append", "--bucket"):
        assert way_out in ended.err


def test_options_of_the_bucket_reach_it(trial: Trial, command: Command) -> None:
    options = ("--retention", "36500d", "--shard-duration", "90d", "--bucket", trial.bucket)
    assert command("load", trial.csv(birds_csv(10)), *BIRDS_FLAGS, *options).code == 0
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    assert found.settings.retention_seconds == 36_500 * 86_400
    assert found.settings.shard_duration_seconds == 90 * 86_400
    assert command("load", trial.csv(birds_csv(20)), *BIRDS_FLAGS, "--keep-old", "--bucket", trial.bucket).code == 0
    assert len(trial.buckets) == 2


def test_dry_run_prints_line_protocol_only_that_loads_back_to_the_same(trial: Trial, command: Command) -> None:
    arguments = ("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--bucket", trial.bucket)
    ended = command(*arguments, "--dry-run", "--report", "r.json")
    assert ended.code == 0
    report = json.loads(Path("r.json").read_text())
    lines = ended.out.splitlines()
    assert (report["status"], report["bucket"], report["server"]) == ("dry_run", None, None)
    assert len(lines) == report["points_emitted"] == 12_600
    assert trial.buckets == set()
    assert "rows read" in ended.err

    body = {"name": f"{trial.bucket}-by-hand", "orgID": trial.server.org_id, "retentionRules": []}
    by_hand = trial.server.call("POST", "/api/v2/buckets", body=body)["id"]
    from influxdb_client import WriteService  # noqa: PLC0415

    WriteService(trial.server.client.api_client).post_write(
        org=trial.connection.org, bucket=by_hand, body=ended.out.encode(), content_type="text/plain; charset=utf-8"
    )
    assert command(*arguments).code == 0
    assert digest_of(trial.server, by_hand) == trial.digest()


def test_limit_reads_so_many_rows(command: Command) -> None:
    ended = command(*DRY_RUN, "--limit", "7")
    assert len(ended.out.splitlines()) == 7


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_slow_reader_of_a_dry_run_gets_every_line(start: Start, unbuffered: str) -> None:
    process = start(*DRY_RUN, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}, text=False)
    assert process.stdout is not None
    time.sleep(1)
    lines = 0
    while chunk := process.stdout.read(10_000):
        lines += chunk.count(b"\n")
    assert process.wait(30) == 0
    assert lines == 12_600


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_dry_run_whose_reader_goes_away_ends_without_a_trace(start: Start, unbuffered: str) -> None:
    process = start(*DRY_RUN, env=os.environ | {"PYTHONUNBUFFERED": unbuffered}, text=False)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(30) == 1
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_standard_input_is_loaded_compressed_or_not(trial: Trial, start: Start) -> None:
    for data in (birds_csv(50).encode(), gzip.compress(birds_csv(60).encode())):
        process = start("load", "-", *BIRDS_FLAGS, "--bucket", trial.bucket, stdin=subprocess.PIPE, text=False)
        process.communicate(data, timeout=60)
        assert process.returncode == 0
    assert trial.rows().height == 120


def test_several_files_and_globs_are_loaded_later_ones_winning(trial: Trial, command: Command) -> None:
    trial.csv("t,bird,lat,n\n1600000000,a,1,1\n", "day-1.csv")
    trial.csv("t,bird,lat,n\n1600000000,a,2,1\n", "day-2.csv")
    ended = command("load", "day-*.csv", *BIRDS_FLAGS, "--bucket", trial.bucket)
    assert ended.code == 0
    assert "1 points overwrote an earlier one" in ended.out
    assert trial.rows().filter(_field="lat")["_value"].to_list() == ["2"]


def test_csv_options_reach_the_reader(trial: Trial, command: Command) -> None:
    trial.csv("t;bird;lat;n\n1600000000;Mönch;1,5;NA\n".encode("latin-1"))
    options = ("--delimiter", ";", "--encoding", "latin-1", "--decimal", ",", "--null", "NA")
    assert command("load", "birds.csv", *BIRDS_FLAGS, *options, "--bucket", trial.bucket).code == 0
    assert trial.rows().select("_field", "_value", "bird").rows() == [("lat", "1.5", "Mönch")]


def test_a_persons_own_function_is_found_in_the_current_folder(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"mapper_{trial.bucket.replace('-', '_')}"
    Path(f"{name}.py").write_text(
        "from influxdb_client import Point\n"
        "def to_point(row):\n"
        "    return Point('own').field('n', int(row['n'])).time(int(row['t']) * 10**9)\n"
    )
    source = trial.csv(birds_csv(10))
    assert command("load", source, "--mapper", f"{name}:to_point", "--bucket", trial.bucket).code == 0
    assert set(trial.rows()["_measurement"]) == {"own"}


def test_an_absent_server_is_waited_for_with_a_line_per_try(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    ended = command("load", trial.csv(birds_csv(3)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--wait", "2")
    assert ended.code == 1
    assert ended.err.count(" failed: no answer from the server") >= 2
    assert "Is InfluxDB running at http://127.0.0.1:9" in ended.err


@pytest.mark.parametrize(
    ("name", "message"), [("INFLUX_TOKEN", "the server refuses the token"), ("INFLUX_ORG", "'wrong' not found")]
)
def test_a_wrong_token_or_organisation_ends_with_exit_code_1(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setenv(name, "wrong")
    ended = command("load", trial.csv(birds_csv(3)), *BIRDS_FLAGS, "--bucket", trial.bucket)
    assert ended.code == 1
    assert message in ended.err


def test_a_server_that_is_no_influxdb_is_named_without_a_trace(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    import http.server  # noqa: PLC0415
    import threading  # noqa: PLC0415

    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Ok")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Other) as other:
        serving = threading.Thread(target=other.serve_forever)
        serving.start()
        monkeypatch.setenv("INFLUX_URL", f"http://127.0.0.1:{other.server_port}")
        ended = command("load", trial.csv(birds_csv(3)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--wait", "1")
        other.shutdown()
        serving.join()
    assert ended.code == 1
    assert "did not answer as InfluxDB does" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains_the_load_and_leaves_the_bucket(
    trial: Trial, start: Start, number: signal.Signals, code: int
) -> None:
    trial.load(trial.csv(birds_csv(100)), shard_duration_seconds=365 * 86_400)
    before = trial.state_now()
    source = trial.csv(birds_csv(150_000), "new.csv")
    options = ("--bucket", trial.bucket, "--batch-rows", "200", "--report", "r.json", "--state-dir", "state")
    process = start("load", source, *BIRDS_FLAGS, *options)
    deadline = time.monotonic() + 60
    while not any(Path("state").glob("load-*/spool/block-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "interrupted after" in err
    assert "rows read" in out
    assert json.loads(Path("r.json").read_text())["status"] == "interrupted"
    assert trial.state_now() == before
    (again,) = [line.removeprefix("to go on: importer ") for line in err.splitlines() if line.startswith("to go on: ")]
    assert shlex.split(again) == ["load", str(source), *BIRDS_FLAGS, *options, "--resume"]
    ended = start(*shlex.split(again))
    out, err = ended.communicate(timeout=60)
    assert ended.returncode == 0, err
    assert "going on with the load" in err
    assert json.loads(Path("r.json").read_text())["points_written"] == 150_000
    assert trial.buckets == {""}
    assert list(Path("state").iterdir()) == []


def wait_until_it_reads(pid: int) -> None:
    """Until the process has its libraries, and so has begun to look at what it is given."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and "polars" not in Path(f"/proc/{pid}/maps").read_text():
        time.sleep(0.05)
    time.sleep(1.5)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks at /proc for the moment to send the signal")
@pytest.mark.parametrize("sent", ["", birds_csv(100)], ids=["before the header", "between rows"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_load_that_waits_for_standard_input(
    trial: Trial, start: Start, sent: str, number: signal.Signals
) -> None:
    options = ("--bucket", trial.bucket, "--log-json")
    process = start("load", "-", *BIRDS_FLAGS, *options, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(sent)
    process.stdin.flush()
    wait_until_it_reads(process.pid)
    process.send_signal(number)
    assert process.wait(timeout=10) == 128 + number
    assert trial.buckets == set()


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_input(trial: Trial) -> None:
    measured = (
        "import resource, sys\nfrom importer.cli import main\n"
        "try:\n    main()\nfinally:\n"
        "    print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    peaks = []
    for rows in (150_000, 600_000):
        source = trial.csv(birds_csv(rows))
        words = [sys.executable, "-c", measured, "load", str(source), *BIRDS_FLAGS, "--bucket", trial.bucket]
        ended = subprocess.run([*words, "--if-exists", "replace"], capture_output=True, text=True, check=True)
        peaks.append(int(ended.stderr.split("peak ")[1]))
    assert peaks[1] < 1.25 * peaks[0]
