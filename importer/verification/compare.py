"""Compare what the server holds with what it should hold.

Goes in: the :class:`~importer.ledger.expectation.Expectation`. Comes out: :class:`Comparison`.

The whole time range that the server can store is asked: the windows in which values are expected, and the
gaps between them, in which there must be none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from importer.ledger.expectation import Expectation, FieldName
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Server
from importer.verification.counting import count_distinct, count_values

__all__ = ["Comparison", "Difference", "compare"]

QUESTIONS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """A field and a window for which the server holds another number of values than it should."""

    name: FieldName
    start_ns: int
    stop_ns: int
    expected: int
    stored: int

    def __str__(self) -> str:
        measurement, field = self.name
        return (
            f"{measurement}.{field} from {_day(self.start_ns)} to {_day(self.stop_ns)}: "
            f"{self.stored:,} values stored, {self.expected:,} expected"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the server holds.

    Attributes:
        stored: values of each field.
        differences: what is not as it should be; empty if all has arrived.
    """

    stored: Counter[FieldName]
    differences: tuple[Difference, ...]


def compare(
    server: Server,
    bucket_id: str,
    expectation: Expectation,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> Comparison:
    """Count what the server holds, window by window.

    A count that is too high is asked again in a way that the server's known error does not reach.

    Args:
        server: the connection.
        bucket_id: which bucket.
        expectation: what there should be.
        progress: told the share that is done, 0 to 1.

    Raises:
        ServerError: the server did not answer.
    """
    stored: Counter[FieldName] = Counter()
    differences: list[Difference] = []

    def ask(window: tuple[int, int, Counter[FieldName]]) -> tuple[Counter[FieldName], list[Difference]]:
        start_ns, stop_ns, expected = window
        counted = count_values(server, bucket_id, start_ns, stop_ns)
        wrong = []
        for name in sorted(expected.keys() | counted.keys()):
            if counted[name] > expected[name]:
                counted[name] = count_distinct(server, bucket_id, name, start_ns, stop_ns)
            if counted[name] != expected[name]:
                wrong.append(Difference(name, start_ns, stop_ns, expected[name], counted[name]))
        return counted, wrong

    windows = list(_windows(expectation))
    pool = ThreadPoolExecutor(QUESTIONS_AT_ONCE, "verify")
    try:
        for done, (counted, wrong) in enumerate(pool.map(ask, windows), start=1):
            stored.update(counted)
            differences += wrong
            progress(done / len(windows))
    finally:
        pool.shutdown(cancel_futures=True)  # an error or a stop asks no further question
    return Comparison(stored, tuple(differences))


def _windows(expectation: Expectation) -> Iterator[tuple[int, int, Counter[FieldName]]]:
    """Windows that cover all of time: those with values, and what lies between them."""
    reached = MIN_TIME_NS
    for number in sorted(number for number, counter in expectation.counts.items() if counter.total()):
        start_ns, stop_ns = expectation.windows.bounds(number)
        if start_ns > reached:
            yield reached, start_ns, Counter()
        yield start_ns, stop_ns, +expectation.counts[number]
        reached = stop_ns
    if reached <= MAX_TIME_NS:
        yield reached, MAX_TIME_NS + 1, Counter()


def _day(ns: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ns // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
