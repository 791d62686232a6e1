"""Which server to talk to: address, token and organisation, all three from one and the same place.

The places, in order: the command's options, the environment (``INFLUX_URL`` or the influx command's
``INFLUX_HOST``, ``INFLUX_TOKEN``, ``INFLUX_ORG``; then the client library's ``INFLUXDB_V2_…``), an env file with
the same names, the influx command's active profile. A token is never taken from an argument, nor from a file that
others can read; no variable of a function that may raise holds it in the clear.
"""

from __future__ import annotations

import logging
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from importer.errors import ConfigurationError
from importer.server.connection import Connection
from importer.server.secret import Secret

__all__ = ["ConnectionSettings", "find_connection", "read_token"]

log = logging.getLogger(__name__)

INFLUX_PROFILES = Path("~/.influxdbv2/configs")
ALLOW_HTTP_SETTING = "IMPORTER_ALLOW_HTTP"


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

    def __init__(self, origin: str, url: str | None, token: Secret | None, org: str | None) -> None:
        self.origin, self.url, self.token, self.org = origin, url, token, org

    def connection(self, *, ca_file: Path | None, verify: bool, allow_http: bool) -> Connection:
        """All three, and the way there.

        Raises:
            ConfigurationError: one of them is missing, or the address is none, or the way there is not safe.
        """
        missing = [name for name in ("url", "token", "org") if not getattr(self, name)]
        if missing or self.url is None or self.token is None or self.org is None:
            raise ConfigurationError(
                f"{self.origin} gives the server's {_listed([n for n in ('url', 'token', 'org') if n not in missing])} "
                f"but not its {_listed(missing)}; "
                "address, token and organisation must come from one and the same place: "
                "--url, --token-file and --org, or INFLUX_URL, INFLUX_TOKEN and INFLUX_ORG"
            )
        return Connection(
            self.url.rstrip("/"),
            Secret(self.token.strip()),
            self.org,
            self.origin,
            ca_file=ca_file,
            verify=verify,
            allow_http=allow_http,
        )


def find_connection(
    *,
    url: str | None = None,
    org: str | None = None,
    token_file: Path | None = None,
    env_file: Path | None = None,
    ca_file: Path | None = None,
    skip_verify: bool = False,
    allow_http: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Connection | None:
    """The server that the first place with an address names.

    Args:
        url: the option.
        org: the option.
        token_file: the option; a file that holds the token alone.
        env_file: a file of ``NAME=value`` lines.
        ca_file: certificates of the authorities that may vouch for the server; None: the system's.
        skip_verify: do not check the server's certificate.
        allow_http: send the token over plain http to another machine; so does ``IMPORTER_ALLOW_HTTP=true``.
        environment: where the variables are; None: the process's.

    Returns:
        None if no place names an address: then the local server is meant.

    Raises:
        ConfigurationError: a place names an address but lacks the rest, a file cannot be read, or others can read
            it, or the token would go over plain http to another machine.
    """
    allow_http = allow_http or _says_yes(ALLOW_HTTP_SETTING, environment)
    if url or org or token_file:
        token = read_token(token_file) if token_file else None
        given = ConnectionSettings("the command line (--url, --token-file, --org)", url, token, org)
        return given.connection(ca_file=ca_file, verify=not skip_verify, allow_http=allow_http)
    places = _from_environment(environment)
    if env_file is not None:
        places += _from_env_file(env_file)
    places += _from_profile(environment)
    for place in places:
        if place.url:
            return place.connection(ca_file=ca_file, verify=not skip_verify, allow_http=allow_http)
        if place.token or place.org:
            log.warning("%s has a token or an organisation but no address, so it is not used", place.origin)
    return None


def _from_environment(environment: Mapping[str, str] | None) -> list[ConnectionSettings]:
    places = []
    for names, origin in (
        (_Named, "the environment (INFLUX_…)"),
        (_ClientNamed, "the environment (INFLUXDB_V2_…)"),
    ):
        source = EnvSettingsSource(names, case_sensitive=True)
        source.env_vars = _not_empty(os.environ if environment is None else environment)
        places.append(_settings(origin, source()))
    return places


def _from_env_file(path: Path) -> list[ConnectionSettings]:
    if not path.is_file():
        raise ConfigurationError(f"no such env file: {str(path)!r}")
    others_can_read = _others_can_read(path.stat().st_mode)
    places = []
    for names in (_Named, _ClientNamed):
        try:
            source = DotEnvSettingsSource(names, env_file=path, env_file_encoding="utf-8", case_sensitive=True)
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read the env file {str(path)!r}: {error}") from None
        source.env_vars = _not_empty(source.env_vars)
        places.append(_settings(f"the env file {str(path)!r}", source()))
        if places[-1].token and others_can_read:
            raise ConfigurationError(
                f"others can read the env file {str(path)!r}, which holds a token: chmod 600 it first"
            )
    return places


def _not_empty(variables: Mapping[str, str | None]) -> dict[str, str | None]:
    """Without those that are empty: they would stand before another name of the same setting."""
    return {name: value for name, value in variables.items() if value}


def _settings(origin: str, found: Mapping[str, object]) -> ConnectionSettings:
    def text(*names: str) -> str | None:
        return next((str(found[name]) for name in names if found.get(name)), None)

    def secret(*names: str) -> Secret | None:
        return next((Secret(str(found[name])) for name in names if found.get(name)), None)

    return ConnectionSettings(
        origin,
        text("INFLUX_URL", "INFLUX_HOST", "INFLUXDB_V2_URL", "url"),
        secret("INFLUX_TOKEN", "INFLUXDB_V2_TOKEN", "token"),
        text("INFLUX_ORG", "INFLUXDB_V2_ORG", "org"),
    )


def _from_profile(environment: Mapping[str, str] | None) -> list[ConnectionSettings]:
    """The influx command's profile that is marked active (its ``configs`` file is TOML)."""
    named = (os.environ if environment is None else environment).get("INFLUX_CONFIGS_PATH")
    path = Path(named or INFLUX_PROFILES.expanduser())
    try:
        with path.open(encoding="utf-8") as file:
            others_can_read = _others_can_read(os.fstat(file.fileno()).st_mode)
            profiles = tomllib.loads(file.read())
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        log.warning("the influx command's profiles in %s cannot be read: %s", path, error)
        return []
    active = {name: each for name, each in profiles.items() if isinstance(each, dict) and each.get("active")}
    if others_can_read and any(each.get("token") for each in active.values()):
        log.warning(
            "warning: others can read the influx command's profiles in %s and the token in it: chmod 600 it", path
        )
    return [_settings(f"the influx profile {name!r}", each) for name, each in active.items()]


def read_token(path: Path) -> Secret:
    """The token that a file holds.

    Raises:
        ConfigurationError: it cannot be read, others can read it, or it holds something else.
    """
    try:
        with path.open(encoding="utf-8") as file:
            if _others_can_read(os.fstat(file.fileno()).st_mode):
                raise ConfigurationError(f"others can read the token file {str(path)!r}: chmod 600 it first")
            words = _words(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the token file {str(path)!r}: {error}") from None
    if len(words) != 1:
        raise ConfigurationError(f"the token file {str(path)!r} must hold the token and nothing else")
    return words[0]


def _words(file: TextIO) -> list[Secret]:
    return [Secret(word) for word in file.read().split()]


def _others_can_read(mode: int) -> bool:
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def _says_yes(name: str, environment: Mapping[str, str] | None) -> bool:
    said = (os.environ if environment is None else environment).get(name, "")
    if said.lower() not in ("", "0", "1", "false", "true", "no", "yes"):
        raise ConfigurationError(f"{name} is neither true nor false: {said!r}")
    return said.lower() in ("1", "true", "yes")


def _listed(names: list[str]) -> str:
    return " and ".join(names) or "nothing"
