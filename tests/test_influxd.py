"""The servers that tests start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.server.process import is_alive, start_time
from tests.influxd import Influxd
from tests.loading import ROOT

STARTS = """
import sys, time
from pathlib import Path
from importer.server.process import free_port
from tests.influxd import run_while_tests_run
print(run_while_tests_run(Path(sys.argv[1]), Path(sys.argv[2]), free_port()).pid, flush=True)
time.sleep(600)
"""
WAIT_SECONDS = 10.0


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv, of util-linux")
def test_a_server_dies_with_the_tests_that_started_it_also_where_they_are_killed(
    influxd_binary: Path, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", STARTS, str(influxd_binary), str(tmp_path / "data")]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        pid = int(tests.stdout.readline())
        try:
            assert start_time(pid) is not None
            tests.kill()
            deadline = time.monotonic() + WAIT_SECONDS
            while start_time(pid) is not None:
                assert time.monotonic() < deadline, "it is still there"
                time.sleep(0.02)
        except BaseException:
            os.kill(pid, signal.SIGKILL)
            raise


def test_a_server_outlives_the_thread_that_started_it_again(own_influxd: Callable[[], Influxd]) -> None:
    own = own_influxd()
    starting = threading.Thread(target=own.restart)
    starting.start()
    starting.join()
    time.sleep(0.2)
    assert is_alive(own.process)
    assert own.server.health()
