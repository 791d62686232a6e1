"""The figures of one field: asked of the server, in a dozen questions at the most.

Goes in: the scope of a field. Comes out: :class:`FieldFigures`, one for the whole, or one for each value of a tag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from influxdb_client.client.flux_table import FluxRecord

from importer.analysis import questions
from importer.analysis.records import FieldFigures, Gaps, TagValue, TextCount
from importer.analysis.scope import Scope
from importer.ledger.closing import rfc3339
from importer.records import FieldType

__all__ = ["EXACT_VALUES", "MAX_PARTS", "FieldQuestion", "figures_of", "left_out"]

EXACT_VALUES: Final = 10_000_000
"""So many values the server may hold in memory and sort; of more, percentiles are estimated."""

MAX_PARTS: Final = 1_000
"""Values of a tag by which figures are given: the first ones, if there are more."""

LIMITS_AT_ONCE: Final = 100
"""Of a question with ten times as many the server takes a hundred times as long."""

MAX_DISTINCT: Final = 10_000
"""With more different texts, none of them is a frequent one."""

MOST_FREQUENT: Final = 5

NUMBERS: Final = frozenset({"float", "integer", "unsigned"})

Part = str | None
Found = dict[Part, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class FieldQuestion:
    """What is to be known of a field.

    Attributes:
        scope: this field alone.
        type: of its values.
        by: the tag by whose values figures are given; None: of the whole.
        gap_factor: an interval longer than so many medians is a gap.
        twice: the server reads some values twice: each time of a series is to be taken once.
    """

    scope: Scope
    type: FieldType
    by: str | None
    gap_factor: float
    twice: bool = False

    def ask(self, flux: str, **params: Any) -> Found:
        """The rows of an answer, by value of the tag (None: no such tag, or the whole), then by name of the result."""
        text, more = questions.grouped(flux, self.by)
        return _by_part(self.rows(text, more | params))

    def ask_gaps(self, limits_ns: dict[Part, int]) -> Found:
        """How many intervals are longer than the limits."""
        if self.by is None:
            return _by_part(self.rows(*questions.gaps(limits_ns, None)))
        found: Found = {}
        parts = list(limits_ns)
        for begin in range(0, len(parts), LIMITS_AT_ONCE):
            some = parts[begin : begin + LIMITS_AT_ONCE]
            of_these = replace(self, scope=self.scope.with_tag(self.by, [part or "" for part in some]))
            text, params = questions.gaps({part: limits_ns[part] for part in some}, self.by)
            found |= _by_part(of_these.rows(text, params))
        return found

    def frequent(self) -> dict[Part, list[TextCount]]:
        """The most frequent texts."""
        text, more = questions.grouped(questions.FREQUENT, self.by)
        found: dict[Part, list[TextCount]] = defaultdict(list)
        for row in self.rows(text, more | {"most": MOST_FREQUENT, "max_text": questions.MAX_TEXT}):
            found[row.values.get("_by")].append(TextCount(text=row["_importer_text"], count=row["_value"]))
        return found

    def rows(self, flux: str, params: dict[str, Any]) -> list[FluxRecord]:
        """The rows of an answer, each time of a series once."""
        return self.scope.ask(questions.once(flux, needed=self.twice), **params)


def figures_of(question: FieldQuestion) -> list[FieldFigures]:
    """The figures of a field, or of each of its parts.

    Raises:
        ServerError: the server did not answer a question.
    """
    accounts = _accounts(question)
    if question.by is not None and len(accounts) > MAX_PARTS:
        accounts = {part: accounts[part] for part in sorted(accounts, key=_order)[:MAX_PARTS]}
        question = replace(question, scope=question.scope.with_tag(question.by, [part or "" for part in accounts]))
    values = max((account["values"] for account in accounts.values()), default=0)
    exact = sum(account["values"] for account in accounts.values()) <= EXACT_VALUES
    method = "exact_mean" if exact else "estimate_tdigest"
    found: dict[Part, dict[str, Any]] = defaultdict(dict)
    if values > 1:
        intervals = question.ask(questions.INTERVALS, method=method)
        if not question.twice and any("not rising" in result for result in intervals.values()):
            return figures_of(replace(question, twice=True))
        _add_gaps(found, question, intervals)
    _add_times(found, question, accounts)
    if question.type in NUMBERS:
        _add_numbers(found, question, method)
        for figures in found.values():
            figures["percentiles"] = "exact" if exact else "estimated"
    elif question.type == "boolean":
        true = question.ask(questions.TRUE)
        for part in accounts:
            found[part]["true_count"] = true.get(part, {}).get("_result", 0)
    else:
        _add_texts(found, question, accounts)
    return [
        FieldFigures(
            measurement=question.scope.measurements[0],
            field=question.scope.fields[0],
            type=question.type,
            tag=None if question.by is None else TagValue(key=question.by, value=part or ""),
            series=account["series"],
            count=account["values"],
            **found[part],
        )
        for part, account in sorted(accounts.items(), key=lambda item: _order(item[0]))
    ]


def _accounts(question: FieldQuestion) -> dict[Part, dict[str, int]]:
    """Values and series of each part; of the first ones, if there are too many."""
    text, more = questions.grouped(questions.SERIES, question.by)
    rows = question.rows(text, more | {"most": MAX_PARTS + 1})
    return {row.values.get("_by"): {"values": int(row["values"]), "series": int(row["series"])} for row in rows}


def left_out(whole: FieldFigures, parts: Sequence[FieldFigures]) -> str | None:
    """What is to be said where a tag has more values than figures are given of."""
    left = whole.count - sum(each.count for each in parts)
    if len(parts) < MAX_PARTS or left <= 0 or parts[0].tag is None or parts[-1].tag is None:
        return None
    return (
        f"the tag {parts[0].tag.key!r} has more than {MAX_PARTS:,} values in {whole.measurement!r}: figures are of the "
        f"first ones, up to {parts[-1].tag.value!r}; {left:,} values of {whole.field!r} have others, which are looked "
        "at by --tag KEY=VALUE"
    )


def _order(part: Part) -> str:
    return part or ""


def _add_times(found: Found, question: FieldQuestion, accounts: dict[Part, dict[str, int]]) -> None:
    for part, ends in question.ask(questions.ENDS).items():
        first, last = int(ends["first"]), int(ends["last"])
        more = found[part]
        more |= {"first": rfc3339(first), "last": rfc3339(last)}
        if last > first:
            more["per_second"] = (accounts[part]["values"] - 1) / ((last - first) / 1e9)
            more["per_hour"] = more["per_second"] * 3600


def _add_numbers(found: Found, question: FieldQuestion, method: str) -> None:
    for flux in (questions.LIMITS, questions.NUMBERS):
        params = {"method": method} if flux is questions.NUMBERS else {}
        for part, results in question.ask(flux, **params).items():
            found[part] |= results


def _add_texts(found: Found, question: FieldQuestion, accounts: dict[Part, dict[str, int]]) -> None:
    empty, distinct = question.ask(questions.EMPTY_TEXTS), question.ask(questions.TEXTS)
    for part in accounts:
        without = distinct.get(part, {}).get("_result", 0)
        found[part]["distinct"] = without + (1 if part in empty else 0)
    if max((found[part]["distinct"] for part in accounts), default=0) > MAX_DISTINCT:
        return
    frequent = question.frequent()
    for part in accounts:
        texts = frequent.get(part, [])
        if part in empty:
            texts = [*texts, TextCount(text="", count=empty[part]["_result"])]
        best = sorted(texts, key=lambda each: (-each.count, each.text))
        found[part]["frequent"] = tuple(best[:MOST_FREQUENT])


def _add_gaps(found: Found, question: FieldQuestion, intervals: Found) -> None:
    limits = {part: int(result["median"] * question.gap_factor) for part, result in intervals.items()}
    if not limits:
        return
    longer = question.ask_gaps(limits)
    for part, result in intervals.items():
        longest, stop = int(result["longest"]), int(result["longest stop"])
        found[part]["gaps"] = Gaps(
            median_seconds=result["median"] / 1e9,
            longest_seconds=longest / 1e9,
            longest_start=rfc3339(stop - longest),
            factor=question.gap_factor,
            count=longer.get(part, {}).get("_result", 0),
        )


def _by_part(rows: Iterable[FluxRecord]) -> Found:
    found: Found = defaultdict(dict)
    for row in rows:
        if row["_value"] is None:
            continue  # of a table without values
        results = found[row.values.get("_by")]
        results[row["result"]] = row["_value"]
        if "_importer_stop" in row.values:
            results[f"{row['result']} stop"] = row["_importer_stop"]
    return dict(found)
