"""Events: few enough, in order, with ids to come back with; nobody holds up a load."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest

from importer.jobs import events as module
from importer.jobs.events import Events


def progress(rows: int, phase: str = "load") -> dict[str, object]:
    return {"phase": phase, "rows": rows}


def rows_heard(events: Events, heard: list[int]) -> Callable[[], None]:
    """Notes the progress as somebody hears it who is never late."""
    known = events.after(None)[-1].id

    def wake() -> None:
        nonlocal known
        for event in events.after(known):
            known = event.id
            if event.kind == "progress":
                heard.append(json.loads(event.data)["rows"])

    return wake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: moment[0])
    return moment


def test_progress_comes_at_most_four_times_a_second_and_the_last_one_always(clock: list[float]) -> None:
    events = Events("run")
    events.tell("log", {"message": "begun"})
    heard: list[int] = []
    with events.listening(rows_heard(events, heard)):
        for rows in range(100):
            events.tell_progress(progress(rows))
            clock[0] += 0.01
        assert heard == [0, 25, 50, 75]
        events.tell_progress(progress(100, "verify"))
        events.tell_progress(progress(101, "verify"))
        events.tell("end", {})
    assert heard == [0, 25, 50, 75, 100, 101]
    assert [event.kind for event in events.after(None)] == ["log", "progress", "end"]


def test_who_comes_back_gets_what_came_after_and_of_the_progress_the_last_only(clock: list[float]) -> None:
    events = Events("run")
    for rows in range(3):
        events.tell_progress(progress(rows))
        clock[0] += 1
    events.tell("log", {"message": "x"})
    assert [event.id for event in events.after("run-1")] == ["run-3", "run-4"]
    assert [event.id for event in events.after("run-3")] == ["run-4"]
    assert events.after("run-4") == []
    for unknown in (None, "", "other-2", "run-x", "run-" + "9" * 50, "run-²"):
        assert [event.id for event in events.after(unknown)] == ["run-3", "run-4"]


def test_however_long_a_load_runs_who_comes_late_is_told_its_state(clock: list[float]) -> None:
    events = Events("run")
    events.tell("state", {"state": "running"})
    for rows in range(5_000):
        events.tell_progress(progress(rows))
        clock[0] += 1
    assert [event.kind for event in events.after(None)] == ["state", "progress"]


def test_only_the_last_ones_are_kept_however_slow_somebody_is() -> None:
    events = Events("run")
    for number in range(5_000):
        events.tell("log", {"number": number})
    found = events.after("run-1")
    assert len(found) == module.KEPT
    assert found[-1].id == "run-5000"


def test_nothing_comes_behind_the_end_and_listeners_are_woken_until_they_leave() -> None:
    events, woken = Events("run"), threading.Event()
    with events.listening(woken.set):
        events.tell("state", {})
        assert woken.is_set()
    woken.clear()
    events.tell("end", {})
    events.tell("log", {})
    events.tell_progress(progress(1))
    assert events.ended
    assert not woken.is_set()
    assert [event.kind for event in events.after(None)] == ["state", "end"]
