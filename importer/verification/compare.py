"""Compare what the server holds with what it should hold.

Goes in: the :class:`~importer.ledger.expectation.Expectation`. Comes out: :class:`Comparison`.

The whole time range that the server can store is asked: the windows in which values are expected, and the
gaps between them, in which there must be none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from importer.ledger.expectation import Expectation, FieldName
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.moments import as_text
from importer.server.connection import Server
from importer.verification.counting import count_by_window, count_distinct, count_values

__all__ = ["Comparison", "Difference", "compare"]

QUESTIONS_AT_ONCE = 2

VALUES_AT_ONCE = 4_000_000
"""In the windows of one question; the server counts so many in about half a second."""

TABLES_AT_ONCE = 30_000
"""Of one question: one for each series, field and window. Beyond, windows are counted one by one."""


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
            f"{measurement}.{field} from {_second(self.start_ns)} to {_second(self.stop_ns)}: "
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

    @property
    def too_few(self) -> tuple[Difference, ...]:
        """Those of the differences for which the server holds fewer values than it should."""
        return tuple(each for each in self.differences if each.stored < each.expected)

    @property
    def missing(self) -> int:
        """How many values the server does not hold."""
        return sum(each.expected - each.stored for each in self.too_few)


@dataclass(frozen=True, slots=True)
class _Window:
    """From when to when, and how many values of each field there should be; without a number, a gap."""

    number: int | None
    start_ns: int
    stop_ns: int
    expected: Counter[FieldName]


def compare(
    server: Server,
    bucket_id: str,
    expectation: Expectation,
    *,
    series: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Comparison:
    """Count what the server holds, window by window.

    A count that is too high is asked again in a way that the server's known error does not reach.

    Args:
        server: the connection.
        bucket_id: which bucket.
        expectation: what there should be.
        series: how many there are.
        progress: told the share that is done, 0 to 1.

    Raises:
        ServerError: the server did not answer.
    """
    stored: Counter[FieldName] = Counter()
    differences: list[Difference] = []

    def ask(window: _Window) -> tuple[Counter[FieldName], list[Difference]]:
        counted = count_values(server, bucket_id, window.start_ns, window.stop_ns)
        wrong = []
        for name in sorted(window.expected.keys() | counted.keys()):
            if counted[name] > window.expected[name]:
                counted[name] = count_distinct(server, bucket_id, name, window.start_ns, window.stop_ns)
            if counted[name] != window.expected[name]:
                wrong.append(Difference(name, window.start_ns, window.stop_ns, window.expected[name], counted[name]))
        return counted, wrong

    def ask_together(windows: Sequence[_Window]) -> tuple[Counter[FieldName], list[Difference]]:
        if len(windows) == 1:
            return ask(windows[0])
        bounds_ns = windows[0].start_ns, windows[-1].stop_ns
        counted = count_by_window(server, bucket_id, *bounds_ns, expectation.windows)
        found: Counter[FieldName] = Counter()
        wrong: list[Difference] = []
        for window in windows:
            if window.number is not None and counted.get(window.number) == window.expected:
                found.update(window.expected)
            else:
                again, differing = ask(window)
                found.update(again)
                wrong += differing
        return found, wrong

    windows = list(_windows(expectation))
    questions = list(_questions(windows, series))
    pool = ThreadPoolExecutor(QUESTIONS_AT_ONCE, "verify")
    done = 0
    try:
        for question, (counted, wrong) in zip(questions, pool.map(ask_together, questions), strict=True):
            stored.update(counted)
            differences += wrong
            done += len(question)
            progress(done / len(windows))
    finally:
        pool.shutdown(cancel_futures=True)  # an error or a stop asks no further question
    return Comparison(stored, tuple(differences))


def _windows(expectation: Expectation) -> Iterator[_Window]:
    """Windows that cover all of time: those with values, and what lies between them."""
    reached = MIN_TIME_NS
    for number in sorted(number for number, counter in expectation.counts.items() if counter.total()):
        start_ns, stop_ns = expectation.windows.bounds(number)
        if start_ns > reached:
            yield _Window(None, reached, start_ns, Counter())
        yield _Window(number, start_ns, stop_ns, +expectation.counts[number])
        reached = stop_ns
    if reached <= MAX_TIME_NS:
        yield _Window(None, reached, MAX_TIME_NS + 1, Counter())


def _questions(windows: Sequence[_Window], series: int) -> Iterator[list[_Window]]:
    """Windows that are asked for together: neighbours with values; gaps and the ends of time stand alone."""
    together: list[_Window] = []
    values = tables = 0
    for window in windows:
        more, wide = window.expected.total(), series * len(window.expected)
        alone = window.number is None or window.stop_ns > MAX_TIME_NS or window.start_ns == MIN_TIME_NS
        if together and (alone or values + more > VALUES_AT_ONCE or tables + wide > TABLES_AT_ONCE):
            yield together
            together, values, tables = [], 0, 0
        if alone:
            yield [window]
            continue
        together.append(window)
        values, tables = values + more, tables + wide
    if together:
        yield together


def _second(ns: int) -> str:
    return as_text(ns - ns % 10**9)
