"""``importer serve``: the HTTP service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.service_token import ServiceTokenFile
from importer.errors import ConfigurationError

__all__ = ["EPILOG", "serve_command"]

EPILOG = "Example: importer serve --allow-folder data"


@connecting.with_server
def serve_command(
    *,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="ADDRESS", help="Bind this address; any but loopback needs a token; default: 127.0.0.1."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, metavar="PORT", help="0 takes a free one; default: 8000.")
    ] = None,
    service_token_file: ServiceTokenFile = None,
    allow_folder: Annotated[
        Path | None,
        typer.Option(
            "--allow-folder", metavar="DIR", help="Files below it may be imported by their path; default: none."
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="Where jobs, uploads and accounts are kept.")
    ] = None,
    import_workers: Annotated[
        int | None, typer.Option("--import-workers", min=1, metavar="N", help="Imports that run at once; default: 1.")
    ] = None,
    max_queued_imports: Annotated[
        int | None,
        typer.Option(
            "--max-queued-imports", min=1, metavar="N", help="Imports that wait; more are refused; default: 100."
        ),
    ] = None,
    max_upload_bytes: Annotated[
        int | None, typer.Option("--max-upload-bytes", min=1, metavar="BYTES", help="Of one upload; default: 16 GiB.")
    ] = None,
    max_body_bytes: Annotated[
        int | None,
        typer.Option("--max-body-bytes", min=1, metavar="BYTES", help="Of any other request; default: 10 MiB."),
    ] = None,
    max_requests: Annotated[
        int | None,
        typer.Option("--max-requests", min=1, metavar="N", help="Requests under way; more are refused; default: 256."),
    ] = None,
    request_seconds: Annotated[
        float | None,
        typer.Option("--request-seconds", metavar="SECONDS", help="Until an answer must have begun; default: 60."),
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option("--cors-origin", metavar="ORIGIN", help="Web pages of this origin may call, too. Repeatable."),
    ] = None,
    host_name: Annotated[
        list[str] | None,
        typer.Option("--host-name", metavar="NAME", help="A further name that clients call it by. Repeatable."),
    ] = None,
    series_bucket: Annotated[
        str | None, typer.Option("--series-bucket", metavar="NAME", help="Bucket of /ingest; default: timeseries.")
    ] = None,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log lines are JSON, not only those of requests.")
    ] = False,
    where: connecting.Where,
) -> None:
    """Serve the HTTP API, and a page to import files with, for clients and browsers on this machine.

    What an option does not say, its variable IMPORTER_SERVICE_... does (IMPORTER_SERVICE_PORT, and so on); REDIS_URL
    names a Redis to cache in. Requests are logged as JSON on standard output, all else on standard error. Ctrl-C or
    SIGTERM end it; imports that are running then go on when it is started again.
    """
    log_to_stderr(quiet=False, as_json=log_json)
    with importing():
        try:
            from importer.service.serving import serve  # noqa: PLC0415
            from importer.service.settings import ServiceSettings  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"the service needs more than is installed ({error.name}): pip install 'importer[service]'"
            ) from error

    settings = ServiceSettings.of(
        host=host,
        port=port,
        token_file=service_token_file,
        allow_folder=allow_folder,
        state_dir=state_dir,
        import_workers=import_workers,
        max_queued_imports=max_queued_imports,
        max_upload_bytes=max_upload_bytes,
        max_body_bytes=max_body_bytes,
        max_requests=max_requests,
        request_seconds=request_seconds,
        cors_origins=cors_origin or None,
        host_names=host_name or None,
        series_bucket=series_bucket,
    )
    serve(settings, where)
