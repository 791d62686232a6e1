"""The buckets that a file asks for.

Goes in: a JSON or TOML file. Comes out: a :class:`WantedBucket` for each, or one error with everything that is wrong in
the file, whatever the server would refuse of it included::

    [[buckets]]
    name = "sensors"
    description = "Room by room"
    retention = "30d"
    shard_duration = "1d"

JSON holds the same as ``{"buckets": [{"name": …}]}``, or as the list alone.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importer.bucket.names import check_target
from importer.bucket.settings import settings_for_load
from importer.bucket.shards import parse_duration
from importer.errors import ConfigurationError
from importer.mapping.header import nearest

__all__ = ["WantedBucket", "read_wanted"]

KEYS = ("name", "description", "retention", "shard_duration")
_SPELLINGS = {"shard_group_duration": "shard_duration"}


@dataclass(frozen=True, slots=True)
class WantedBucket:
    """A bucket as a file asks for it.

    Attributes:
        name: its name.
        description: None where the file says nothing.
        retention_seconds: 0 for ever; None where the file says nothing, which makes a new bucket keep its points.
        shard_duration_seconds: of a shard group; None where the file says nothing, which leaves it to the server.
    """

    name: str
    description: str | None = None
    retention_seconds: int | None = None
    shard_duration_seconds: int | None = None


def read_wanted(path: Path) -> list[WantedBucket]:
    """Read a file of buckets, in its order.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong; all of it is named.
    """
    entries = _entries(path)
    wanted, wrong = [], []
    for number, entry in enumerate(entries, 1):
        try:
            wanted.append(_wanted(entry, f"bucket {number}"))
        except _WrongEntryError as error:
            wrong += error.lines
    wrong += [
        f"the bucket {name!r} is named {count} times"
        for name, count in Counter(bucket.name for bucket in wanted).items()
        if count > 1
    ]
    if wrong:
        lines = "".join(f"\n  {line}" for line in wrong)
        places = "1 place" if len(wrong) == 1 else f"{len(wrong)} places"
        raise ConfigurationError(f"{str(path)!r} is not used, as it is wrong in {places}:{lines}")
    return wanted


class _WrongEntryError(Exception):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(*lines)
        self.lines = lines


def _entries(path: Path) -> list[Any]:
    kind = path.suffix.lower()
    if kind not in {".json", ".toml"}:
        raise ConfigurationError(f"{str(path)!r} ends neither in .json nor in .toml: name a file of one of these kinds")
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(f"no such file: {str(path)!r}") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{str(path)!r} is no {kind[1:].upper()}: {error}") from error
    if isinstance(raw, dict):
        if unknown := [key for key in raw if key != "buckets"]:
            raise ConfigurationError(f"{str(path)!r}: unknown key {_unknown(unknown[0], ('buckets',))}")
        raw = raw.get("buckets", [])
    if not isinstance(raw, list) or not raw:
        form = "[[buckets]] with a name" if kind == ".toml" else '{"buckets": [{"name": "sensors"}]}'
        raise ConfigurationError(f"{str(path)!r} names no buckets: write {form}")
    return raw


def _wanted(entry: Any, place: str) -> WantedBucket:
    if not isinstance(entry, dict):
        raise _WrongEntryError([f"{place}: a table with a name is needed, and not {entry!r}"])
    given = {_spelled(key): value for key, value in entry.items()}
    name = given.get("name")
    place = repr(name) if isinstance(name, str) else place
    wrong = list(_wrong_keys(given, place))
    retention = _seconds(given, "retention", place, wrong)
    shards = _seconds(given, "shard_duration", place, wrong)
    try:
        if isinstance(name, str):
            check_target(name)
        settings_for_load(
            None,
            retention_seconds=retention,
            shard_duration_seconds=shards,
            fitting_shard_duration_seconds=None,
        )
    except ConfigurationError as error:
        wrong.append(f"{place}: {error}")
    if wrong or not isinstance(name, str):
        raise _WrongEntryError(wrong)
    return WantedBucket(name, given.get("description"), retention, shards)


def _wrong_keys(given: dict[str, Any], place: str) -> Iterator[str]:
    for key, value in given.items():
        if key not in KEYS:
            yield f"{place}: unknown key {_unknown(key, KEYS)}"
        elif key in {"name", "description"} and not isinstance(value, str):
            yield f"{place}: {key} is a text, and not {value!r}"
    if "name" not in given:
        yield f"{place}: name is missing"


def _seconds(given: dict[str, Any], key: str, place: str, wrong: list[str]) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if not isinstance(value, str):
        wrong.append(f'{place}: {key} is a text such as "30d" or "inf", or a number of seconds, and not {value!r}')
        return None
    try:
        return parse_duration(value)
    except ConfigurationError as error:
        wrong.append(f"{place}: {key}: {error}")
        return None


def _spelled(key: str) -> str:
    plain = key.replace("-", "_")
    return _SPELLINGS.get(plain, plain)


def _unknown(key: str, known: tuple[str, ...]) -> str:
    close = nearest(key, known)
    return f"{key!r}; " + (f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}")
