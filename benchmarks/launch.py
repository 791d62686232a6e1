"""Run a command and write down what it took: ``python -I -S launch.py FILE COMMAND...``.

A process of its own, because what the system tells of a child's memory includes the peak of the process that started
it; this one is smaller than anything that is measured. The times are those of the whole tree of processes, the peak is
that of its largest one.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run it; the exit code is the command's."""
    into, *words = sys.argv[1:]
    started = time.monotonic()
    child = os.posix_spawnp(words[0], words, os.environ)
    _, status, used = os.wait4(child, 0)
    seconds = time.monotonic() - started
    code = os.waitstatus_to_exitcode(status)
    with open(into, "w") as file:  # noqa: PTH123 - pathlib would make this process larger
        json.dump(
            {
                "code": code,
                "wall_seconds": seconds,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_bytes": used.ru_maxrss * 1024,
            },
            file,
        )


if __name__ == "__main__":
    main()
