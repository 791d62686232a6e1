"""Find the very points that the server refuses, while all others are written.

A 400 lists the lines that cannot be parsed, and nothing of the batch is stored. A 422 names one reason; the
others of the batch are stored. Its count is right within one shard group only, so the batch is cut at the
borders of shard groups first, and halved along time from there: what conflicts there lies together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.encoding.escaping import escape_key
from importer.encoding.line_protocol import body
from importer.errors import MalformedLinesError, PartialWriteError, PayloadTooLargeError, RequestRefusedError
from importer.limits import shard_group_offset_ns
from importer.records import Refusal

__all__ = ["Narrowing"]

Rows = npt.NDArray[np.int64]

_TOO_OLD = (
    "older than the bucket keeps points: load with a longer --retention (0 keeps them for ever; "
    "without it, a bucket's retention is carried over)"
)
_UNPARSED = "unable to parse '"
_DROPPED = re.compile(r"dropped=(\d+)")
_ESCAPED = re.compile(r'\\(["\\])')
_FIELD = re.compile(r'input field "((?:[^"\\]|\\.)*)"')


class Narrowing:
    """Writes rows, and on a refusal narrows it down.

    Args:
        lines: line protocol of each row (String).
        times_ns: timestamp of each row.
        shard_seconds: shard group duration of the bucket.
        post: sends the body; raises what the server answers.
        most: stop looking after so many refusals, because the load is lost then anyway; None: never.

    Attributes:
        refusals: what the server refused.
        unsent: rows that were not looked at any more.
    """

    def __init__(
        self,
        lines: pl.Series,
        times_ns: npt.NDArray[np.int64],
        shard_seconds: int,
        post: Callable[[bytes], None],
        most: int | None,
    ) -> None:
        self._lines = lines
        self._groups = _shard_groups(times_ns, shard_seconds * 10**9)
        self._times = times_ns
        self._post = post
        self._most = most
        self.refusals: list[Refusal] = []
        self.unsent: list[int] = []

    def write(self, rows: Rows) -> None:
        """Write rows, in the order given; afterwards :attr:`refusals` and :attr:`unsent` tell which are not stored.

        Raises:
            ServerError: anything but a refusal of lines.
        """
        if not len(rows):
            return
        if self._most is not None and len(self.refusals) > self._most:
            self.unsent += rows.tolist()
            return
        try:
            self._post(body(self._lines.gather(rows)))
        except MalformedLinesError as error:
            self._without_malformed(rows, error)
        except PartialWriteError as error:
            self._halve_along_time(rows, error)
        except PayloadTooLargeError as error:
            if len(rows) == 1:
                self._refuse(rows, error)
                return
            middle = len(rows) // 2
            self.write(rows[:middle])
            self.write(rows[middle:])

    def _without_malformed(self, rows: Rows, error: MalformedLinesError) -> None:
        reasons = _unparsed(str(error))
        bad = self._lines.gather(rows).is_in(list(reasons)).to_numpy()
        if bad.any():
            for row in rows[bad]:
                self.refusals.append(Refusal(int(row), "", reasons[self._lines[int(row)]]))
            self.write(rows[~bad])
        elif len(rows) == 1:
            self._refuse(rows, error)
        else:
            middle = len(rows) // 2
            self.write(rows[:middle])
            self.write(rows[middle:])

    def _halve_along_time(self, rows: Rows, error: PartialWriteError) -> None:
        dropped = _DROPPED.search(str(error))
        groups = self._groups[rows]
        one_group = bool((groups == groups[0]).all())
        if len(rows) == 1:
            self._refuse(rows, error)
            return
        if one_group and dropped and int(dropped.group(1)) == len(rows):
            # All are refused, but only one reason is named: the others may have one of their own.
            named = self._with_field(rows, _field(error))
            self._refuse(rows[named], error)
            self.write(rows[~named])
            return
        for part in self._parts(rows, one_group=one_group):
            self.write(part)

    def _parts(self, rows: Rows, *, one_group: bool) -> Iterator[Rows]:
        """Two halves of the rows along time, whole shard groups as long as there are several.

        The rows of a key keep their order, so the last one still wins.
        """
        along_time = rows[np.argsort(self._times[rows], kind="stable")]
        values = self._times[along_time] if one_group else self._groups[along_time]
        middle = len(along_time) // 2
        cut = int(np.searchsorted(values, values[middle], side="left"))
        if cut == 0:
            cut = int(np.searchsorted(values, values[0], side="right"))
        if cut == len(along_time):
            cut = middle
        yield along_time[:cut]
        yield along_time[cut:]

    def _with_field(self, rows: Rows, field: str) -> npt.NDArray[np.bool_]:
        found = self._lines.gather(rows).str.contains(escape_key(field) + "=", literal=True).to_numpy()
        return found if field and found.any() else np.ones(len(rows), dtype=bool)

    def _refuse(self, rows: Rows, error: RequestRefusedError) -> None:
        reason = _TOO_OLD if "outside retention policy" in str(error) else str(error)
        self.refusals += [Refusal(int(row), _field(error), reason) for row in rows]


def _unparsed(message: str) -> dict[str, str]:
    """The reasons by the lines that a 400 lists; a line may hold line breaks within quotes."""
    _, _, listed = message.partition(_UNPARSED)
    parted = (item.rpartition("': ") for item in listed.split("\n" + _UNPARSED))
    return {line: reason for line, mark, reason in parted if mark}


def _field(error: RequestRefusedError) -> str:
    """The field key that a 422 names (quoted as Go does it), or nothing."""
    named = _FIELD.search(str(error))
    return _ESCAPED.sub(r"\1", named.group(1)) if named else ""


def _shard_groups(times_ns: Rows, duration_ns: int) -> Rows:
    quotient = times_ns // duration_ns
    return quotient - ((times_ns - quotient * duration_ns) < shard_group_offset_ns(duration_ns))
