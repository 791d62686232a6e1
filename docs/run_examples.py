"""Run the examples of docs/examples against a fresh InfluxDB, and write down what they print: ``make docs``.

``NAME.sh`` holds command lines as a user types them, ``NAME.txt`` what they printed when they were last run. The page
of commands shows the latter; a test runs the former again, and compares all but what differs from run to run.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from importer.server.connection import Connection
from importer.server.influxd import find_or_build
from importer.server.onboarding import onboard
from importer.server.process import free_port, run_influxd, stop_process

__all__ = ["EXAMPLES", "printed", "without_what_varies"]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.sh"))

WIDTH = 110

SHOWN_PORT = "8000"
"""Of the HTTP service in the examples; a free one takes its place while they are run."""

# In the order in which they are replaced.
_VARYING = (
    # What is told every five seconds, on a machine that takes so long.
    (r"(?m)^(first pass|load|duplicates|verify|swap|read): .* [\d,]+ rows.*\n", ""),
    (r"(?m)^ *[\d,]+ of [\d,]+ shard groups [a-z ]+\n", ""),
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:8086"),
    (r"\bprocess \d+", "process <pid>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
    (r"\b[0-9a-f]{16}\b", "<id>"),
    (r"\b[0-9a-f]{64}\b", "<sha256>"),
    (r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?(?= \(now\))", "<now>"),
    (r"\b\d+:\d\d:\d\d\b(?= elapsed)", "<time>"),
    (r"\b[\d,]+(\.\d+)? ?(s|ms|seconds)\b", "<time>"),
    (r"[\d,]+(\.\d+)? (rows|points|values)(/s| per second)", "<rate>"),
    (r"(│ (?:seconds|rows per second) +│ +)[\d,.]+", r"\1<number>"),
    # The figures of "bench api", but for its errors.
    (r"(?m)^([ \d]{7}  (?:ingest|query|metrics) ).*?(\S+)$", r"\1<figures> \2"),
    (r"(?m)^ +CPU in .*", "CPU"),
    (r"(?m)^.*the busiest process of clients used .*\n", ""),
    (r"[─━-]{3,}", "─"),
    (r"[ \t]+", " "),
)


def printed(name: str, connection: Connection, folder: Path) -> str:
    """What an example prints, command by command, each behind ``$`` and the command.

    Args:
        name: of the example.
        connection: the server that the commands are to use.
        folder: an empty one; the commands run in it, beside a copy of the sample data.
    """
    shutil.copytree(ROOT / "sample_data", folder / "sample_data", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "home").mkdir()
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("INFLUX", "IMPORTER_", "XDG_"))
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "HOME": str(folder / "home"),
        "COLUMNS": str(WIDTH),
        "NO_COLOR": "1",
        "INFLUX_URL": connection.url,
        "INFLUX_TOKEN": str(connection.token),
        "INFLUX_ORG": connection.org,
        "IMPORTER_INFLUXD": str(find_or_build()),  # where the local server is started
    }
    port = str(free_port())
    parts = []
    try:
        for command in _commands((FOLDER / f"{name}.sh").read_text(encoding="utf-8")):
            done = subprocess.run(
                ["bash", "-c", command.replace(SHOWN_PORT, port)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            text = done.stdout.replace(str(folder), "~").replace(connection.url, "http://127.0.0.1:8086")
            text = re.sub(r"running at http://127\.0\.0\.1:\d+", "running at http://127.0.0.1:8086", text)
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{SHOWN_PORT}")
            ended = f"(exit code {done.returncode})\n" if done.returncode else ""
            parts.append(f"$ {command}\n{_stripped(text)}{ended}")
    finally:
        # Of an example that broke off; else its own last command has ended it.
        for file in folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(file.read_text(encoding="utf-8")), signal.SIGTERM)
    return "\n".join(parts)


def without_what_varies(text: str) -> str:
    """The text without durations, rates, ids, and the widths that hang on them."""
    for pattern, instead in _VARYING:
        text = re.sub(pattern, instead, text)
    return text


def _commands(text: str) -> list[str]:
    """The command lines; a backslash at the end goes on in the next."""
    lines = text.replace("\\\n", "\\\0").splitlines()
    return [line.replace("\0", "\n") for line in lines if line.strip() and not line.startswith("#")]


def _stripped(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def _write(names: Sequence[str]) -> None:
    binary = find_or_build(say=print)
    for name in names:
        with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as work:
            process = run_influxd(binary, Path(data), free_port())
            try:
                connection = onboard(process.url, Path(data), origin="examples")
                text = printed(name, connection, Path(work))
            finally:
                stop_process(process)
        path = FOLDER / f"{name}.txt"
        # What is written stays as it is where only durations and the like have changed.
        if not path.exists() or without_what_varies(path.read_text(encoding="utf-8")) != without_what_varies(text):
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write(sys.argv[1:] or EXAMPLES)
