"""``python -m importer.server``: find or build influxd, and print its path."""

from __future__ import annotations

import sys

from importer.errors import ImporterError
from importer.server.influxd import find_or_build

__all__ = ["main"]


def main() -> int:
    """Print the path of an influxd that runs.

    Returns:
        The exit code: 0, or 2 where there is none and none can be built.
    """
    try:
        binary = find_or_build(say=_say)
    except ImporterError as error:
        _say(str(error))
        return 2
    sys.stdout.write(f"influxd: {binary}\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
