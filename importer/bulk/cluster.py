"""A Dask cluster: the one place that knows of it.

Goes in: its scheduler's address, then functions and their arguments. Comes out: what they gave. Of what a lost worker
had, Dask does the calls again: they have to be pure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import Any

from distributed import Client, Future, Security
from distributed.comm.addressing import get_address_host_port
from distributed.comm.core import connect

from importer.bulk.on_workers import versions
from importer.errors import ConfigurationError, ImporterError, LoadError
from importer.options import LoadOptions
from importer.running import Running

__all__ = ["Cluster", "There"]

There = Future[Any]
"""What a call gives, on a worker."""

MOST_PORT = 65_535

ASK_SECONDS = 0.5
"""Between two looks whether the load is to stop, or the cluster has gone."""
CONNECT_SECONDS = 2.0
"""For the first try to connect to the scheduler."""


class Cluster:
    """The connection to the scheduler.

    Args:
        options: how to load; they name it.
        running: tells when the load is to stop.
        stack: closes it at the end.

    Attributes:
        threads: of all workers.

    Raises:
        ConfigurationError: no scheduler answers, it has no workers, or they are of other versions.
        LoadInterruptedError: the load was told to stop.
    """

    def __init__(self, options: LoadOptions, running: Running, stack: ExitStack) -> None:
        self._address, self._wait_seconds, self._running = str(options.cluster), options.wait_seconds, running
        self._patience = max(1.0, options.wait_seconds)
        self._until = time.monotonic() + self._patience
        self._client = self._connected()
        stack.callback(self._client.close)
        loop: Any = self._client.loop
        self._loop: asyncio.AbstractEventLoop = loop.asyncio_loop
        self._wait_for_workers()
        self._check_versions()
        self.threads: int = sum(self._client.nthreads().values())

    def submit(self, function: Callable[..., Any], *arguments: Any) -> There:
        """Have a function called on a worker; futures among the arguments stand for what they become.

        Raises:
            LoadError: the cluster has gone.
        """
        try:
            return self._client.submit(function, *arguments, pure=False)
        except Exception as error:
            raise self._failed(error) from error

    def result(self, future: There) -> Any:
        """What became of a call; waits for it.

        Raises:
            ImporterError: the call raised it.
            LoadInterruptedError: the load was told to stop.
            LoadError: the cluster has gone.
        """
        # Not by the future's own timeout: one that comes while the outcome is on its way breaks that off.
        coming = asyncio.run_coroutine_threadsafe(_outcome(future), self._loop)
        alone_since: float | None = None
        try:
            while not wait([coming], ASK_SECONDS).done:
                alone_since = self._checked(alone_since)
            return coming.result()
        except ImporterError:
            raise
        except (Exception, CancelledError, asyncio.CancelledError) as error:
            raise self._failed(error) from error
        finally:
            coming.cancel()

    def _connected(self) -> Client:
        """Ask the scheduler again and again, longer each time, until it answers.

        The client would not hear that it is to stop, and waits for ever for somebody who listens and says nothing.
        """
        try:
            _, port = get_address_host_port(self._address)
            if not 0 < port <= MOST_PORT:
                raise ValueError(f"there is no port {port}")  # noqa: TRY301 - one of several faults of an address
        except (ValueError, NotImplementedError) as error:
            raise self._no_address(error) from error
        seconds = CONNECT_SECONDS
        while True:
            try:
                with ThreadPoolExecutor(1) as alone:  # the caller's own thread may have a loop that runs
                    alone.submit(asyncio.run, _greeted(self._address, seconds)).result()
                return Client(self._address, timeout=self._patience, set_as_default=False, name="importer")
            except ValueError as error:
                raise self._no_address(error) from error
            except (OSError, ImportError) as error:
                self._pause()
                left = self._until - time.monotonic()
                if left <= 0:
                    reason = " ".join(str(error).split())
                    raise ConfigurationError(
                        f"no Dask scheduler answers at {self._address!r} within {self._patience:g} s (--wait): {reason}"
                    ) from error
                seconds = min(2 * seconds, max(left, 1.0))

    def _no_address(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"{self._address!r} is not the address of a Dask scheduler ({error}): name one such as tcp://host:8786"
        )

    def _wait_for_workers(self) -> None:
        while not self._client.scheduler_info()["workers"]:
            if self._client.status != "running":
                raise ConfigurationError(f"the scheduler of the cluster at {self._address!r} has gone")
            if time.monotonic() > self._until:
                raise ConfigurationError(
                    f"the cluster at {self._address!r} has no workers, after {self._patience:g} s (--wait)"
                )
            self._pause()

    def _pause(self) -> None:
        if self._running.is_stopped():
            raise self._running.interrupted("while the cluster was waited for")
        time.sleep(ASK_SECONDS)

    def _checked(self, alone_since: float | None) -> float | None:
        """Raise if there is nothing to wait for any more; since when there is no worker."""
        if self._running.is_stopped():
            raise self._running.interrupted("while the cluster was at work")
        if self._client.status != "running":
            raise LoadError(f"the scheduler of the cluster at {self._address!r} has gone")
        if self._client.scheduler_info()["workers"]:
            return None
        alone_since = alone_since or time.monotonic()
        if time.monotonic() - alone_since > self._wait_seconds:
            raise LoadError(f"the cluster at {self._address!r} has no workers any more")
        return alone_since

    def _failed(self, error: BaseException) -> LoadError:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return LoadError(f"the cluster at {self._address!r} failed: {reason}")

    def _check_versions(self) -> None:
        here = versions()
        try:
            scheduler: dict[str, str] = self._client.run_on_scheduler(versions)
            found: dict[str, dict[str, str]] = self._client.run(versions)
        except Exception as error:
            raise ConfigurationError(
                f"the cluster at {self._address!r} cannot do the importer's work: {type(error).__name__}: {error}; its "
                "scheduler and workers need the importer, in the same version"
            ) from error
        for where, there in {"its scheduler": scheduler, **found}.items():
            differing = [
                f"{name} {there.get(name)} (here {here[name]})" for name in here if here[name] != there.get(name)
            ]
            if differing:
                raise ConfigurationError(
                    f"the cluster at {self._address!r} is of other versions: {where} has {', '.join(differing)}"
                )


async def _greeted(address: str, seconds: float) -> None:
    how = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=seconds, **how), seconds)
    comm.abort()


async def _outcome(future: There) -> Any:
    return await future
