"""The metrics of a bucket: what each consists of, how many values it has, from when to when.

Goes in: a bucket that is ready to be asked, and names of metrics. Comes out: a :class:`Metric` for
each that has values.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from importer.moments import as_text
from importer.reading.asking import Asking
from importer.timeseries import questions
from importer.timeseries.lines import NUMBER_FIELD, TEXT_FIELD, unaskable
from importer.timeseries.querying import kind_of

__all__ = ["Metric", "MetricType", "looked_at", "types"]

MetricType = Literal["numeric", "string", "mixed"]

TOGETHER = 50
"""Metrics of one question."""

_FIELDS: dict[MetricType, tuple[str, ...]] = {
    "numeric": (NUMBER_FIELD,),
    "string": (TEXT_FIELD,),
    "mixed": (NUMBER_FIELD, TEXT_FIELD),
}


class Metric(BaseModel):
    """A metric."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "metric": "temperature",
                    "type": "numeric",
                    "tags": ["room"],
                    "count": 86400,
                    "first": "2024-05-01T00:00:00Z",
                    "last": "2024-05-01T23:59:59Z",
                }
            ]
        }
    )

    metric: str = Field(description="Its name.")
    type: MetricType = Field(description="Whether its values are numbers, texts, or both.")
    tags: list[str] = Field(description="The keys of its tags.")
    count: int = Field(description="How many values it has.")
    first: str = Field(description="When the first one was measured.")
    last: str = Field(description="And the last.")


def types(asking: Asking) -> dict[str, MetricType]:
    """The types of all metrics by their names, sorted by these; without those whose name no question can hold.

    Raises:
        ServerError: the server did not answer.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for piece in asking.rows(*questions.fields_of()):
        found[piece.measurement].update(kind for row in piece.rows if (kind := kind_of(*row)))
    return {name: _type(kinds) for name, kinds in sorted(found.items()) if kinds and unaskable(name) is None}


def looked_at(asking: Asking, metrics: dict[str, MetricType]) -> Iterator[Metric]:
    """What there is to be said of metrics; of those whose values are gone, nothing.

    Raises:
        ServerError: the server did not answer.
    """
    for kind in _FIELDS:
        names = iter([name for name, of in metrics.items() if of == kind])
        while chunk := list(itertools.islice(names, TOGETHER)):
            yield from _chunk(asking, chunk, kind)


def _type(kinds: set[str]) -> MetricType:
    if len(kinds) > 1:
        return "mixed"
    return "numeric" if NUMBER_FIELD in kinds else "string"


def _chunk(asking: Asking, names: Sequence[str], kind: MetricType) -> Iterator[Metric]:
    tags: dict[str, list[str]] = defaultdict(list)
    for piece in asking.rows(*questions.tags_of(names)):
        tags[piece.measurement] += [row[0] for row in piece.rows]
    counted, first, last = (
        {piece.measurement: piece.rows[0] for piece in asking.rows(*question) if piece.rows}
        for question in questions.counts(names, _FIELDS[kind])
    )
    for name in names:
        if name in counted and name in first and name in last:
            number = sum(cell or 0 for cell in counted[name][1:])
            yield Metric(
                metric=name,
                type=kind,
                tags=sorted(tags[name]),
                count=number,
                first=as_text(first[name][0]),
                last=as_text(last[name][0]),
            )
