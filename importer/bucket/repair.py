"""Going on with swaps that were interrupted: run at the beginning of every load, for all targets.

Goes in: the server. Comes out: buckets as if nothing had happened, a line for each that was healed, and the
lines that ask something of the user.
A load that is alive is left alone; healing twice does no more than healing once.

    =========================================  ==========================================================
    what the crash left                        what is done
    =========================================  ==========================================================
    staging complete, old bucket in its place  the swap had not begun: it is an unfinished load again
    staging complete, target's name free       the swap is completed
    new bucket in place, ``finishing``         it is finished: labels, mappings, the old bucket
    old bucket set aside, no new one           it gets its name, text and mark back
    =========================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.holding import HeldBucket, is_alive
from importer.bucket.mark import Mark
from importer.bucket.swap import complete, retire
from importer.errors import LoadError, LoadInterruptedError, NotFoundError
from importer.server.connection import Server

__all__ = ["repair"]

Say = Callable[[str], None]


def repair(server: Server, target: str | None = None, *, say: Say) -> list[str]:
    """Heal what interrupted swaps have left.

    A server that is away is waited for as long as its patience (:attr:`Server.patience`) says.

    Args:
        server: the connection.
        target: only this bucket's; None looks at all.
        say: takes a line for the user about each bucket that was healed, or could not be.

    Returns:
        Those of the lines that ask something of the user, or warn of what could not be carried over.

    Raises:
        ServerError: the server refused, or did not answer; what was begun can be repaired again.
    """
    healing = _Healing(server, say)
    for bucket in _marked(server, target):
        mark = bucket.mark
        if mark is None or is_alive(bucket):
            continue
        if mark.role == "live" and mark.phase == "finishing":
            healing.go_on(bucket, mark)
        elif mark.role == "staging" and mark.phase == "swapping":
            healing.staging(bucket, mark)
    # Only now: what is still set aside has no bucket that is about to take its place.
    for bucket in _marked(server, target):
        if bucket.mark is not None and bucket.mark.role == "old":
            healing.aside(bucket, bucket.mark)
    return healing.open_ends


def _marked(server: Server, target: str | None) -> list[Bucket]:
    return [
        bucket
        for bucket in server.patiently(lambda: list(catalogue.all_buckets(server)))
        if bucket.mark is not None and target in {None, bucket.mark.target}
    ]


@dataclass(frozen=True, slots=True)
class _Healing:
    """What is done for each kind of bucket that a crash leaves.

    Attributes:
        server: the connection.
        say: takes a line for the user.
        open_ends: the lines that ask something of the user.
    """

    server: Server
    say: Say
    open_ends: list[str] = field(default_factory=list)

    def staging(self, staging: Bucket, mark: Mark) -> None:
        """A staging bucket that is complete: put it in place, or remove it."""
        in_place = self._find(mark.target)
        if in_place is None:
            self.go_on(staging, mark)
            return
        partner = self._get(mark.partner)
        if partner is None or partner.id == in_place.id:
            again = mark.begun_again()
            text = staging.settings.text
            self.server.patiently(lambda: catalogue.update(self.server, staging.id, text, again))
            self.say(
                f"the load {mark.load_id} was interrupted before it replaced {mark.target!r}: that bucket is as it "
                "was; what was staged can be gone on with by --resume, and the next load without it removes it"
            )
            return
        self._ask(
            f"another bucket took the name {mark.target!r} while the load {mark.load_id} replaced it: the new "
            f"data are in {staging.name!r}, the old in {partner.name!r}; rename or delete {mark.target!r}"
        )

    def go_on(self, bucket: Bucket, mark: Mark) -> None:
        """A swap that can be completed: complete it."""
        try:
            held = self.server.patiently(lambda: HeldBucket.claim(self.server, bucket, mark))
        except NotFoundError:
            return  # another load was faster
        try:
            warnings = complete(self.server, held, lambda _step: None)
        except LoadInterruptedError:
            raise
        except LoadError as error:
            if not held.lost.is_set():
                self._ask(str(error))
            return  # lost: another load is at it
        finally:
            held.stop()
        self.say(f"completed the load {mark.load_id} of {mark.target!r}, which was interrupted in its last steps")
        self._ask(*warnings)

    def aside(self, old: Bucket, mark: Mark) -> None:
        """A bucket that was set aside: retire it, or give it its name back."""
        partner = self._get(mark.partner)
        if partner is not None and is_alive(partner):
            return
        in_place = self._find(mark.target)
        if in_place is not None and partner is not None and in_place.id == partner.id:
            warnings = retire(self.server, old)
            self.say(f"finished the replacement of {mark.target!r} by the load {mark.load_id}")
            self._ask(*warnings)
            return
        if partner is not None and _is_staged(partner):
            return
        if in_place is not None:
            self._ask(
                f"{old.name!r} holds what was in {mark.target!r} before the load {mark.load_id}, but another "
                "bucket has that name now; rename or delete one of them"
            )
            return
        before = _mark_of_before(mark)
        try:
            self.server.patiently(lambda: catalogue.update(self.server, old.id, old.settings.text, before, mark.target))
        except (NameTakenError, NotFoundError):
            return  # another load was faster
        self.say(f"gave {mark.target!r} its name back: the bucket that was to replace it is gone")

    def _ask(self, *lines: str) -> None:
        for line in lines:
            self.say(line)
            self.open_ends.append(line)

    def _find(self, name: str) -> Bucket | None:
        return self.server.patiently(lambda: catalogue.find(self.server, name))

    def _get(self, bucket_id: str | None) -> Bucket | None:
        return self.server.patiently(lambda: catalogue.get(self.server, bucket_id)) if bucket_id else None


def _is_staged(partner: Bucket) -> bool:
    return partner.mark is not None and partner.mark.phase == "swapping"


def _mark_of_before(mark: Mark) -> Mark | None:
    if mark.origin_load_id is None:
        return None
    return Mark(
        role="live",
        load_id=mark.origin_load_id,
        target=mark.target,
        phase="done",
        points=mark.points,
        values=mark.values,
        fitted_seconds=mark.fitted_seconds,
    )
