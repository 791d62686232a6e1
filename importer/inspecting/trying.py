"""The proposal tried on all rows, and its tags changed where that keeps more of them.

Goes in: what was chosen. Comes out: :class:`Tried`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from importer.errors import ConfigurationError
from importer.inspecting.choosing_roles import Role, Roles, is_tag_like
from importer.inspecting.trial import MOST_SERIES, Trial
from importer.mapping.spec import Mapping

__all__ = ["Tried", "tried"]

MANY_SERIES = 100_000
MOST_TRIALS = 4


@dataclass(frozen=True, slots=True)
class Tried:
    """A proposal.

    Attributes:
        mapping: the proposal.
        keys: of tags and fields, by column.
        trial: what became of the rows.
    """

    mapping: Mapping
    keys: dict[str, str]
    trial: Trial

    @property
    def lost(self) -> int:
        """Rows whose values would be lost."""
        return self.trial.duplicates.kinds["overwritten"]


def tried(roles: Roles, attempt: Callable[[], Tried], *, may_change: bool) -> Tried:
    """The mapping under which the fewest values take each other's place, without too many series.

    Args:
        roles: what each column becomes; changed as the proposal is.
        attempt: proposes what the roles say, and tries it.
        may_change: the user does not say which the tags are.

    Raises:
        ConfigurationError: there are too many series, whatever is done.
    """
    best, looked_at = attempt(), set[str]()
    for _ in range(MOST_TRIALS if may_change else 0):
        if best.trial.too_many_series or best.trial.series > MANY_SERIES:
            tag = max(roles.of("tag"), key=lambda role: role.facts.values.number)
            tag.role, tag.why = "field", "as a tag it would make too many series"
            looked_at.add(tag.facts.name)
            best = attempt()
            continue
        apart = _telling_apart(roles, best.trial, looked_at) if best.lost else None
        if apart is None:
            break
        looked_at.add(apart.facts.name)
        why = apart.why
        apart.role, apart.why = "tag", "keeps rows of one instant apart"
        other = attempt()
        if other.trial.too_many_series or other.lost >= best.lost:
            apart.role, apart.why = "field", why
        else:
            best = other
    if best.trial.too_many_series:
        raise ConfigurationError(
            f"the tags make more than {MOST_SERIES:,} series: name fewer of them by --tag; others become fields"
        )
    return best


def _telling_apart(roles: Roles, trial: Trial, looked_at: Collection[str]) -> Role | None:
    """A field that could be a tag, the likeliest to tell colliding rows apart."""
    fields = [role for role in roles.of("field") if role.facts.name not in looked_at and is_tag_like(role)]
    if len(roles.of("field")) < 2:  # noqa: PLR2004 - one must stay
        return None
    hint = trial.duplicates.tag_hint
    return min(fields, key=lambda role: (role.facts.name != hint, role.facts.values.number), default=None)
