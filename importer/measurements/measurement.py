"""The class that a program's own measurements are derived from."""

from __future__ import annotations

import copy
import datetime as dt
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Self, SupportsIndex, TypeVar, cast

from importer.records import FieldType

__all__ = ["FieldValue", "Measurement", "TagValue", "made_ns"]

FieldValue = float | int | bool | str | Decimal | None
TagValue = str | int | None

LARGEST_STEP_BACK_NS = 10**9
_MADE = "_importer_made_ns"


class _RisingClock:
    """Nanoseconds since 1970 UTC, no two of this process the same, however coarse the system's clock is.

    A clock that is set back by more than a second is followed: times that are wrong by that much would be worse.
    """

    def __init__(self) -> None:
        self._last_ns = 0
        self._lock = threading.Lock()

    def now_ns(self) -> int:
        with self._lock:
            now_ns = time.time_ns()
            if 0 <= self._last_ns - now_ns < LARGEST_STEP_BACK_NS:
                now_ns = self._last_ns + 1
            self._last_ns = now_ns
            return now_ns


_clock = _RisingClock()


class Measurement(ABC):
    """One measurement: a subclass says what it is called, and gives its tags and fields.

    ::

        @dataclass
        class Climate(Measurement):
            name = "climate"
            room: str
            celsius: float

            def tags(self):
                return {"room": self.room}

            def fields(self):
                return {"celsius": self.celsius}

    Attributes:
        name: the measurement's name in InfluxDB: of the class, or of the object.
        field_types: the types of fields, by key, where they are to be fixed (``float``, ``integer``, ``unsigned``,
            ``boolean``, ``string``): a field of type float takes whole numbers, too. The type of any other field is
            that which the bucket has already, or else that of its first value.
        time: when it was measured: a datetime with a zone, ns since 1970 UTC, or ISO 8601. Where a subclass does not
            set it, or sets it to None, it is when the object was made, or copied. No two objects of a process are made
            at the same nanosecond, so that none overwrites another in its series; with times of your own, the last one
            written wins. One that is pickled keeps its time.
    """

    name: str
    field_types: ClassVar[Mapping[str, FieldType]] = {}
    time: dt.datetime | int | str | None

    def __new__(cls, *_: Any, **__: Any) -> Self:  # noqa: D102 - a subclass need not call the constructor
        made = super().__new__(cls)
        # Behind the back of what a subclass may have: a property, slots, frozen fields.
        now_ns = _clock.now_ns()
        vars(made).update({_MADE: now_ns, "time": now_ns})
        return made

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """As the standard library takes it apart, and its time, of which a subclass's own state need not know."""
        make, arguments, *rest = cast("tuple[Any, ...]", super().__reduce_ex__(protocol))
        times = {name: vars(self)[name] for name in (_MADE, "time") if name in vars(self)}
        return _made_at, (times, make, arguments), *rest

    def __copy__(self) -> Self:
        """Another measurement, made now: as the same one it would overwrite what it was copied from."""
        return _another(self, lambda part: part, lambda _: None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Likewise."""
        return _another(self, lambda part: copy.deepcopy(part, memo), lambda made: memo.__setitem__(id(self), made))

    @abstractmethod
    def tags(self) -> Mapping[str, TagValue]:
        """What tells its series from others: texts or whole numbers, by key; None is no tag."""

    @abstractmethod
    def fields(self) -> Mapping[str, FieldValue]:
        """What was measured, by key; None is no field. At least one has a value."""


def made_ns(measurement: Measurement) -> int:
    """When an object was made, ns since 1970 UTC."""
    made: int = vars(measurement)[_MADE]
    return made


M = TypeVar("M", bound=Measurement)


def _made_at(times: dict[str, Any], make: Callable[..., M], arguments: tuple[Any, ...]) -> M:
    """An object as it was made elsewhere, or before."""
    made = make(*arguments)
    vars(made).update(times)
    return made


def _another(measurement: M, copied: Callable[[Any], Any], note: Callable[[M], object]) -> M:
    """A copy as the standard library makes it, but for its time, if that is when it was made.

    Args:
        measurement: what is copied.
        copied: copies a part of it.
        note: is told of the copy before its parts are copied, which may lead back to it.
    """
    make, arguments, *rest = measurement.__reduce_ex__(4)
    made: M = make(*copied(arguments))
    note(made)
    state = copied(rest[0]) if rest else None
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        attributes, slots = state if isinstance(state, tuple) else (state, None)
        vars(made).update(attributes or {})
        for name, value in (slots or {}).items():
            object.__setattr__(made, name, value)  # frozen or not
    own, now_ns = vars(made), _clock.now_ns()
    if own.get("time") == own[_MADE]:
        own["time"] = now_ns
    own[_MADE] = now_ns
    return made
