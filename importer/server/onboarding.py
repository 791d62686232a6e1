"""The first set-up of a new InfluxDB, and the secrets that it makes.

Goes in: an address and a folder. Comes out: a connection whose token the server accepts. The token is in
a file that only its owner can read, and that is there before the server hears of it: a set-up that was
cut off is taken up again.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from importer.errors import AuthorizationError, ConfigurationError
from importer.server.connection import Connection, Server
from importer.server.secret import Secret

__all__ = ["Credentials", "credentials_path", "onboard", "read_credentials", "write_private"]

NAME = "importer"
FIRST_BUCKET = "default"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the first set-up gives a server.

    Attributes:
        username: of the first user.
        password: theirs.
        org: the organisation's name.
        bucket: a first, empty bucket; the set-up insists on one.
        token: may do everything.
    """

    username: str
    password: str = field(repr=False)
    org: str
    bucket: str
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("password", "token"):
            object.__setattr__(self, name, Secret(getattr(self, name)))


def onboard(url: str, folder: Path, *, origin: str) -> Connection:
    """Set the server up if that has not been done, and make sure that it accepts the token.

    Args:
        url: the server's address.
        folder: where the secrets are or will be.
        origin: goes into the connection.

    Raises:
        ConfigurationError: the server is set up already, and the folder does not hold its token.
        ServerError: the server refuses the set-up.
    """
    credentials = read_credentials(folder)
    with Server(Connection(url=url, token="", org=NAME)) as stranger:
        if stranger.call("GET", "/api/v2/setup")["allowed"]:
            credentials = credentials or _new_credentials(folder)
            stranger.call("POST", "/api/v2/setup", body=asdict(credentials) | {"retentionPeriodSeconds": 0})
    if credentials is None:
        raise ConfigurationError(
            f"The InfluxDB in {folder} is set up, but its token is lost: there is no"
            f" {credentials_path(folder)}. {_start_over(folder)}"
        )
    connection = Connection(url=url, token=credentials.token, org=credentials.org, origin=origin)
    with Server(connection) as server:
        try:
            _ = server.org_id
        except AuthorizationError as error:
            raise ConfigurationError(
                f"The InfluxDB in {folder} does not accept the token in {credentials_path(folder)}."
                f" {_start_over(folder)}"
            ) from error
    return connection


def credentials_path(folder: Path) -> Path:
    """The file with the secrets of the server in this folder."""
    return folder / "credentials.json"


def read_credentials(folder: Path) -> Credentials | None:
    """The secrets of the server in this folder; None where there are none.

    Raises:
        ConfigurationError: the file is there and cannot be used.
    """
    path = credentials_path(folder)
    try:
        return Credentials(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}). {_start_over(folder)}") from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _new_credentials(folder: Path) -> Credentials:
    credentials = Credentials(
        username=NAME,
        password=secrets.token_urlsafe(32),
        org=NAME,
        bucket=FIRST_BUCKET,
        token=secrets.token_urlsafe(64),
    )
    write_private(credentials_path(folder), json.dumps(asdict(credentials), indent=2))
    return credentials


def _start_over(folder: Path) -> str:
    return (
        f"To begin anew, which gives up the data in it: importer server stop, remove the folder {folder},"
        " importer server start"
    )
