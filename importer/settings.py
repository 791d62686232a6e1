"""Which server to talk to: address, token and organisation, all three from one and the same place.

The places, in order: the command's options, the environment (``INFLUX_URL`` or the influx command's
``INFLUX_HOST``, ``INFLUX_TOKEN``, ``INFLUX_ORG``; then the client library's ``INFLUXDB_V2_…``), an env file with
the same names, the influx command's active profile. A token is never taken from an argument.
"""

from __future__ import annotations

import logging
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from importer.errors import ConfigurationError
from importer.server.connection import Connection

__all__ = ["ConnectionSettings", "find_connection"]

log = logging.getLogger(__name__)

INFLUX_PROFILES = Path("~/.influxdbv2/configs")


class _Named(BaseSettings):
    """The names of one place; values that are empty count as not given."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, case_sensitive=True)

    url: str | None = Field(default=None, validation_alias=AliasChoices("INFLUX_URL", "INFLUX_HOST"))
    token: SecretStr | None = Field(default=None, validation_alias="INFLUX_TOKEN")
    org: str | None = Field(default=None, validation_alias="INFLUX_ORG")


class _ClientNamed(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, case_sensitive=True)

    url: str | None = Field(default=None, validation_alias="INFLUXDB_V2_URL")
    token: SecretStr | None = Field(default=None, validation_alias="INFLUXDB_V2_TOKEN")
    org: str | None = Field(default=None, validation_alias="INFLUXDB_V2_ORG")


class ConnectionSettings:
    """What one place says.

    Attributes:
        origin: the place, in words.
        url: address, None where it does not say.
        token: token, None where it does not say.
        org: organisation, None where it does not say.
    """

    def __init__(self, origin: str, url: str | None, token: str | None, org: str | None) -> None:
        self.origin, self.url, self.token, self.org = origin, url, token, org

    def connection(self) -> Connection:
        """All three.

        Raises:
            ConfigurationError: one of them is missing, or the address is none.
        """
        missing = [name for name in ("url", "token", "org") if not getattr(self, name)]
        if missing or self.url is None or self.token is None or self.org is None:
            raise ConfigurationError(
                f"{self.origin} gives the server's {_listed([n for n in ('url', 'token', 'org') if n not in missing])} "
                f"but not its {_listed(missing)}; "
                "address, token and organisation must come from one and the same place: "
                "--url, --token-file and --org, or INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG"
            )
        return Connection(self.url.rstrip("/"), self.token.strip(), self.org, self.origin)


def find_connection(
    *,
    url: str | None = None,
    org: str | None = None,
    token_file: Path | None = None,
    env_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Connection | None:
    """The server that the first place with an address names.

    Args:
        url: the option.
        org: the option.
        token_file: the option; a file that holds the token alone.
        env_file: a file of ``NAME=value`` lines.
        environment: where the variables are.

    Returns:
        None if no place names an address: then the local server is meant.

    Raises:
        ConfigurationError: a place names an address but lacks the rest, or a file cannot be read.
    """
    if url or org or token_file:
        token = _read_token(token_file) if token_file else None
        return ConnectionSettings("the command line (--url, --token-file, --org)", url, token, org).connection()
    places = _from_environment(environment)
    if env_file is not None:
        places += _from_env_file(env_file)
    places += _from_profile(environment)
    for place in places:
        if place.url:
            return place.connection()
        if place.token or place.org:
            log.warning("%s has a token or an organisation but no address, so it is not used", place.origin)
    return None


def _from_environment(environment: Mapping[str, str]) -> list[ConnectionSettings]:
    places = []
    for names, origin in (
        (_Named, "the environment (INFLUX_…)"),
        (_ClientNamed, "the environment (INFLUXDB_V2_…)"),
    ):
        source = EnvSettingsSource(names, case_sensitive=True)
        source.env_vars = _not_empty(environment)
        places.append(_settings(origin, source()))
    return places


def _from_env_file(path: Path) -> list[ConnectionSettings]:
    if not path.is_file():
        raise ConfigurationError(f"no such env file: {str(path)!r}")
    places = []
    for names in (_Named, _ClientNamed):
        try:
            source = DotEnvSettingsSource(names, env_file=path, env_file_encoding="utf-8", case_sensitive=True)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read the env file {str(path)!r}: {error}") from error
        source.env_vars = _not_empty(source.env_vars)
        places.append(_settings(f"the env file {str(path)!r}", source()))
    return places


def _not_empty(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """Without those that are empty: they would stand before another name of the same setting."""
    return {name: value for name, value in variables.items() if value}


def _settings(origin: str, found: Mapping[str, object]) -> ConnectionSettings:
    def text(*names: str) -> str | None:
        return next((str(found[name]) for name in names if found.get(name)), None)

    return ConnectionSettings(
        origin,
        text("INFLUX_URL", "INFLUX_HOST", "INFLUXDB_V2_URL", "url"),
        text("INFLUX_TOKEN", "INFLUXDB_V2_TOKEN", "token"),
        text("INFLUX_ORG", "INFLUXDB_V2_ORG", "org"),
    )


def _from_profile(environment: Mapping[str, str]) -> list[ConnectionSettings]:
    """The influx command's profile that is marked active (its ``configs`` file is TOML)."""
    path = Path(environment.get("INFLUX_CONFIGS_PATH") or INFLUX_PROFILES.expanduser())
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        log.warning("the influx command's profiles in %s cannot be read: %s", path, error)
        return []
    return [
        ConnectionSettings(f"the influx profile {name!r}", profile.get("url"), profile.get("token"), profile.get("org"))
        for name, profile in profiles.items()
        if isinstance(profile, dict) and profile.get("active")
    ]


def _read_token(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the token file {str(path)!r}: {error}") from error
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"others can read the token file {str(path)!r}: chmod 600 it first")
    if not token or len(token.split()) != 1:
        raise ConfigurationError(f"the token file {str(path)!r} must hold the token and nothing else")
    return token


def _listed(names: list[str]) -> str:
    return " and ".join(names) or "nothing"
