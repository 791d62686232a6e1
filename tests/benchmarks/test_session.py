import json
import os
import platform
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.datasets import DATASETS
from benchmarks.measure import FreshServer, measured
from benchmarks.results import Run
from importer.server.connection import Connection
from importer.server.process import InfluxdProcess, start_time

MEGABYTE = 1 << 20


@pytest.fixture
def nobody(tmp_path: Path) -> FreshServer:
    """This very process in place of a server: commands that talk to none can be measured beside it."""
    pid = os.getpid()
    return FreshServer(
        InfluxdProcess(pid, start_time(pid) or "", 1, tmp_path), Connection("http://127.0.0.1:1", "t", "o"), tmp_path
    )


def python(text: str) -> list[str]:
    return [sys.executable, "-S", "-c", text]


def test_peak_of_a_command_is_its_own_and_not_that_of_who_measures(nobody: FreshServer) -> None:
    held = bytearray(os.urandom(1) * (150 * MEGABYTE))
    assert measured(python("pass"), nobody).peak_bytes < 50 * MEGABYTE
    assert measured(python(f"bytearray(b'x' * {100 * MEGABYTE})"), nobody).peak_bytes > 100 * MEGABYTE
    assert held


def test_processor_time_includes_that_of_children(nobody: FreshServer) -> None:
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    cost = measured(python(f"import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', {busy!r}])"), nobody)
    assert cost.code == 0
    assert cost.cpu_seconds > 0.3
    assert cost.wall_seconds > 0.25


def test_what_a_command_says_and_how_it_ends_is_kept(nobody: FreshServer) -> None:
    cost = measured(python("import sys; print('out'); sys.exit('wrong')"), nobody)
    assert (cost.code, cost.out, cost.err) == (1, "out\n", "wrong\n")


def test_command_that_takes_too_long_is_ended(nobody: FreshServer, tmp_path: Path) -> None:
    text = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired):
        measured(python(text), nobody, patience_seconds=2)
    pid, deadline = int((tmp_path / "pid").read_text()), time.monotonic() + 10
    while start_time(pid) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert start_time(pid) is None


def test_no_setting_of_the_user_reaches_what_is_measured(nobody: FreshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_BUCKET_NAME", "mine")
    monkeypatch.setenv("IMPORTER_ALLOW_HTTP", "true")
    cost = measured(
        python("import os; print(*sorted(name for name in os.environ if name[:2] in ('IN', 'IM')))"), nobody
    )
    assert cost.out.split() == ["INFLUX_CONFIGS_PATH", "INFLUX_HOST", "INFLUX_ORG", "INFLUX_TOKEN", "INFLUX_URL"]


def session(folder: Path, binary: Path, *more: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    output = folder / "out" / "results.json"
    words = ["--rows", "2000", "--runs", "1", "--data", str(folder / "data"), "--output", str(output), *more]
    code = main([*words, "--influxd", str(binary)])
    return code, json.loads(output.read_text(encoding="utf-8"))


# The default shard groups of Movebank's six years take the server long: the ways that have them load another shape.
# A row function in one process is the same command with another number.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("shapes", "ways", "growth"),
    [
        (["movebank"], ["lines", "bulk", "mapper-2"], "0.5"),
        (["iot"], ["baseline", "influx-write", "lines", "importer"], "0"),
        (["wide", "one-series", "many-series"], ["importer"], "0"),
    ],
)
def test_all_ways_store_every_row_and_are_printed_and_drawn(
    influxd_binary: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    shapes: list[str],
    ways: list[str],
    growth: str,
) -> None:
    others = ["--no-start", "--no-weigh"] if growth == "0" else ["--start", "--weigh"]
    alone = ["--growth", growth, "--bulk-growth", growth, *others]
    asked = ["--datasets", ",".join(shapes), "--contenders", ",".join(ways), *alone]
    code, results = session(tmp_path, influxd_binary, *asked)
    printed = capsys.readouterr().out
    assert code == 0, printed
    if not os.environ.get("BENCH_INFLUX"):
        ways = [way for way in ways if way != "influx-write"]
    assert [(run["dataset"], run["contender"]) for run in results["runs"]] == [*product(shapes, ways)]
    for run in (*results["runs"], *results["growth"]):
        assert set(run) == set(Run.__dataclass_fields__)
        assert (run["trouble"], run["stored"]) == ("", run["rows"])
        for name in ("wall_seconds", "cpu_seconds", "server_cpu_seconds", "peak_bytes", "server_peak_bytes"):
            assert run[name] > 0, name
    assert [(run["contender"], run["rows"]) for run in results["growth"]] == (
        [] if growth == "0" else [("importer", 1_000), ("bulk", 1_000)]
    )
    assert [size["contender"] for size in results["sizes"]] == ([] if growth == "0" else ["importer", "bulk"])
    assert all(size["bytes"] > 0 and size["files"] > 0 and not size["trouble"] for size in results["sizes"])
    sizes = {(run["dataset"], run["contender"]): run["shard_group_seconds"] for run in results["runs"]}
    for (shape, way), seconds in sizes.items():
        fitted = way not in {"baseline", "influx-write"}
        assert (seconds == sizes.get((shape, "lines"), seconds)) == fitted, (shape, way)
    for run in results["runs"]:
        if run["contender"] in {"importer", "bulk", "mapper-2"}:
            assert {"look", "load", "verify", "swap"} <= set(run["phases"])
            assert sum(run["phases"].values()) <= run["elapsed_seconds"] <= run["wall_seconds"]
    starts = {start["what"]: start for start in results["start"]}
    assert list(starts) == ([] if growth == "0" else ["importer --help", "a load of 10 rows"])
    for start in starts.values():
        assert not start["trouble"]
        assert 0 < starts["importer --help"]["cpu_seconds"] <= start["cpu_seconds"]
        assert f" {start['what']} " in printed
    for title in (*(DATASETS[shape].spec.title for shape in shapes), *(CONTENDERS[way].title for way in ways)):
        assert title in " ".join(printed.split())
    written = {
        kind: (tmp_path / "out" / f"results.{kind}").read_text(encoding="utf-8") for kind in ("json", "md", "svg")
    }
    assert written["svg"].startswith("<svg ")
    assert all(f"| {CONTENDERS[way].title} |" in written["md"] for way in ways if way != "influx-write")
    assert str(tmp_path) not in written["json"]
    assert platform.node() not in written["json"]
    # Neither the servers' data nor the ready-made requests stay.
    assert {path.suffix for path in (tmp_path / "data").iterdir()} == {".csv"}


def test_way_that_loses_rows_is_found_out(
    influxd_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(CONTENDERS, "idle", Contender("idle", "does nothing", lambda _: python("pass")))
    asked = [
        "--datasets",
        "movebank",
        "--contenders",
        "idle",
        "--growth",
        "0",
        "--bulk-growth",
        "0",
        "--no-start",
        "--no-weigh",
    ]
    code, results = session(tmp_path, influxd_binary, *asked)
    assert code == 1
    assert [run["trouble"] for run in results["runs"]] == ["lost 2,000 of 2,000 rows"]
    assert "went wrong: movebank, idle, 2,000 rows: lost 2,000 of 2,000 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--datasets", "movebank,birds"], "'birds' is none of movebank, iot, wide, one-series, many-series"),
        (["--rows", "0"], "'0' is no number of 1 or more"),
        (["--influx", "/nowhere/influx"], "there is no program '/nowhere/influx'"),
    ],
)
def test_wrong_options_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
