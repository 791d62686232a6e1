"""``importer bench``: how much a running service bears."""

from __future__ import annotations

import json
import logging
import os
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.service_token import ServiceTokenFile
from importer.cli.signals import stopped_by_signals
from importer.errors import ConfigurationError

if TYPE_CHECKING:
    from importer.server.secret import Secret
    from importer.stress.records import BenchReport, Step

__all__ = ["app"]

log = logging.getLogger("importer")

BUSY = 0.8
"""Of a process of clients: above it, they measure themselves."""

app = typer.Typer(
    name="bench",
    add_completion=False,
    no_args_is_help=True,
    help="Measure a running service: how fast it answers, and how many clients it bears.",
)


@app.callback()
def _bench() -> None:
    """Measure a running service: how fast it answers, and how many clients it bears."""


@app.command("api", epilog="Example: importer bench api --clients 1,8,64 --seconds 10 --mix ingest")
def api_command(
    *,
    url: Annotated[str, typer.Option("--url", help="Address of the service.")] = "http://127.0.0.1:8000",
    clients: Annotated[
        str, typer.Option("--clients", metavar="N,…", help="How many clients there are in each step.")
    ] = "1,2,4,8,16,32,64",
    seconds: Annotated[float, typer.Option("--seconds", metavar="SECONDS", help="How long each step takes.")] = 10.0,
    mix: Annotated[
        list[str] | None,
        typer.Option(
            "--mix",
            metavar="MIX",
            help="What clients ask for: ingest, query, metrics, or all in turn, the default. Repeatable.",
        ),
    ] = None,
    batch_points: Annotated[
        int, typer.Option("--batch-points", metavar="N", help="Points of each POST /ingest.")
    ] = 1_000,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", help="Requests a second of each client; default: the next one upon each answer."
        ),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option("--processes", metavar="N", help="That the clients are in; default: 2 for 8 clients and more."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="For an answer, until it counts as an error.")
    ] = 30.0,
    service_token_file: ServiceTokenFile = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="The service may be on another machine.")
    ] = False,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Send the token over plain http to another machine.")
    ] = False,
    series_bucket: Annotated[
        str, typer.Option("--series-bucket", metavar="NAME", help="The bucket that the service stores time series in.")
    ] = "timeseries",
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help="Leave the points that were stored; for a service whose InfluxDB cannot be reached from here.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Measure a running service with more and more clients: latencies, requests and points a second, errors.

    The points that clients store have names of their own, and are removed at the end from the InfluxDB that INFLUX_URL,
    INFLUX_TOKEN and INFLUX_ORG name, or else the local one. Ctrl-C ends it early, with what was measured. Exit code 1:
    requests failed.
    """
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.cli.bench_lines import heading, lines  # noqa: PLC0415
        from importer.stress.bench import bench_api  # noqa: PLC0415

    numbers, token = _numbers(clients), _token(service_token_file)
    shown = ""

    def show(step: Step) -> None:
        nonlocal shown
        if not as_json:
            for line in (*([] if step.mix == shown else heading(step)), *lines(step)):
                typer.echo(line)
            shown = step.mix
        if step.client_busy > BUSY:
            log.warning(
                "the busiest process of clients used %.0f%% of a processor: the clients themselves may be what is "
                "slow; more --processes need more processors",
                100 * step.client_busy,
            )

    with stopped_by_signals() as stopping:
        report = bench_api(
            url,
            clients=numbers,
            seconds=seconds,
            mixes=mix or ["all"],
            batch_points=batch_points,
            rate=rate,
            processes=processes,
            timeout_seconds=timeout,
            token=token,
            allow_remote=allow_remote,
            allow_http=allow_http,
            series_bucket=series_bucket,
            keep=keep,
            stop=stopping.event,
            on_step=show,
        )
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    raise typer.Exit(_code(report, stopping.signal_number))


def _code(report: BenchReport, signal_number: int | None) -> int:
    if not report.complete:
        return 128 + (signal_number or signal.SIGINT)
    return 1 if report.errors else 0


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigurationError(f"--clients {text}: numbers with commas between them are needed, as 1,8,64") from None


def _token(file: Path | None) -> Secret | None:
    from importer.server.secret import Secret  # noqa: PLC0415
    from importer.settings import read_token  # noqa: PLC0415 - heavy

    if file is not None:
        return read_token(file)
    given = os.environ.get("IMPORTER_SERVICE_TOKEN", "").strip()
    return Secret(given) if given else None
