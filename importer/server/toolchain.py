"""The tools that building influxd needs, found on this machine.

Goes in: environment variables. Comes out: a :class:`Toolchain`, or one ConfigurationError that names
everything that is missing and every way out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from importer.errors import ConfigurationError

__all__ = ["WAYS_OUT", "Toolchain", "find_toolchain"]

OLDEST_GO = (1, 23)
# InfluxDB's query engine pins this one; newer compilers build it too.
OLDEST_RUST = (1, 72)
PROBE_TIMEOUT_SECONDS = 60.0

WAYS_OUT = """\
Ways out, any one of them:
  - install what is missing: Rust from https://rustup.rs or your distribution (Debian: apt-get install
    cargo-web rustc-web), a C compiler (Debian: apt-get install gcc libc6-dev); then run the command again;
  - install InfluxDB 2.7, so that influxd is on PATH, or set IMPORTER_INFLUXD to the path of its influxd;
  - run it in a container: docker compose up influxdb;
  - set INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG to a server that you have."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What the build runs.

    Attributes:
        go: the machine's own Go, None where there is none that is new enough.
        go_version: its version, None without one.
        cargo: Rust's package manager.
        rustc: Rust's compiler.
        rustup_toolchain: the installed toolchain that rustup is to use, None without rustup.
        c_compiler: the C compiler.
        pkg_config: the machine's own pkg-config, None where there is none.
    """

    go: Path | None
    go_version: tuple[int, int] | None
    cargo: Path
    rustc: Path
    rustup_toolchain: str | None
    c_compiler: Path
    pkg_config: Path | None


def find_toolchain(environment: Mapping[str, str]) -> Toolchain:
    """Find the tools on the ``PATH`` of ``environment``.

    Go may be missing: the build then brings its own.

    Raises:
        ConfigurationError: names everything else that is missing or too old, and the ways out.
    """
    go, go_version = _go(environment)
    cargo, rustc = _which("cargo", environment), _which("rustc", environment)
    c_compiler = next((path for name in ("cc", "gcc", "clang") if (path := _which(name, environment))), None)
    rustup_toolchain = _rustup_toolchain(environment)
    missing = []
    if not cargo:
        missing.append("Rust's package manager (cargo)")
    if not rustc:
        missing.append("Rust's compiler (rustc)")
    elif too_old := _too_old_rust(rustc, rustup_toolchain, environment):
        missing.append(too_old)
    if not c_compiler:
        missing.append("a C compiler (cc, gcc or clang)")
    if missing or not (cargo and rustc and c_compiler):
        raise ConfigurationError(
            "There is no InfluxDB server (influxd) on this machine, and building one lacks "
            f"{_enumerated(missing)}.\n{WAYS_OUT}"
        )
    return Toolchain(
        go=go,
        go_version=go_version,
        cargo=cargo,
        rustc=rustc,
        rustup_toolchain=rustup_toolchain,
        c_compiler=c_compiler,
        pkg_config=_which("pkg-config", environment),
    )


def _go(environment: Mapping[str, str]) -> tuple[Path | None, tuple[int, int] | None]:
    path = _which("go", environment)
    if path is None:
        return None, None
    # A go.mod above the working folder must not make Go fetch another version of itself.
    version = _version(_output([str(path), "version"], {**environment, "GOTOOLCHAIN": "local"}))
    return (path, version) if version is not None and version >= OLDEST_GO else (None, None)


def _rustup_toolchain(environment: Mapping[str, str]) -> str | None:
    """The active toolchain, else the first installed one: InfluxDB's pinned one is neither, as a rule."""
    rustup = _which("rustup", environment)
    if rustup is None:
        return None
    for query in (["show", "active-toolchain"], ["toolchain", "list"]):
        words = _output([str(rustup), *query], environment).split()
        # "no active toolchain" and "no installed toolchains" are answers too.
        if words and words[0] != "no":
            return words[0]
    return None


def _too_old_rust(rustc: Path, rustup_toolchain: str | None, environment: Mapping[str, str]) -> str | None:
    chosen = {"RUSTUP_TOOLCHAIN": rustup_toolchain} if rustup_toolchain else {}
    version = _version(_output([str(rustc), "--version"], {**environment, **chosen}))
    needed = f"Rust {_dotted(OLDEST_RUST)} or later"
    if version is None:
        return f"{needed} ({rustc} does not run: install a toolchain, such as with 'rustup default stable')"
    return f"{needed} ({rustc} is {_dotted(version)})" if version < OLDEST_RUST else None


def _which(name: str, environment: Mapping[str, str]) -> Path | None:
    found = shutil.which(name, path=environment.get("PATH", ""))
    return Path(found).absolute() if found else None


def _output(command: list[str], environment: Mapping[str, str]) -> str:
    """What the command prints; nothing where it cannot be run or fails."""
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            # Not the caller's: a rust-toolchain file there would choose another toolchain.
            cwd="/",
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _version(text: str) -> tuple[int, int] | None:
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _enumerated(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
