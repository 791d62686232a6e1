"""Where influxd comes from: found by setting, PATH or cache, else built."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from importer.errors import ConfigurationError
from importer.locks import locked
from importer.server.build import RUSTC_WRAPPER, VERSION, build, plan
from importer.server.influxd import cached_influxd, find, find_or_build, influxd_version
from importer.server.steps import Step, run_step
from importer.server.toolchain import Toolchain, find_toolchain

PKG_CONFIG_STANDIN = Path(__file__).parents[2] / "importer/server/influxd_build/pkg-config"


def script(path: Path, text: str) -> Path:
    """An executable shell script at ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def fake_influxd(folder: Path, version: str = "v2.7.12") -> Path:
    return script(folder / "influxd", f"echo 'InfluxDB {version} (git: none)'")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine with an empty PATH and an empty cache."""
    path = tmp_path / "path"
    path.mkdir()
    return {"PATH": str(path), "IMPORTER_CACHE_DIR": str(tmp_path / "cache")}


@pytest.fixture
def tools(environment: dict[str, str]) -> dict[str, str]:
    """A machine with everything that a build needs, all of it pretended."""
    path = Path(environment["PATH"])
    script(path / "go", "echo go version go1.26.8 linux/amd64")
    script(path / "cargo", "echo cargo 1.96.0")
    script(path / "rustc", "echo rustc 1.96.0")
    script(path / "cc", "true")
    return environment


def test_nothing_is_found_on_an_empty_machine(environment: dict[str, str]) -> None:
    assert find(environment=environment) is None


def test_an_argument_goes_before_the_setting_and_everything_else(tmp_path: Path, environment: dict[str, str]) -> None:
    given, by_setting = fake_influxd(tmp_path / "given"), fake_influxd(tmp_path / "setting")
    environment["IMPORTER_INFLUXD"] = str(by_setting)
    assert find(given, environment=environment) == given
    assert find(environment=environment) == by_setting


def test_the_setting_goes_before_path_and_path_before_the_cache(tmp_path: Path, environment: dict[str, str]) -> None:
    cached = fake_influxd(cached_influxd(environment).parent)
    assert find(environment=environment) == cached
    on_path = fake_influxd(Path(environment["PATH"]))
    assert find(environment=environment) == on_path
    environment["IMPORTER_INFLUXD"] = str(fake_influxd(tmp_path / "setting"))
    assert find(environment=environment) == tmp_path / "setting" / "influxd"


def test_influxdb_1_on_path_is_passed_over(environment: dict[str, str]) -> None:
    fake_influxd(Path(environment["PATH"]), version="v1.8.10")
    assert find(environment=environment) is None


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda _: None, "no such file"),
        (lambda path: path.write_text("not a program"), "not executable"),
        (lambda path: fake_influxd(path.parent, version="v1.8.10"), "that is InfluxDB 1.8.10; 2.7 is needed"),
        (lambda path: script(path, "exit 1"), "no influxd that runs"),
    ],
)
def test_an_unusable_setting_is_refused_and_not_passed_over(
    tmp_path: Path, environment: dict[str, str], prepare: object, message: str
) -> None:
    path = tmp_path / "influxd"
    assert callable(prepare)
    prepare(path)
    fake_influxd(Path(environment["PATH"]))
    environment["IMPORTER_INFLUXD"] = str(path)
    with pytest.raises(ConfigurationError, match=message) as caught:
        find(environment=environment)
    assert "IMPORTER_INFLUXD" in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_cache_folder_holds_the_version_in_its_name(environment: dict[str, str]) -> None:
    expected = Path(environment["IMPORTER_CACHE_DIR"]) / "influxd-2.7.12" / "influxd"
    assert cached_influxd(environment) == expected


def test_an_empty_machine_is_told_everything_that_is_missing_and_every_way_out(
    environment: dict[str, str],
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_or_build(environment=environment)
    message = str(caught.value)
    missing = ("(cargo)", "(rustc)", "C compiler")
    ways_out = ("cargo-web", "gcc", "influxd is on PATH", "docker compose up influxdb", "INFLUX_URL")
    for part in (*missing, *ways_out):
        assert part in message
    assert not Path(environment["IMPORTER_CACHE_DIR"]).exists()


def test_only_what_is_missing_is_named(tools: dict[str, str]) -> None:
    (Path(tools["PATH"]) / "cc").unlink()
    with pytest.raises(ConfigurationError) as caught:
        find_toolchain(tools)
    named = str(caught.value).splitlines()[0]
    assert "C compiler" in named
    assert "cargo" not in named


def test_too_old_a_rust_counts_as_missing(tools: dict[str, str]) -> None:
    script(Path(tools["PATH"]) / "rustc", "echo rustc 1.63.0")
    with pytest.raises(ConfigurationError, match=r"Rust 1\.72 or later \(.* is 1\.63\)"):
        find_toolchain(tools)


@pytest.mark.parametrize(("version", "usable"), [("1.22.9", False), ("1.23.0", True), ("1.100.1", True)])
def test_go_counts_from_1_23_on(tools: dict[str, str], version: str, usable: bool) -> None:  # noqa: FBT001
    script(Path(tools["PATH"]) / "go", f"echo go version go{version} linux/amd64")
    assert (find_toolchain(tools).go is not None) == usable


def test_rustup_says_which_installed_toolchain_is_used(tools: dict[str, str]) -> None:
    assert find_toolchain(tools).rustup_toolchain is None
    rustup = Path(tools["PATH"]) / "rustup"
    script(rustup, "echo 'stable-x86_64-unknown-linux-gnu (default)'")
    assert find_toolchain(tools).rustup_toolchain == "stable-x86_64-unknown-linux-gnu"
    script(rustup, 'case $1 in show) echo "no active toolchain" ;; toolchain) echo "1.95.0-x86 (x)" ;; esac')
    assert find_toolchain(tools).rustup_toolchain == "1.95.0-x86"


def test_the_plan_builds_pkg_config_then_influxd(tmp_path: Path, tools: dict[str, str]) -> None:
    script(Path(tools["PATH"]) / "rustup", "echo stable")
    toolchain = find_toolchain(tools)
    assert toolchain.go is not None
    planned = plan(toolchain, toolchain.go, tmp_path, {**tools, "HTTPS_PROXY": "http://proxy:1"})
    first, second = (step.command for step in planned.steps)
    pkg_config = str(tmp_path / "bin/pkg-config")
    assert first == (str(toolchain.go), "build", "-o", pkg_config, "github.com/influxdata/pkg-config")
    assert second[-1] == "github.com/influxdata/influxdb/v2/cmd/influxd"
    assert second[second.index("-ldflags") + 1] == f"-s -w -X main.version=v{VERSION}"
    assert second[second.index("-tags") + 1] == "sqlite_foreign_keys,sqlite_json"
    assert second[second.index("-o") + 1] == str(planned.output)
    expected = {
        "PKG_CONFIG": pkg_config,
        "RUSTC_WRAPPER": str(tmp_path / "bin/rustc-wrapper"),
        "RUSTUP_TOOLCHAIN": "stable",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "1",
        "HTTPS_PROXY": "http://proxy:1",
    }
    assert expected.items() <= planned.environment.items()
    assert planned.environment["PATH"].startswith(f"{toolchain.go.parent}{os.pathsep}")


def pretended_build(tools: dict[str, str], produces: str) -> Path:
    """A Go that notes its go.mod and 'builds' a script; the build log's folder comes back."""
    go = 'if [ "$1" = version ]; then echo go version go1.23.4 linux/amd64; exit; fi\n'
    go += 'while [ "$1" != -o ]; do shift; done\n'
    go += f'/bin/cat > "$2" <<\'END\'\n#!/bin/sh\n{produces}\nEND\n/bin/chmod +x "$2"\n/bin/cat go.mod'
    script(Path(tools["PATH"]) / "go", go)
    return cached_influxd(tools).parent


def test_a_build_is_published_whole_and_leaves_only_its_log(tools: dict[str, str]) -> None:
    folder = pretended_build(tools, "echo InfluxDB v2.7.12")
    said: list[str] = []
    binary = find_or_build(say=said.append, environment=tools)
    assert influxd_version(binary) == "2.7.12"
    assert sorted(path.name for path in folder.iterdir()) == ["build.lock", "build.log", "influxd"]
    assert "about 5 to 10 minutes" in said[0]
    assert "Built" in said[-1]


def test_the_tool_line_is_left_out_for_a_go_that_refuses_it(tools: dict[str, str]) -> None:
    folder = pretended_build(tools, "echo InfluxDB v2.7.12")
    find_or_build(environment=tools)
    log = (folder / "build.log").read_text()
    assert "\nmodule importer/influxd" in log
    assert "\ntool " not in log


def test_a_binary_that_does_not_run_is_not_published(tools: dict[str, str]) -> None:
    folder = pretended_build(tools, "echo cannot execute; exit 126")
    with pytest.raises(ConfigurationError, match="cannot execute"):
        find_or_build(environment=tools)
    assert not (folder / "influxd").exists()


def test_a_failed_build_shows_the_end_of_its_log_and_the_ways_out(tools: dict[str, str]) -> None:
    script(Path(tools["PATH"]) / "go", "case $1 in version) echo go1.26;; *) echo out of luck; exit 1;; esac")
    with pytest.raises(ConfigurationError, match="out of luck") as caught:
        find_or_build(environment=tools)
    assert "building InfluxData's pkg-config" in str(caught.value)
    assert "docker compose up influxdb" in str(caught.value)
    assert not list(cached_influxd(tools).parent.glob("work-*"))


def test_leftovers_of_a_killed_build_are_removed(tools: dict[str, str]) -> None:
    folder = pretended_build(tools, "echo InfluxDB v2.7.12")
    (folder / "work-killed").mkdir(parents=True)
    find_or_build(environment=tools)
    assert not (folder / "work-killed").exists()


def build_in_another_process(target: Path, environment: dict[str, str]) -> None:
    build(target, environment=environment)


def test_the_second_of_two_builds_waits_and_takes_the_binary_of_the_first(tools: dict[str, str]) -> None:
    pretended_build(tools, "echo InfluxDB v2.7.12")
    target = cached_influxd(tools)
    said: list[str] = []
    with locked(target.parent / "build.lock"):
        other = multiprocessing.get_context("spawn").Process(target=build_in_another_process, args=(target, tools))
        other.start()
        other.join(2)
        assert other.is_alive()
        fake_influxd(target.parent)
    other.join(30)
    assert other.exitcode == 0
    build(target, say=said.append, environment=tools)
    assert said == []
    assert not (target.parent / "build.log").exists()


def test_an_interrupt_ends_the_step_and_all_that_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"""
import os, pathlib, sys
from importer.server.steps import Step, run_step
with open({str(tmp_path / "log")!r}, "wb") as log:
    step = Step("sleeping", ("/bin/sh", "-c", "sleep 60 & echo $! > {pid_file}; wait"))
    run_step(step, pathlib.Path({str(tmp_path)!r}), os.environ, log)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    wait_for(lambda: pid_file.exists() and pid_file.read_text().strip() != "")
    process.send_signal(2)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    wait_for(lambda: not is_running(int(pid_file.read_text())))


def is_running(pid: int) -> bool:
    """Whether it runs; one that has ended and that nobody asked for does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: object, timeout_seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_step_has_its_command_and_output_in_the_log(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        run_step(Step("greeting", ("echo", "hello")), tmp_path, os.environ, log)
    assert (tmp_path / "log").read_text() == "\n== greeting: echo hello\nhello\n"


def test_the_stand_in_for_pkg_config_answers_as_pkg_config_does(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "flux.pc").write_text(
        f"prefix={folder}/libflux\nexec_prefix={folder}/lib\nbuildid=abc\nlibdir=${{exec_prefix}}/lib\n"
        "includedir=${prefix}/include\n\nName: Flux\nVersion: 0.196.1\n"
        "Libs: -L${libdir} -lflux-${buildid} -ldl -lm\nCflags: -I${includedir}\n"
    )

    def answer(*arguments: str) -> str:
        environment = {**os.environ, "PKG_CONFIG_PATH": f"{folder}:/elsewhere"}
        command = ["/bin/sh", str(PKG_CONFIG_STANDIN), *arguments, "--", "flux"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    spaced = str(folder).replace(" ", "\\ ")
    assert answer("--cflags") == f"-I{spaced}/libflux/include\n"
    assert answer("--libs", "--static") == f"-L{spaced}/lib/lib -lflux-abc -ldl -lm\n"


def test_rust_is_told_to_let_its_warnings_pass_unless_it_was_told(tmp_path: Path, tools: dict[str, str]) -> None:
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(RUSTC_WRAPPER)

    def passed_on(*arguments: str) -> str:
        return subprocess.run(
            ["/bin/sh", str(wrapper), "/bin/echo", *arguments],
            env=tools,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    assert passed_on("rustc", "a.rs") == "rustc a.rs --cap-lints allow"
    assert passed_on("rustc", "--cap-lints", "warn") == "rustc --cap-lints warn"


def test_a_machine_without_go_brings_its_own(environment: dict[str, str]) -> None:
    path = Path(environment["PATH"])
    for name in ("cargo", "rustc", "cc"):
        script(path / name, f"echo {name} 1.96.0")
    toolchain = find_toolchain(environment)
    assert isinstance(toolchain, Toolchain)
    assert toolchain.go is None


def test_the_module_prints_the_path_or_says_what_is_missing(environment: dict[str, str]) -> None:
    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "importer.server"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    missing = run()
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "C compiler" in missing.stderr
    binary = fake_influxd(Path(environment["PATH"]))
    assert run().stdout == f"influxd: {binary}\n"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    os.environ.get("CI") != "true" and os.environ.get("IMPORTER_TEST_BUILD") != "1",
    reason="builds influxd from source, some 5 minutes and 2 GB: set IMPORTER_TEST_BUILD=1 to run it",
)
def test_a_real_build_gives_a_server_of_the_right_version(tmp_path: Path) -> None:
    binary = find_or_build(environment={**os.environ, "IMPORTER_CACHE_DIR": str(tmp_path), "IMPORTER_INFLUXD": ""})
    assert influxd_version(binary) == VERSION
