"""The log of a load as events of its job.

A load logs from its own thread, and warns from those of its writers; what comes from another one is the job's only
where no other job runs at that moment.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from importer.jobs.events import Events
from importer.jobs.naming import Hidden
from importer.server.secret import redacted

__all__ = ["told_as_events"]

_OTHERS = (
    "importer.access",
    "importer.service",
    "importer.jobs",
    "importer.timeseries",
    "importer.waves",
    "importer.caching",
)
_LONGEST = 2_000


class _Teller(logging.Handler):
    def __init__(self, events: Events, hidden: Hidden, alone: Callable[[], bool]) -> None:
        super().__init__(logging.INFO)
        self._events, self._hidden, self._alone = events, hidden, alone
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OTHERS):
            return
        if record.thread != self._thread and not (record.levelno >= logging.WARNING and self._alone()):
            return
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = redacted(self._hidden.text(record.getMessage()))[:_LONGEST]
        self._events.tell("log", {"time": moment, "level": record.levelname.lower(), "message": message})


@contextmanager
def told_as_events(events: Events, hidden: Hidden, *, alone: Callable[[], bool]) -> Iterator[None]:
    """While this lasts, what the load of this thread logs is told to who listens to its job.

    Args:
        events: of the job.
        hidden: what is taken out of messages.
        alone: whether no other job runs.
    """
    teller, logger = _Teller(events, hidden, alone), logging.getLogger("importer")
    logger.addHandler(teller)
    try:
        yield
    finally:
        logger.removeHandler(teller)
