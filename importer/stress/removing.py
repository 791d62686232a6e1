"""The points of a run, removed at its end: the service itself removes nothing, InfluxDB does.

Goes in: which InfluxDB the service stores into, and the tag that only these points have.
"""

from __future__ import annotations

import logging
import time
from typing import Final

from importer.errors import ConfigurationError, ImporterError, NotFoundError
from importer.server import local
from importer.server.connection import Connection, Server, translated
from importer.settings import find_connection
from importer.stress.asked import METRICS, TAG, metric
from importer.stress.target import Target

__all__ = ["found_connection", "removed"]

log = logging.getLogger(__name__)

ALL_OF_IT: Final = ("1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z")
TRIES: Final = 3
PAUSE_SECONDS: Final = 1.0
"""A request that was cut off may still be stored."""


def found_connection() -> Connection:
    """The InfluxDB that settings name, or the local one if it is running; none is started.

    Raises:
        ConfigurationError: there is none.
    """
    named = find_connection()
    if named is not None:
        return named
    if local.status().server is None:
        raise ConfigurationError(
            "the points that this stores could not be removed afterwards: name the service's InfluxDB by INFLUX_URL, "
            "INFLUX_TOKEN and INFLUX_ORG, or say --keep"
        )
    return local.connection()


def removed(connection: Connection, bucket: str, run: str, target: Target) -> bool:
    """Remove the points of a run, and ask the service whether they are gone.

    Args:
        connection: the InfluxDB.
        bucket: in which the service keeps time series.
        run: its name.
        target: the service.

    Returns:
        False if they are still there; why is logged.
    """
    try:
        with Server(connection) as server:
            for number in range(TRIES):
                if number:
                    time.sleep(PAUSE_SECONDS)
                with translated():
                    server.client.delete_api().delete(*ALL_OF_IT, f'{TAG}="{run}"', bucket=bucket, org=connection.org)
                if not any(target.holds(metric(run, each), METRICS + number) for each in range(METRICS)):
                    return True
    except NotFoundError:
        log.warning("InfluxDB at %s has no bucket %r; --series-bucket names the service's", connection.url, bucket)
        return False
    except ImporterError as error:
        log.warning("the points could not be removed: %s", error)
        return False
    log.warning("the service still has these points: does it store them into %r at %s?", bucket, connection.url)
    return False
