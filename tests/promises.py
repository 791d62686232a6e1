"""The marker ``promise``: which fault a test is about, what happens then, and what the user sees.

Goes in: the tests that pytest has collected. Comes out: :class:`Promise`, one for each fault. A parametrised test is
one test; several tests may bear the same fault, of which one says what is promised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

WORDS = {"fault", "promise", "seen"}


@dataclass(frozen=True)
class Promise:
    """A row of the table of promises.

    Attributes:
        fault: what goes wrong.
        promise: what happens then.
        seen: what the user sees.
        tests: what shows it, such as ``tests/faults/test_forged.py::test_one``.
    """

    fault: str
    promise: str
    seen: str
    tests: tuple[str, ...]


def promises(items: Iterable[pytest.Item]) -> list[Promise]:
    """The rows, by their first tests.

    Raises:
        ValueError: a marker lacks its fault or has other words, or of the tests of a fault none says what is
            promised, or two say it differently.
    """
    said: dict[str, set[tuple[str, str]]] = {}
    tests: dict[str, dict[str, None]] = {}
    for item in items:
        test = item.nodeid.partition("[")[0]
        for marker in item.iter_markers("promise"):
            words = marker.kwargs
            if marker.args or "fault" not in words or words.keys() not in (WORDS, {"fault"}):
                raise ValueError(f"{test}: a promise has fault, promise and seen, or the fault alone")
            fault = words["fault"]
            tests.setdefault(fault, {})[test] = None
            if "promise" in words:
                said.setdefault(fault, set()).add((words["promise"], words["seen"]))
    for fault, names in tests.items():
        if len(said.get(fault, ())) != 1:
            raise ValueError(f"what is promised for {fault!r} is to be said once, in one of: {', '.join(names)}")
    return sorted(
        (Promise(fault, *next(iter(said[fault])), tuple(names)) for fault, names in tests.items()),
        key=lambda promise: (promise.tests[0].rpartition("::")[0], promise.fault),
    )
