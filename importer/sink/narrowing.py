"""Find the very points that the server refuses, while all others are written.

A 400 lists the lines that cannot be parsed, and nothing of the batch is stored. A 422 names one reason; the
others of the batch are stored. Its count is right within one shard group only, so the batch is cut at the
borders of shard groups first, and halved along time from there: what conflicts there lies together. A 413 takes
nothing of the batch, which is halved until it is small enough. Wherever it is cut, the points of a key stay together.
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
from importer.limits import TOO_OLD, shard_group_numbers
from importer.records import Refusal

__all__ = ["Narrowing"]

Rows = npt.NDArray[np.int64]

_UNPARSED = "unable to parse '"
_DROPPED = re.compile(r"dropped=(\d+)")
_ESCAPED = re.compile(r'\\(["\\])')
_FIELD = re.compile(r'input field "((?:[^"\\]|\\.)*)"')


class Narrowing:
    """Writes rows, and on a refusal narrows it down.

    Args:
        frame: of :class:`~importer.records.Lines`.
        shard_seconds: shard group duration of the bucket.
        post: sends a body of so many lines; raises what the server answers.
        most: stop looking after so many refusals, because the load is lost then anyway; None: never.
        is_too_large: whether a body of so many bytes need not be sent, because it would be answered by 413.

    Attributes:
        refusals: what the server refused.
        unsent: rows that were not looked at any more.
    """

    def __init__(
        self,
        frame: pl.DataFrame,
        shard_seconds: int,
        post: Callable[[bytes, int], None],
        most: int | None,
        *,
        is_too_large: Callable[[int], bool],
    ) -> None:
        self._lines = frame["line"]
        self._series = frame["series"].to_numpy()
        self._times = frame["time"].to_numpy()
        self._groups = shard_group_numbers(self._times, shard_seconds * 10**9)
        self._post = post
        self._most = most
        self._is_too_large = is_too_large
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
            self._send(rows)
        except MalformedLinesError as error:
            self._without_malformed(rows, error)
        except PartialWriteError as error:
            self._halve_along_time(rows, error)
        except PayloadTooLargeError as error:
            if len(rows) == 1:
                self._refuse(rows, error)
            else:
                self._write_halves(rows)

    def _send(self, rows: Rows) -> None:
        text = body(self._lines_of(rows))
        if len(rows) > 1 and self._is_too_large(len(text)):
            raise PayloadTooLargeError(f"the server takes no {len(text):,} bytes", status=413)
        self._post(text, len(rows))

    def _write_halves(self, rows: Rows) -> None:
        middle = self._key_border(rows)
        self.write(rows[:middle])
        self.write(rows[middle:])

    def _key_border(self, rows: Rows) -> int:
        """Where, next to the middle, another key begins; in rows of one key alone, the middle.

        A late repetition of one half must not bring back an earlier value of what is in the other.
        """
        series, times, middle = self._series[rows], self._times[rows], len(rows) // 2
        borders = 1 + np.flatnonzero((series[1:] != series[:-1]) | (times[1:] != times[:-1]))
        return int(borders[np.abs(borders - middle).argmin()]) if len(borders) else middle

    def _lines_of(self, rows: Rows) -> pl.Series:
        is_one_piece = bool((rows[1:] - rows[:-1] == 1).all())
        return self._lines.slice(int(rows[0]), len(rows)) if is_one_piece else self._lines.gather(rows)

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
            self._write_halves(rows)

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
            cut = self._key_border(along_time)
        yield along_time[:cut]
        yield along_time[cut:]

    def _with_field(self, rows: Rows, field: str) -> npt.NDArray[np.bool_]:
        found = self._lines.gather(rows).str.contains(escape_key(field) + "=", literal=True).to_numpy()
        return found if field and found.any() else np.ones(len(rows), dtype=bool)

    def _refuse(self, rows: Rows, error: RequestRefusedError) -> None:
        reason = TOO_OLD if "outside retention policy" in str(error) else str(error)
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
