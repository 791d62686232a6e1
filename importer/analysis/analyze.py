"""Figures of what a bucket holds: :func:`analyze`, on which ``importer analyze`` stands."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from importer.analysis import questions
from importer.analysis.figures import FieldQuestion, figures_of, left_out
from importer.analysis.records import Analysis, FieldFigures
from importer.analysis.scope import Scope, meant
from importer.analysis.shapes import with_shapes
from importer.api import connect
from importer.bucket.finding import find_bucket
from importer.bucket.schema import field_types
from importer.errors import AuthorizationError, ConfigurationError
from importer.ledger.closing import rfc3339
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, RESERVED_KEYS
from importer.reading.window import time_range
from importer.records import FieldType
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.verification.counting import count_values

__all__ = ["analyze"]

MAX_FIELDS: Final = 2_000
"""Fields of all measurements; figures of more than these nobody reads."""

QUESTION_SECONDS: Final = 1_800.0
"""A question may take the server long: it reads every value of a field."""

FieldName = tuple[str, str]
Types = dict[FieldName, set[FieldType]]

log = logging.getLogger(__name__)


def analyze(
    bucket: str,
    *,
    window: str | None = None,
    start: str | None = None,
    stop: str | None = None,
    measurements: str | Iterable[str] = (),
    fields: str | Iterable[str] = (),
    tags: Mapping[str, str | Sequence[str]] | None = None,
    by: str | None = None,
    gap_factor: float = 3.0,
    windows: int = 0,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Analysis:
    """Figures of each field of a bucket: how many values, of what size, from when to when, how regular.

    The server computes them all; what is held here does not grow with the bucket's points.

    Args:
        bucket: its name.
        window: only the last ``30d`` (a number and s, m, h, d or w), until `stop` or now.
        start: from when, included: RFC 3339, a date, or ``-30d``; instead of a window.
        stop: until when, not included.
        measurements: only these; none: all.
        fields: only these.
        tags: only series with these values, by key; of several values one is enough, an empty one means: no such tag.
        by: the tag by whose values figures are given, too: of the first 1,000 values, with a warning if there are more.
        gap_factor: an interval longer than so many times the median interval is a gap; above 1.
        windows: into how many windows the time of each field is cut, for charts; 0: into none.
        connection: which server; None finds it as :func:`importer.load` does.
        wait_seconds: how long an absent server is waited for.
        progress: told which field comes next, how many are done, and how many there are.

    Returns:
        the figures; no fields where nothing is stored.

    Raises:
        ConfigurationError: an argument is wrong, or names what is not there.
        NotFoundError: there is no such bucket.
        ServerError: the server refuses, or did not answer in time.
    """
    times = time_range(window, start, stop)
    if not 1 < gap_factor < math.inf:
        raise ConfigurationError(f"gap_factor is {gap_factor}: so many median intervals make a gap, more than 1")
    if windows < 0:
        raise ConfigurationError(f"windows is {windows}; it cannot be below 0")
    with Server(connection or connect(), timeout_seconds=QUESTION_SECONDS) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        scope = Scope(server, find_bucket(server, bucket).id, times, _names(measurements), _names(fields), _tags(tags))
        types, warnings = _types(scope)
        if by in RESERVED_KEYS:
            raise ConfigurationError(f"by {by!r}: that is no tag's name")
        _check_names(scope, types)
        if types:
            scope.check_tag_keys([*scope.tags, *([by] if by else [])])
        accounts, absent = _accounts(scope), scope.absent_tag_values() if types else []
        if absent and not accounts:
            raise ConfigurationError(absent[0])
        warnings += absent
        found: list[FieldFigures] = []
        for number, name in enumerate(accounts):
            if progress is not None:
                progress(f"{name[0]} {name[1]}", number, len(accounts))
            one, kinds = scope.of(*name), types.get(name, set())
            whole, *parts = _figures(one, kinds, accounts[name], by=by, gap_factor=gap_factor, windows=windows)
            found += [whole, *parts]
            if note := left_out(whole, parts):
                warnings.append(note)
        warnings += _warnings(scope, [each for each in found if each.tag is None], types)
        return Analysis(
            bucket=bucket,
            start=rfc3339(times.start_ns) if times.start_ns > MIN_TIME_NS else None,
            stop=rfc3339(times.stop_ns) if times.stop_ns <= MAX_TIME_NS else None,
            by=by,
            filters=_filters(scope),
            count=sum(each.count for each in found if each.tag is None),
            fields=tuple(found),
            warnings=tuple(warnings),
        )


def _figures(
    scope: Scope, types: set[FieldType], account: tuple[int, int], *, by: str | None, gap_factor: float, windows: int
) -> list[FieldFigures]:
    if len(types) > 1:
        measurement, field = scope.measurements[0], scope.fields[0]
        values, series = account
        return [FieldFigures(measurement=measurement, field=field, type="mixed", series=series, count=values)]
    (kind,) = types or {_type_by_value(scope)}
    whole = figures_of(FieldQuestion(scope, kind, None, gap_factor))
    if windows:
        whole = [with_shapes(figures, scope, windows) for figures in whole]
    return [*whole, *(figures_of(FieldQuestion(scope, kind, by, gap_factor)) if by else ())]


def _types(scope: Scope) -> tuple[Types, list[str]]:
    """The types of all fields in the bucket, as far as the token may know them."""
    try:
        return field_types(scope.server, scope.bucket_id), []
    except AuthorizationError:
        names = {(row["_measurement"], row["_field"]) for row in scope.ask(questions.FIELDS, most=MAX_FIELDS)}
        warning = "this token may not ask for the fields' types (read:dbrps): each is taken from the first value"
        return {name: set() for name in names}, [warning]


def _type_by_value(scope: Scope) -> FieldType:
    (row, *_) = scope.ask(questions.TYPE)
    value = row["_value"]
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "float" if isinstance(value, float) else "string"


def _accounts(scope: Scope) -> dict[FieldName, tuple[int, int]]:
    """Values and series of each field."""
    rows = scope.ask(questions.FIELDS, most=MAX_FIELDS + 1)
    if len(rows) > MAX_FIELDS:
        raise ConfigurationError(f"there are more than {MAX_FIELDS:,} fields: choose some by --measurement and --field")
    return {(row["_measurement"], row["_field"]): (int(row["values"]), int(row["series"])) for row in rows}


def _check_names(scope: Scope, types: Types) -> None:
    known_measurements = {measurement for measurement, _ in types}
    for name in scope.measurements:
        if types and name not in known_measurements:
            raise ConfigurationError(
                f"no measurement is named {name!r}{meant(name, known_measurements, 'measurements')}"
            )
    chosen = {field for measurement, field in types if measurement in (scope.measurements or known_measurements)}
    for name in scope.fields:
        if types and name not in chosen:
            raise ConfigurationError(f"no field is named {name!r}{meant(name, chosen, 'fields')}")


def _warnings(scope: Scope, found: list[FieldFigures], types: Types) -> list[str]:
    warnings = [
        f"the field {each.field!r} of {each.measurement!r} is stored as {' and as '.join(sorted(types[name]))}: "
        "queries see a part of it only, and so its count is too low; load it anew with one type"
        for each in found
        if len(types.get(name := (each.measurement, each.field), ())) > 1
    ]
    if scope.times.stop_ns > MAX_TIME_NS:
        unseen = count_values(scope.server, scope.bucket_id, MAX_TIME_NS, MAX_TIME_NS + 1).total()
        if unseen:
            warnings.append(
                f"{unseen:,} values at {rfc3339(MAX_TIME_NS)}, the last time that can be stored, are not in the "
                "figures: the server's queries do not see it"
            )
    return warnings


def _filters(scope: Scope) -> tuple[str, ...]:
    return (
        *(f"measurement {name}" for name in scope.measurements),
        *(f"field {name}" for name in scope.fields),
        *(f"tag {key} = {' or '.join(value or '(none)' for value in values)}" for key, values in scope.tags.items()),
    )


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))


def _tags(given: Mapping[str, str | Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    tags = {key: _names(values) for key, values in (given or {}).items()}
    for key in tags:
        if not key or key in RESERVED_KEYS:
            raise ConfigurationError(f"tag {key!r}: that is no tag's name")
    return tags
