"""The command line: one file per command, no logic.

The help, the version and errors of usage are to be there at once, and Ctrl-C is to end the command quietly from the
start. So the files of the commands import nothing heavy (polars, DuckDB, the client library, …) at their heads; a
command imports what carries it out when it is run. These imports inside functions bear ``noqa: PLC0415``.
"""

import os

from importer.cli.signals import ended_at_once

__all__ = ["main"]


def main() -> None:
    """Run the command line; exits with the code that its help names."""
    _leave_processors_to_the_server()
    with ended_at_once():
        from importer.cli.commands import run  # noqa: PLC0415
    run()


def _leave_processors_to_the_server() -> None:
    """Threads of the libraries, unless the environment says how many.

    Blocks are small and follow one another on a thread of their own: more threads in each of them cost more than they
    bring, and most often the server runs on the same processors. Of numpy's linear algebra nothing is used.
    """
    os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, min(4, (os.cpu_count() or 1) // 2))))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
