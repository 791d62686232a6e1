"""The options of every command that talks to a server: :func:`with_server` gives them to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.process import importing
from importer.cli.sharing import sharing

if TYPE_CHECKING:
    from importer.server.connection import Connection

    Where = Callable[[], Connection]
else:
    Where = Callable[[], Any]  # typer looks at annotations, and what they name is heavy

__all__ = ["PANEL", "Wait", "Where", "with_server"]

PANEL = "Server"

Wait = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long an absent server is waited for.")
]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of InfluxDB; without it INFLUX_URL, else a local server.",
        rich_help_panel=PANEL,
    ),
]
Org = Annotated[str | None, typer.Option("--org", help="Organisation, with --url.", rich_help_panel=PANEL)]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File that holds the token, with --url; only you may read it.",
        rich_help_panel=PANEL,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        help="File with INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG; only you may read it.",
        rich_help_panel=PANEL,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Certificate (PEM) of the authority that vouches for the server; default: the system's.",
        rich_help_panel=PANEL,
    ),
]
SkipVerify = Annotated[
    bool,
    typer.Option(
        "--skip-verify",
        help="Do not check the server's certificate: anybody in between can read the token.",
        rich_help_panel=PANEL,
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        help="Send the token over plain http to another machine; so does IMPORTER_ALLOW_HTTP=true.",
        rich_help_panel=PANEL,
    ),
]


def _named(
    *,
    url: Url = None,
    org: Org = None,
    token_file: TokenFile = None,
    env_file: EnvFile = None,
    ca_file: CaFile = None,
    skip_verify: SkipVerify = False,
    allow_http: AllowHttp = False,
) -> Where:
    """Finds the server when it is first asked to."""

    def find() -> Connection:
        with importing():
            from importer.api import connect  # noqa: PLC0415

        return connect(
            url=url,
            org=org,
            token_file=token_file,
            env_file=env_file,
            ca_file=ca_file,
            skip_verify=skip_verify,
            allow_http=allow_http,
        )

    return cache(find)


with_server = sharing(_named, "where")
"""Give a command the options that name a server; its parameter ``where`` is handed what finds that server, which may
start a local one."""
