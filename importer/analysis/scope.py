"""Which part of a bucket is looked at: the beginning of every question in Flux, and its values.

Goes in: a bucket and filters as people give them. Comes out: a :class:`Scope`, or an error with the names that
may have been meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from influxdb_client.client.flux_table import FluxRecord

from importer.errors import ConfigurationError
from importer.limits import MAX_TIME_NS, RESERVED_KEYS
from importer.mapping.header import nearest
from importer.reading.window import ALL_OF_TIME, TimeRange
from importer.server.connection import Server

__all__ = ["Scope", "meant", "read_tags"]

Params = dict[str, Any]

_RANGE = "from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))"
_KEYS = 'DATA |> keys() |> keep(columns: ["_value"]) |> group() |> distinct()'
_VALUES = 'DATA |> keep(columns: [tag_key]) |> group() |> distinct(column: tag_key) |> keep(columns: ["_value"])'

MAX_NAMES: Final = 1_000
"""So many are looked through for those that may have been meant."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of a bucket.

    Attributes:
        server: the connection.
        bucket_id: which bucket.
        times: from when until when.
        measurements: only these; empty: all.
        fields: only these.
        tags: for each key the values that are meant; an empty one: no such tag.
    """

    server: Server
    bucket_id: str
    times: TimeRange
    measurements: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def ask(self, flux: str, **params: Any) -> list[FluxRecord]:
        """The rows of an answer.

        Args:
            flux: the question; ``DATA`` in it stands for everything in this scope.
            params: its values.
        """
        conditions, values = self._conditions()
        values |= {
            "bucket_id": self.bucket_id,
            "start": self.times.start_ns,
            # Grouped reads do not see the last nanosecond; it is left out of all figures alike.
            "stop": min(self.times.stop_ns, MAX_TIME_NS),
        }
        tables = self.server.query(flux.replace("DATA", f"{_RANGE}{conditions}"), values | params)
        return [record for table in tables for record in table.records]

    def of(self, measurement: str, field_key: str) -> Scope:
        """The same for one field."""
        return Scope(self.server, self.bucket_id, self.times, (measurement,), (field_key,), self.tags)

    def with_tag(self, key: str, values: Sequence[str]) -> Scope:
        """Only these values of a tag."""
        narrowed = {**self.tags, key: tuple(values)}
        return Scope(self.server, self.bucket_id, self.times, self.measurements, self.fields, narrowed)

    def check_tag_keys(self, keys: Iterable[str]) -> None:
        """Refuse keys that no series has.

        Raises:
            ConfigurationError: with the nearest keys.
        """
        everything = Scope(self.server, self.bucket_id, ALL_OF_TIME, self.measurements)
        for key in keys:
            if not everything._first(_VALUES, tag_key=key):  # to list the keys of wide series takes the server long
                known = everything._first(_KEYS) - RESERVED_KEYS
                raise ConfigurationError(f"no tag is named {key!r}{meant(key, known, 'tags')}")

    def absent_tag_values(self) -> list[str]:
        """Of the values that are meant, those that a tag does not have, each with the nearest ones."""
        everything, found = Scope(self.server, self.bucket_id, ALL_OF_TIME, self.measurements), []
        for key, values in self.tags.items():
            absent = everything._absent(key, list(filter(None, values)))
            known = everything._first(_VALUES, tag_key=key) if absent else set()
            found += [f"no tag {key!r} has the value {value!r}{meant(value, known, 'values')}" for value in absent]
        return found

    def _absent(self, key: str, wanted: Sequence[str]) -> list[str]:
        """Those of the values that a tag does not have, however many it has."""
        params: Params = {"tag_key": key}
        if not wanted:
            return []
        test = _any_of("r._value", "wanted", wanted, params)
        there = {row["_value"] for row in self.ask(f"{_VALUES} |> filter(fn: (r) => {test})", **params)}
        return [value for value in wanted if value not in there]

    def _first(self, listing: str, **params: Any) -> set[str]:
        """The first names of a list."""
        return {row["_value"] for row in self.ask(f"{listing} |> limit(n: most)", most=MAX_NAMES, **params)} - {None}

    def _conditions(self) -> tuple[str, Params]:
        """The filters in Flux, and their values."""
        values: Params = {}
        tests = [
            _any_of("r._measurement", "measurement", self.measurements, values),
            _any_of("r._field", "field", self.fields, values),
        ]
        for number, (key, wanted) in enumerate(self.tags.items()):
            tests.append(_any_of(f"r[{_inert(key)}]", f"tag{number}_", wanted, values))
        return "".join(f" |> filter(fn: (r) => {test})" for test in tests if test), values


def read_tags(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Filters such as ``bird=Aino``; several values of a key are alternatives, an empty one means: no such tag.

    Raises:
        ConfigurationError: one has no key, or no equals sign.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise ConfigurationError(f"tag {text!r} is not understood: write KEY=VALUE, such as bird=Aino")
        found[key] = (*found.get(key, ()), value)
    return found


def _any_of(what: str, name: str, wanted: Sequence[str], values: Params) -> str:
    names = {f"{name}{number}": value for number, value in enumerate(wanted)}
    values |= names
    return _or([f"{what} == {each}" if value else f"not exists {what}" for each, value in names.items()])


def _or(tests: Sequence[str]) -> str:
    """Any of some tests, by halves: in one row of some two hundred the server finds them nested too deep."""
    if len(tests) <= 2:  # noqa: PLR2004
        return " or ".join(tests)
    middle = len(tests) // 2
    return f"({_or(tests[:middle])}) or ({_or(tests[middle:])})"


def _inert(key: str) -> str:
    """A key as Flux text. It may not be a parameter there; as bytes in hexadecimal no sign of it means anything."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in key.encode()) + '"'


def meant(name: str, known: Iterable[str], kind: str, most: int = 12) -> str:
    """The end of a message about a name that is not there: those that may have been meant, or those that there are.

    Args:
        name: as it was given.
        known: names that there are.
        kind: of them, such as ``buckets``.
        most: so many are listed.
    """
    there = sorted(known)
    close = nearest(name, there)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    if not there:
        return f": there are no {kind} here"
    listed = ", ".join(map(repr, there[:most]))
    number = f"{len(there):,}{' or more' if len(there) >= MAX_NAMES else ''}"
    return f"; there are: {listed}{'' if len(there) <= most else f', … ({number} in all)'}"
