"""How the service runs: options of ``importer serve``, then the environment (``IMPORTER_SERVICE_…``, ``REDIS_URL``)."""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from importer.bucket.names import check_target
from importer.errors import ConfigurationError
from importer.mapping.reasons import reason_of
from importer.options import default_state_dir
from importer.server.secret import Secret
from importer.settings import read_token

__all__ = ["SHORTEST_TOKEN", "ServiceSettings"]

log = logging.getLogger(__name__)

SHORTEST_TOKEN = 16
PREFIX = "IMPORTER_SERVICE_"

MIB = 1 << 20


def _listed(given: object) -> object:
    """Text from the environment names several by commas."""
    return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


class ServiceSettings(BaseSettings):
    """All that the service is told when it starts.

    Attributes:
        host: the address that it binds.
        port: the port; 0 takes a free one.
        token: what clients must send (``Authorization: Bearer …``); None: nothing, on loopback only.
        token_file: a file that holds it alone, and that nobody else can read.
        allow_folder: files below it may be imported by their path; None: none may.
        state_dir: where jobs, uploads and the accounts of loads are kept.
        import_workers: imports that run at once.
        max_queued_imports: that wait; one more is refused.
        max_upload_bytes: of one upload.
        max_body_bytes: of any other request's body.
        max_requests: under way at once; one more is refused.
        request_seconds: until an answer must have begun; uploads and events may take longer.
        idle_seconds: a body that brings nothing for so long is given up.
        cors_origins: web pages of these origins may call the service; none may, unless named.
        host_names: further names by which clients call this service (the ``Host`` header).
        series_bucket: where time series are stored.
        redis_url: of the cache; None: it is kept in the process.
        cache_seconds: how long cached answers are good for at the most.
        influxdb_seconds: how long one request to InfluxDB may take.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65_535)
    token: SecretStr | None = None
    token_file: Path | None = None
    allow_folder: Path | None = None
    state_dir: Path = Field(default_factory=lambda: default_state_dir() / "service")
    import_workers: int = Field(default=1, ge=1, le=64)
    max_queued_imports: int = Field(default=100, ge=1)
    max_upload_bytes: int = Field(default=16 << 30, ge=1)
    max_body_bytes: int = Field(default=10 * MIB, ge=1)
    max_requests: int = Field(default=256, ge=1)
    request_seconds: float = Field(default=60.0, gt=0)
    idle_seconds: float = Field(default=30.0, gt=0)
    cors_origins: Names = ()
    host_names: Names = ()
    series_bucket: str = "timeseries"
    redis_url: str | None = Field(default=None, validation_alias=AliasChoices("redis_url", "REDIS_URL"), repr=False)
    cache_seconds: float = Field(default=60.0, gt=0)
    influxdb_seconds: float = Field(default=30.0, gt=0)

    @field_validator("token")
    @classmethod
    def _is_a_secret(cls, given: SecretStr | None) -> SecretStr | None:
        if given is None:
            return None
        token = Secret(given.get_secret_value().strip())  # from here on, no message shows it
        if len(token) < SHORTEST_TOKEN:
            raise ValueError(f"at least {SHORTEST_TOKEN} characters are needed, such as: openssl rand -hex 32")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("it holds blanks or other signs that no header can carry")
        return SecretStr(token)

    @field_validator("redis_url")
    @classmethod
    def _hides_its_password(cls, given: str | None) -> str | None:
        try:
            Secret(urlsplit(given or "").password or "")
        except ValueError as error:
            raise ValueError("it is no address such as redis://localhost:6379/0") from error
        if given and not given.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it is no address such as redis://localhost:6379/0")
        return given

    @field_validator("series_bucket")
    @classmethod
    def _may_be_a_buckets_name(cls, given: str) -> str:
        try:
            check_target(given)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return given

    @field_validator("allow_folder")
    @classmethod
    def _is_a_folder(cls, given: Path | None) -> Path | None:
        if given is None:
            return None
        if not given.is_dir():
            raise ValueError(f"there is no folder {str(given)!r}")
        return given.resolve()

    @classmethod
    def of(cls, **options: Any) -> Self:
        """The settings that options give; those that are None come from the environment.

        Raises:
            ConfigurationError: one of them is wrong; names it, and shows no token.
        """
        given = {name: value for name, value in options.items() if value is not None}
        cls._warn_of_unknown()
        try:
            settings = cls(**given)
            if settings.token_file is not None and (settings.token is None or "token_file" in given):
                settings = cls(**given, token=SecretStr(read_token(settings.token_file)))
            return settings  # noqa: TRY300 - what stands in the file is checked like the rest
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)[0]
            name = str(wrong["loc"][0]) if wrong["loc"] else "settings"
            variable = "REDIS_URL" if name.lower() == "redis_url" else f"IMPORTER_SERVICE_{name.upper()}"
            raise ConfigurationError(f"{variable} (or the option for it): {reason_of(wrong)}") from None

    @classmethod
    def _warn_of_unknown(cls) -> None:
        """Whoever misspells a variable thinks that it is set."""
        known = {f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        for name in sorted(os.environ):
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                nearest = difflib.get_close_matches(name.upper(), known, n=1)
                hint = f"; did you mean {nearest[0]}?" if nearest else ""
                log.warning("warning: there is no setting %s%s", name, hint)

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach the address that is bound."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
