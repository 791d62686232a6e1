"""Processes of clients, at the end that leads them: one process could not send as much as a service can answer.

Goes in: a plan, then steps. Comes out: what all clients of a step counted.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Final, Self

from importer.errors import ImporterError
from importer.stress.clients import Plan
from importer.stress.records import Mix, Route
from importer.stress.tally import Tally

__all__ = ["Counted", "Processes"]

GRACE_SECONDS: Final = 30.0
"""Beyond what a step takes, until a process that says nothing is given up."""
LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Counted:
    """What the clients of a step counted.

    Attributes:
        seconds: from the first request to the last answer.
        cpu_seconds: of all processes.
        busy: share of its time that the busiest process used the processor.
        tallies: by route.
    """

    seconds: float
    cpu_seconds: float
    busy: float
    tallies: dict[Route, Tally]


class Processes:
    """Some processes of clients; they end with the ``with`` block.

    Args:
        plan: of the run.
        number: of processes.
        stop: set, a step ends early.
    """

    def __init__(self, plan: Plan, number: int, stop: threading.Event) -> None:
        self._plan = plan
        self._stop = stop
        self._all = [_Process(plan) for _ in range(number)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._all:
            process.close()

    def step(self, mix: Mix, clients: int, seconds: float) -> Counted:
        """Let so many clients work for so long.

        Raises:
            ImporterError: a process ended by itself, or hangs.
        """
        shares = [list(range(first, clients, len(self._all))) for first in range(len(self._all))]
        working = [(process, share) for process, share in zip(self._all, shares, strict=True) if share]
        for process, share in working:
            process.tell({"mix": mix, "clients": share, "seconds": seconds, "of_all": clients})
        patience = GRACE_SECONDS + self._plan.timeout_seconds
        for process, _ in working:
            process.answer(patience, None)
        for process, _ in working:
            process.tell("go")
        answers = [process.answer(seconds + patience, self._stop) for process, _ in working]
        for process, _ in working:
            process.tell("done")
        tallies: dict[Route, Tally] = defaultdict(Tally)
        for answer in answers:
            for route, told in answer["routes"].items():
                tallies[route].merge(Tally.from_json(told))
        return Counted(
            seconds=max(answer["seconds"] for answer in answers),
            cpu_seconds=sum(answer["cpu_seconds"] for answer in answers),
            busy=max(answer["cpu_seconds"] / answer["seconds"] for answer in answers),
            tallies=dict(tallies),
        )


class _Process:
    """One of them.

    Args:
        plan: of the run.
    """

    def __init__(self, plan: Plan) -> None:
        secrets = {name for name in os.environ if "TOKEN" in name or "PASSWORD" in name}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "importer.stress.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # What was put on the path by hand is on the path there, too.
            env={name: text for name, text in os.environ.items() if name not in secrets}
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C is the run's matter
        )
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self._has_been_told_to_stop = False
        self.tell(asdict(plan))

    def tell(self, message: Any) -> None:
        """Send a line, which no argument shows to others: it may hold the token."""
        if self._process.stdin is None or self._has_been_told_to_stop:
            return
        with suppress(BrokenPipeError):  # that it has ended is found out when it is to answer
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def answer(self, patience_seconds: float, stop: threading.Event | None) -> Any:
        """What it says next.

        Args:
            patience_seconds: how long it may take.
            stop: set, it is told to end its step early.

        Raises:
            ImporterError: it has ended, or says nothing.
        """
        waited = 0.0
        while waited < patience_seconds:
            try:
                line = self._answers.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                waited += LOOK_SECONDS
                if stop is not None and stop.is_set():
                    self.tell("stop")
                    self._has_been_told_to_stop = True
                continue
            if line is None:
                raise ImporterError(
                    f"a process of clients ended by itself, with exit code {self._process.wait()}: what it wrote above "
                    "says why"
                )
            return json.loads(line)
        raise ImporterError("a process of clients says nothing any more: choose fewer clients, or more processes")

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(LOOK_SECONDS * 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                self._answers.put(line)
        self._answers.put(None)
