"""The mark that the importer keeps in a bucket's description.

Goes in: a description as the server stores it. Comes out: the user's own text and the mark, and back.
The mark is one bracketed JSON object at the very end::

    Tracks of the gulls [importer {"v":1,"role":"live","load_id":"…","target":"birds",…}]

The state of a load and of its swap lives there, in the server, so that a run from any machine can go
on with it. What only resembles a mark is the user's text.

Whether somebody wrote to a bucket since its load is told by the number of its values, not of its points:
the server counts the values of each field, and has no points apart from them, so that points could only be
counted by reading the whole bucket; and a field that was added to a point that exists is one more value, but
no more point. The number of points is kept for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

__all__ = ["DatabaseMapping", "Mark", "Owner", "Phase", "Role", "read", "write"]

Role = Literal["staging", "live", "old", "lock"]
Phase = Literal["loading", "swapping", "finishing", "done"]

OPENING = "[importer {"
# In JSON only a string can hold the opening, and there it may be written as an escape:
# so the last opening of a description is always the mark's own.
ESCAPED_OPENING = "\\u005bimporter {"


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that works on a bucket.

    Attributes:
        host: host name, for people.
        machine: equal for two processes only if their process ids mean the same.
        pid: process id.
    """

    host: str
    machine: str
    pid: int


@dataclass(frozen=True, slots=True)
class DatabaseMapping:
    """An explicit DBRP mapping: the database and retention policy that InfluxQL clients name.

    Attributes:
        database: its name.
        retention_policy: its name.
        default: whether the database's queries without a retention policy go here.
    """

    database: str
    retention_policy: str
    default: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """What the importer knows of a bucket.

    Attributes:
        role: ``staging`` is being loaded, ``live`` stands under the target's name, ``old`` was set aside by
            a swap, ``lock`` is an empty bucket that holds the target while a load appends to it.
        load_id: the load that this bucket belongs to; for ``old``: the load that set it aside.
        target: the name of the bucket that the load fills.
        phase: how far the load is. ``swapping`` means: complete, verified, about to take the name.
        since: when the load began, RFC 3339.
        owner: the process at work; None when nobody is.
        points: distinct points that the load stored; for ``old``: its own of before; None if not known.
        values: field values that the load stored; likewise.
        partner: id of the other bucket of a swap.
        mappings: explicit DBRP mappings that must exist again for the new bucket.
        keep_old: whether the old bucket is kept under another name.
        unasked: whether the old bucket is replaced without being asked for, and so is deleted only if it still
            holds the values that its own load had stored.
        origin_load_id: for ``old``: the load that had filled it; None if the importer had not made it.
        fitted_seconds: duration of the bucket's shard groups, where it was fitted to the data and chosen by nobody;
            for ``old``: its own.
        v: version of this format.
    """

    role: Role
    load_id: str
    target: str
    phase: Phase
    since: str = ""
    owner: Owner | None = None
    points: int | None = None
    values: int | None = None
    partner: str | None = None
    mappings: tuple[DatabaseMapping, ...] = ()
    keep_old: bool = False
    unasked: bool = False
    origin_load_id: str | None = None
    fitted_seconds: int | None = None
    v: Literal[1] = 1

    def begun_again(self) -> Mark:
        """That of the same load, before its swap and without an owner."""
        return Mark(
            self.role,
            self.load_id,
            self.target,
            phase="loading",
            since=self.since,
            fitted_seconds=self.fitted_seconds,
        )


_FORMAT = TypeAdapter(Mark)


def read(description: str | None) -> tuple[str, Mark | None]:
    """Part a description into the user's text and the mark.

    Args:
        description: as the server gives it; None where the bucket has none.

    Returns:
        The text, and the mark or None. A suffix that is not exactly a mark stays in the text.
    """
    text = description or ""
    start = text.rfind(OPENING)
    if start < 0 or not text.endswith("}]"):
        return text, None
    try:
        mark = _FORMAT.validate_json(text[start + len(OPENING) - 1 : -1], strict=True)
    except ValidationError:
        return text, None
    return text[:start].removesuffix(" "), mark


def write(text: str, mark: Mark | None) -> str:
    """The description that :func:`read` parts into `text` and `mark` again."""
    if mark is None:
        return text
    body = _FORMAT.dump_json(mark, exclude_none=True).decode().replace(OPENING, ESCAPED_OPENING)
    return f"{text} [importer {body}]" if text else f"[importer {body}]"
