"""How a load ends that broke off: left for another run to go on with, taken back, or complete all the same.

Goes in: the bucket, the accounts, and the error. Comes out: whether the data are in place.
"""

from __future__ import annotations

import logging

from importer.bucket import Target
from importer.errors import (
    AuthorizationError,
    BuildBrokenOffError,
    ConfigurationError,
    ImporterError,
    LoadError,
    LoadInterruptedError,
    ServerError,
    SpoolError,
    TransientServerError,
)
from importer.ledger.closing import Closing
from importer.resuming import Accounts

__all__ = ["is_in_place_after"]

log = logging.getLogger(__name__)

PASSING = (
    AuthorizationError,
    BuildBrokenOffError,
    KeyboardInterrupt,
    LoadInterruptedError,
    SpoolError,
    TransientServerError,
)
"""What ends a run, but not the load: the reason may have gone when another run goes on with it."""


def is_in_place_after(error: BaseException, target: Target, accounts: Accounts | None, closing: Closing) -> bool:
    """End a load that broke off.

    Args:
        error: why; it is told, and tells, whether another run can go on with the load.
        target: the bucket, being filled or being put in its place.
        accounts: of the load; None where they had not been begun.
        closing: gets warnings of what could not be tidied up.

    Returns:
        Whether all of the load's data are under the target's name all the same.
    """
    if target.appends:
        closing.warnings.append(f"what was written into the bucket {target.target!r} before stays in it")
    if accounts is not None and target.is_loading and _can_be_gone_on_with(error, accounts):
        _leave_for_later(error, target, accounts)
        return False
    try:
        done = target.abort(say=log.info)
    except (ServerError, LoadInterruptedError) as failure:
        _keep(accounts, stays=True)
        closing.warnings.append(f"what was staged could not be tidied up ({failure}); the next load does it")
        return False
    _keep(accounts, stays=False)
    if not done or target.appends or not isinstance(error, ImporterError):
        return False
    closing.warnings.append(f"the swap broke off ({error}) and was then completed")
    return True


def _can_be_gone_on_with(error: BaseException, accounts: Accounts) -> bool:
    # An earlier run's work is not thrown away for what the user of this one asked for.
    is_wrong_usage = isinstance(error, ConfigurationError) and accounts.past is not None
    return is_wrong_usage or (isinstance(error, PASSING) and accounts.has_something)


def _leave_for_later(error: BaseException, target: Target, accounts: Accounts) -> None:
    """Leave what was loaded where it is."""
    _keep(accounts, stays=True)
    try:
        target.release()
    except (ServerError, LoadError) as failure:
        log.debug("the bucket could not be let go: %s", failure)  # it shows no sign of life any more
    if isinstance(error, ImporterError) and not isinstance(error, ConfigurationError):
        error.resumable = True
        error.args = (f"{error}; what was loaded so far is kept: --resume goes on from there",)


def _keep(accounts: Accounts | None, *, stays: bool) -> None:
    if accounts is not None:
        accounts.folder.stays = stays
