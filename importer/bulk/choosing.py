"""Whether a load can take the bulk way.

Goes in: the options, the bucket of the target's name, the server. Comes out: the method, or an error that says what to
do where the bulk way was asked for and cannot be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from importer.bucket.catalogue import find
from importer.bulk.sending import check_may_restore
from importer.choices import Method
from importer.errors import ConfigurationError, NoOperatorError
from importer.options import LoadOptions
from importer.server.connection import Server
from importer.server.wire import Wire

__all__ = ["TESTED_VERSIONS", "chosen_method"]

TESTED_VERSIONS = ("2.7.12",)
"""Of InfluxDB, whose storage files and restore API were held against what is built here."""


def chosen_method(
    server: Server, options: LoadOptions, version: str, *, say: Callable[[str], None], warn: Callable[[str], None]
) -> Method:
    """The method of a load.

    Args:
        server: the connection.
        options: how to load.
        version: the server's.
        say: takes the reason why it is not the bulk way, where that was not ruled out by the options.
        warn: takes a warning.

    Raises:
        ConfigurationError: the bulk way was asked for, and the other options forbid it.
        AuthorizationError: the server does not know the token; or the bulk way was asked for, and it may not restore.
        ServerError: the server did not answer.
    """
    if options.method == "write":
        return "write"
    forced = options.method == "bulk"
    plain = version.removeprefix("v")
    reason = _against(server, options)
    if reason is None and plain not in TESTED_VERSIONS:
        untested = f"it was tested with InfluxDB {', '.join(TESTED_VERSIONS)}, and this is {plain}"
        if forced:
            warn(f"the bulk way is asked for, though {untested}; what is loaded is verified all the same")
        else:
            reason = untested
    if reason is None:
        refused = _refused(server)
        if refused is None:
            return "bulk"
        if forced:
            raise NoOperatorError(
                f"the bulk way restores files: {refused}; or leave out --method bulk", status=refused.status
            )
        reason = "the token may not restore: it takes an operator's"
    elif forced:
        raise ConfigurationError(f"the bulk way cannot be taken: {reason}; leave out --method bulk")
    say(reason)
    return "write"


def _against(server: Server, options: LoadOptions) -> str | None:
    if not options.verify:
        return "without the verification, nothing would tell whether the server has taken the files"
    if options.if_exists == "append" and server.patiently(lambda: find(server, options.bucket)) is not None:
        return f"it makes a new bucket, and {options.bucket!r} is to be appended to"
    return None


def _refused(server: Server) -> NoOperatorError | None:
    with Wire(server.connection, threading.Event()) as wire:
        try:
            server.patiently(lambda: check_may_restore(wire))
        except NoOperatorError as error:
            return error
    return None
