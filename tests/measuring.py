"""What a command costs: the peak of its memory and its time on the processors, in a process of its own.

The process itself writes them down at its end: what ``os.wait4`` tells of a child includes the peak of its parent.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

__all__ = ["Cost", "measured"]

SCRIPT = """
import resource, sys
from pathlib import Path
from importer.cli import main
into = Path(sys.argv.pop(1))
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM:"))
    into.write_text(f"{int(peak) * 1024} {used.ru_utime + used.ru_stime}")
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """How a command ended, and what it took.

    Attributes:
        code: exit code.
        err: what it said on standard error.
        peak_bytes: of resident memory.
        cpu_seconds: of all its threads; unlike the time by the clock, it does not depend on what else runs.
    """

    code: int
    err: str
    peak_bytes: int
    cpu_seconds: float


def measured(folder: Path, *arguments: str | Path, feed: Iterable[bytes] = ()) -> Cost:
    """Run the command line on its own.

    Args:
        folder: for a file that the process writes.
        arguments: of the command.
        feed: what it finds on standard input.
    """
    into = folder / "cost"
    words = [sys.executable, "-c", SCRIPT, str(into), *map(str, arguments)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0
    )
    writer = threading.Thread(target=_write, args=(process.stdin, feed), daemon=True)
    writer.start()
    err = cast("BinaryIO", process.stderr).read().decode()
    code = process.wait(250)
    writer.join(10)
    peak, cpu = into.read_text().split()
    return Cost(code, err, int(peak), float(cpu))


def _write(pipe: BinaryIO, feed: Iterable[bytes]) -> None:
    try:
        with pipe:
            for piece in feed:
                view = memoryview(piece)
                while view:
                    view = view[pipe.write(view) :]
    except BrokenPipeError:
        pass  # it has heard enough
