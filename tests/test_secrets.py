"""The token is read from where it belongs and is seen nowhere else: every place that a run writes to is searched."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fault_proxy import Fault, Request, fault_proxy
from tests.influxd import Influxd
from tests.loading import BIRDS_FLAGS, Ended, Start, Trial, birds_csv

WRONG = "a-token-that-no-server-knows-0123456789"
MAIN = "from importer.cli import main; main()"
# The client library turns its own logging off whenever it is opened.
DEBUG = """
import http.client
import logging
import importer.server.connection as connection
logging.basicConfig(level=logging.DEBUG)
quiet = connection.Server.__init__
def loud(self, *positional, **named):
    quiet(self, *positional, **named)
    self.client.conf.debug = True
    http.client.HTTPConnection.debuglevel = 1  # prints all that is sent
    logging.getLogger().setLevel(logging.DEBUG)
connection.Server.__init__ = loud
"""
LOCALS = """
import sys, traceback
def show(kind, error, trace):
    for line in traceback.TracebackException(kind, error, trace, capture_locals=True).format():
        print(line, file=sys.stderr)
    while error is not None:
        print(repr(error), vars(error), file=sys.stderr)
        error = error.__cause__ or error.__context__
sys.excepthook = show
"""
PIECE = 12


def pieces(token: str) -> set[str]:
    """What must not be found: any part of the token that is long enough to be no accident, plain or in base64."""
    encoded = base64.b64encode(f"Token {token}".encode()).decode()
    return {text[n : n + PIECE] for text in (token, encoded[8:-4]) for n in range(len(text) - PIECE + 1)}


def test_the_search_finds_a_token_that_is_there() -> None:
    assert any(piece in f"Authorization: Token {WRONG}"[:60] for piece in pieces(WRONG))
    assert not any(piece in "no such thing is here" for piece in pieces(WRONG))


@dataclass
class Run:
    """Runs the importer as a process in a folder of its own, and searches all that is left.

    Attributes:
        trial: where to load to.
        token: what the environment says.
        folder: everything that is written is below.
    """

    trial: Trial
    token: str
    folder: Path

    def __call__(self, *arguments: str | Path, code: str = MAIN, url: str | None = None) -> Ended:
        words = [sys.executable, "-c", code, *map(str, arguments)]
        ended = subprocess.run(
            words, env=self.environment(url), cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def environment(self, url: str | None = None) -> dict[str, str]:
        connection = self.trial.connection
        named = {"INFLUX_URL": url or connection.url, "INFLUX_TOKEN": self.token, "INFLUX_ORG": connection.org}
        return os.environ | named | {"PYTHONWARNINGS": "default"}

    def load(self, *arguments: str | Path, code: str = MAIN, url: str | None = None, rows: int = 20) -> Ended:
        return self(*self.arguments(rows), *BIRDS_FLAGS, *arguments, code=code, url=url)

    def arguments(self, rows: int) -> tuple[str | Path, ...]:
        (self.folder / "birds.csv").write_text(birds_csv(rows))
        where = ("--report", "report.json", "--rejects", "rejects.csv", "--state-dir", "state", "--max-rejects", "100%")
        return ("load", "birds.csv", "--bucket", self.trial.bucket, *where, "--wait", "1")

    def leaks(self, *texts: str) -> list[str]:
        """Where a piece of the token was found: in the texts, or in any file."""
        wanted = pieces(self.token)
        found = [text for text in texts if any(piece in text for piece in wanted)]
        for path in (path for path in self.folder.rglob("*") if path.is_file()):
            content = path.read_bytes().decode(errors="replace")
            found += [str(path)] * any(piece in content for piece in wanted)
        return found


@pytest.fixture
def run(trial: Trial, no_settings: Path, tmp_path: Path) -> Run:  # noqa: ARG001
    folder = tmp_path / "run"
    folder.mkdir()
    return Run(trial, str(trial.connection.token), folder)


@pytest.mark.parametrize("options", [("--log-json",), ("--if-exists", "append")])
@pytest.mark.promise(
    fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else",
    promise="The token is in none of them: not after success, failure, a crash, nor with debug logging.",
    seen="nothing; where a server repeats the token in its answer, the message says [secret] instead",
)
def test_a_load_that_succeeds_shows_its_token_nowhere(run: Run, options: tuple[str, ...]) -> None:
    ended = run.load(*options)
    assert ended.code == 0, ended.err
    assert (run.folder / "report.json").exists()
    assert run.leaks(ended.out, ended.err) == []


@pytest.mark.promise(fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else")
def test_a_token_that_the_server_refuses_is_not_shown(run: Run) -> None:
    run.token = WRONG
    ended = run.load("--log-json")
    assert ended.code == 1
    assert "refuses the token (401)" in ended.err
    assert run.leaks(ended.out, ended.err) == []


@pytest.mark.promise(fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else")
def test_with_all_debug_logging_the_token_is_not_shown(run: Run) -> None:
    ended = run.load(code=f"{DEBUG}\n{MAIN}")
    assert ended.code == 0
    assert "urllib3.connectionpool" in ended.err
    assert "influxdb_client.client.http" in ended.err
    assert run.leaks(ended.out, ended.err) == []


def echo(request: Request) -> bytes:
    """What a careless server or proxy says: the request's own headers."""
    return json.dumps({"code": "invalid", "message": f"cannot take {request.headers}"}).encode()


def plain_echo(request: Request) -> bytes:
    """The same, and no JSON; the token stands where an excerpt ends."""
    return b"x" * 50 + request.headers["Authorization"].encode()


ECHOES: dict[str, Callable[[Request], Fault | None]] = {
    **{
        f"a write, {status}": lambda request, status=status: (
            Fault(status, {"X-Echo": request.headers["Authorization"]}, echo(request)) if request.is_write else None
        )
        for status in (400, 500)
    },
    "a write, no JSON": lambda request: Fault(400, body=plain_echo(request)) if request.is_write else None,
    "all, 200 and no JSON": lambda request: Fault(200, {"Content-Type": "application/json"}, plain_echo(request)),
    "health, not ready": lambda request: Fault(200, body=echo(request)) if "health" in request.path else None,
    "a redirect": lambda request: Fault(302, {"Location": f"http://x.example/?{request.headers['Authorization']}"}),
    "a question, broken off": lambda request: (
        Fault(
            200,
            {"Content-Type": "text/csv"},
            b"#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,"
            + request.headers["Authorization"].encode()
            + b",897\r\n\r\n",
        )
        if "query" in request.path
        else None
    ),
}


@pytest.mark.parametrize("what", list(ECHOES))
@pytest.mark.promise(fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else")
def test_a_server_that_answers_with_the_token_does_not_get_it_shown(run: Run, what: str) -> None:
    with fault_proxy(run.trial.connection.url) as proxy:
        proxy.rule = ECHOES[what]
        ended = run.load(url=proxy.url, code=f"{DEBUG}\n{MAIN}", rows=3)
    # Refused rows are within the budget here, and their reason is in the rejects file.
    shown = ended.err + (run.folder / "rejects.csv").read_text() if (run.folder / "rejects.csv").exists() else ended.err
    assert ended.code in (0, 1), ended.err
    assert "[secret]" in shown
    assert run.leaks(ended.out, ended.err) == []


BUGS = {
    "in the mapping": "import importer.mapping.columns as m; m.ColumnMapper.__call__ = bug",
    "in the sink": "import importer.sink.influx as m; m.compressed = bug",
    "beneath the client library": "import http.client as m; m.HTTPConnection.getresponse = bug",
    "while it connects": "import importer.api as m; m.find_connection = bug",
}


@pytest.mark.parametrize("where", list(BUGS))
@pytest.mark.promise(fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else")
def test_a_crash_shows_no_token_not_even_with_the_variables_of_all_frames(run: Run, where: str) -> None:
    bug = "def bug(*_, **__): raise ZeroDivisionError('a bug')\n" + BUGS[where]
    ended = run.load(code=f"{LOCALS}\n{bug}\n{MAIN}")
    assert ended.code == 1
    assert "ZeroDivisionError: a bug" in ended.err
    assert "log_json = False" in ended.err  # variables are shown
    assert run.leaks(ended.out, ended.err) == []


def test_a_mapper_that_crashes_shows_no_token(run: Run) -> None:
    (run.folder / "mine.py").write_text("def row(row):\n    raise RuntimeError('in the mapper')\n")
    ended = run(*run.arguments(5), "--mapper", "mine:row")
    assert ended.code == 1 or "in the mapper" in (run.folder / "rejects.csv").read_text()
    assert run.leaks(ended.out, ended.err) == []


API = """
import importer, importer.api
importer.load("birds.csv", bucket="nowhere", connection=importer.api.connect, mapping={
    "measurement": "birds", "time": {"column": "t", "format": "unix_s"}, "fields": {"lat": {"column": "lat"}},
}, options=importer.LoadOptions(bucket="nowhere", wait_seconds=0, state_dir=__import__("pathlib").Path("state")))
"""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("{real}", "AuthorizationError"),
        ("http://influx.example:8086", "ConfigurationError"),
        ("{real}x", "ConfigurationError"),
        ("{tls}", "RequestRefusedError"),
        ("{echo}", "TransientServerError"),
    ],
)
@pytest.mark.promise(fault="Logs, reports, rejects, state, tracebacks or process lists are read by somebody else")
def test_no_error_of_the_api_holds_the_token_in_text_attributes_or_variables(run: Run, url: str, said: str) -> None:
    run.token = WRONG
    (run.folder / "birds.csv").write_text(birds_csv(3))
    real = run.trial.connection.url
    with fault_proxy(real) as proxy:
        proxy.rule = lambda request: Fault(500, {"X-Echo": request.headers["Authorization"]}, echo(request))
        ended = run(code=LOCALS + API, url=url.format(real=real, tls=real.replace("http:", "https:"), echo=proxy.url))
    assert f"{said}: " in ended.err
    assert "wait_seconds" in ended.err  # variables are shown
    assert run.leaks(ended.err) == []


@pytest.mark.parametrize("where", ["environment", "token file"])
def test_the_command_lines_of_a_load_and_its_children_show_no_token_wherever_it_came_from(
    run: Run, where: str, start: Start
) -> None:
    connection = run.trial.connection
    private = run.folder.with_name("private")
    private.touch(0o600)
    with fault_proxy(connection.url) as proxy:
        proxy.faults = [Fault(hangs_seconds=60)]
        environment = {name: value for name, value in run.environment(proxy.url).items() if "INFLUX" not in name}
        named = {"INFLUX_URL": proxy.url, "INFLUX_TOKEN": run.token, "INFLUX_ORG": connection.org}
        options: tuple[str | Path, ...] = ()
        if where == "environment":
            environment |= named
        else:
            private.write_text(run.token)
            options = ("--token-file", private, "--url", proxy.url, "--org", connection.org)
        load = start(*run.arguments(20), *BIRDS_FLAGS, *options, env=environment, cwd=run.folder)
        while not proxy.writes:
            assert load.poll() is None, load.communicate()
            time.sleep(0.02)
        lines = list(command_lines(load.pid))
        assert lines
        load.kill()
        out, err = load.communicate()
    # What a killed load leaves behind is searched too.
    assert run.leaks(*lines, out, err) == []


def command_lines(pid: int) -> Iterator[str]:
    """Of a process and all that it has started."""
    yield Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from command_lines(int(child))


def test_a_local_server_that_is_started_shows_its_token_in_no_command_line_and_no_log(
    run: Run, influxd: Influxd
) -> None:
    data = run.folder.with_name("data")
    environment = run.environment() | {"IMPORTER_DATA_DIR": str(data), "IMPORTER_INFLUXD": str(influxd.binary)}
    words = [sys.executable, "-c", f"{DEBUG}\n{MAIN}", "server"]
    started = subprocess.run([*words, "start"], env=environment, capture_output=True, text=True, check=True, timeout=60)
    try:
        secrets = json.loads((data / "server" / "credentials.json").read_text())
        assert (data / "server" / "credentials.json").stat().st_mode & 0o077 == 0
        assert (data / "server").stat().st_mode & 0o077 == 0
        now = subprocess.run([*words, "status", "--json"], env=environment, capture_output=True, text=True, check=True)
        pid = json.loads(now.stdout[now.stdout.index("{\n") :])["pid"]
        shown = [*command_lines(pid), started.stdout, started.stderr, now.stdout, now.stderr]
        shown.append((data / "server" / "influxd.log").read_text())
        for run.token in (secrets["token"], secrets["password"], str(influxd.connection.token)):
            assert run.leaks(*shown) == []
    finally:
        subprocess.run([*words, "stop"], env=environment, capture_output=True, check=True, timeout=60)
