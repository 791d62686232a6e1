"""The options of every command that talks to a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["AllowHttp", "CaFile", "EnvFile", "Org", "SkipVerify", "TokenFile", "Url"]

_PANEL = "Server"

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of InfluxDB; without it INFLUX_URL, else a local server.",
        rich_help_panel=_PANEL,
    ),
]
Org = Annotated[str | None, typer.Option("--org", help="Organisation, with --url.", rich_help_panel=_PANEL)]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="File that holds the token, with --url; only you may read it.",
        rich_help_panel=_PANEL,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        help="File with INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG; only you may read it.",
        rich_help_panel=_PANEL,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Certificate (PEM) of the authority that vouches for the server; default: the system's.",
        rich_help_panel=_PANEL,
    ),
]
SkipVerify = Annotated[
    bool,
    typer.Option(
        "--skip-verify",
        help="Do not check the server's certificate: anybody in between can read the token.",
        rich_help_panel=_PANEL,
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        help="Send the token over plain http to another machine; so does IMPORTER_ALLOW_HTTP=true.",
        rich_help_panel=_PANEL,
    ),
]
