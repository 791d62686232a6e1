"""Sources by URL: which are read, and how they are shown without what is secret in them.

Goes in: what the user named. Comes out: whether it is a URL, and its name for reports, logs and journals.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from importer.errors import ConfigurationError

__all__ = ["SCHEMES", "check_address", "is_address", "shown_address"]

SCHEMES = ("http", "https", "s3")
"""No others: a load that is started for somebody else must not read this machine's files."""

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HIDDEN = "***"


def is_address(name: str) -> bool:
    """Whether a name is a URL, of whatever scheme."""
    return _ADDRESS.match(name) is not None


def check_address(url: str) -> None:
    """Refuse what cannot be read.

    Raises:
        ConfigurationError: another scheme, or no host.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        what = "give the path alone" if scheme == "file" else f"these are: {', '.join(SCHEMES)}"
        raise ConfigurationError(f"{shown_address(url)!r}: {scheme}:// is not read; {what}")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_host = False
    if not has_host:
        raise ConfigurationError(f"{shown_address(url)!r} is no URL that can be read: it needs a host and a path")
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ConfigurationError(f"{shown_address(url)!r} has a space or a control character: write it as %20 or so")


def shown_address(url: str) -> str:
    """A URL without its user, its password and what its parameters say, any of which may be a key.

    Other names are given back as they are.
    """
    if not is_address(url):
        return url
    try:
        parts = urlsplit(url)
        pairs = [pair.partition("=") for pair in parts.query.split("&") if pair]
        query = "&".join(f"{key}={_HIDDEN}" if sign else _HIDDEN for key, sign, _ in pairs)  # a bare one may be a key
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, query, ""))
    except ValueError:
        return f"{url.partition('://')[0]}://{_HIDDEN}"
