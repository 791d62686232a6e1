"""Events: few enough, in order, with ids to come back with; nobody holds up a load."""

from __future__ import annotations

import json
import threading

import pytest

from importer.jobs import events as module
from importer.jobs.events import Events


def progress(rows: int, phase: str = "load") -> dict[str, object]:
    return {"phase": phase, "rows": rows}


def rows_of(events: Events, known: str | None = "run-0") -> list[int]:
    return [json.loads(event.data)["rows"] for event in events.after(known) if event.kind == "progress"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moment = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: moment[0])
    return moment


def test_progress_comes_at_most_four_times_a_second_and_the_last_one_always(clock: list[float]) -> None:
    events = Events("run")
    events.tell("log", {"message": "begun"})
    for rows in range(100):
        events.tell_progress(progress(rows))
        clock[0] += 0.01
    first = events.after(None)[0].id
    assert rows_of(events, first) == [0, 25, 50, 75]
    events.tell_progress(progress(100, "verify"))
    events.tell_progress(progress(101, "verify"))
    events.tell("end", {})
    assert rows_of(events, first) == [0, 25, 50, 75, 100, 101]
    assert [event.kind for event in events.after(first)][-1] == "end"


def test_who_comes_back_gets_what_came_after_and_who_is_new_the_last_progress_only(clock: list[float]) -> None:
    events = Events("run")
    for rows in range(3):
        events.tell_progress(progress(rows))
        clock[0] += 1
    events.tell("log", {"message": "x"})
    ids = [event.id for event in events.after("run-1")]
    assert ids == ["run-2", "run-3", "run-4"]
    assert events.after("run-4") == []
    for unknown in (None, "", "other-2", "run-x", "run-" + "9" * 50, "run-²"):
        assert [event.id for event in events.after(unknown)] == ["run-3", "run-4"]


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
