"""The option of the commands that ask clients of the service for its token, or send it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ServiceTokenFile"]

ServiceTokenFile = Annotated[
    Path | None,
    typer.Option(
        "--service-token-file",
        metavar="FILE",
        help="File with the token that the service asks its clients for; only you may read it. So does "
        "IMPORTER_SERVICE_TOKEN.",
    ),
]
