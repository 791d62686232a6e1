"""The command line: one file per command, no logic.

The help, the version and errors of usage are to be there at once, and Ctrl-C is to end the command quietly from the
start. So the files of the commands import nothing heavy (polars, DuckDB, the client library, …) at their heads; a
command imports what carries it out when it is run. These imports inside functions bear ``noqa: PLC0415``.
"""

from importer.cli.process import give_large_pieces_back, importing, leave_processors_to_the_server
from importer.cli.signals import ended_by_signals

__all__ = ["main"]


def main() -> None:
    """Run the command line; exits with the code that its help names."""
    ended_by_signals()
    leave_processors_to_the_server()
    give_large_pieces_back()
    with importing():
        from importer.cli.commands import run  # noqa: PLC0415
    run()
