"""Write a wave into a bucket.

Goes in: a place, a height, a time. Comes out: the wave as it is stored, once the server has acknowledged it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from influxdb_client import WriteService

from importer.bucket.finding import find_bucket
from importer.bucket.holding import check_no_load
from importer.encoding.line_protocol import body
from importer.errors import MeasurementError, NotFoundError
from importer.measurements.batch import lines_of
from importer.measurements.checking import said_by, taken
from importer.measurements.measurement import Measurement
from importer.measurements.opening import opened_bucket, types_in
from importer.records import FieldType
from importer.server.connection import Server, translated
from importer.waves.records import HEIGHT, LOCATION, SURF_HEIGHTS, Wave, location_of

__all__ = ["record_wave"]


class _SurfHeight(Measurement):
    name = SURF_HEIGHTS
    field_types: ClassVar[Mapping[str, FieldType]] = {HEIGHT: "float"}

    def __init__(self, location: str, height: float) -> None:
        self._location, self._height = location, height

    def tags(self) -> Mapping[str, str]:
        return {LOCATION: self._location}

    def fields(self) -> Mapping[str, float]:
        return {HEIGHT: self._height}


@contextmanager
def _about_the_wave() -> Iterator[None]:
    """What is wrong with the wave, without the name of its class."""
    try:
        yield
    except MeasurementError as error:
        raise MeasurementError(str(error).removeprefix(f"{_SurfHeight.__name__}: ")) from None


def record_wave(server: Server, bucket: str, location: str, height: float, time_ns: int | None = None) -> Wave:
    """Write a wave.

    Args:
        server: the connection.
        bucket: its name; the bucket has to exist.
        location: where; kept trimmed and in lower case.
        height: a finite number.
        time_ns: when, ns since 1970 UTC; None: now.

    Raises:
        ConfigurationError: no bucket for data has this name.
        MeasurementError: the wave cannot be stored as it is, or the bucket's heights are of another type.
        LoadInProgressError: a load is filling the bucket, and would replace the wave together with the rest.
        NotFoundError: there is no such bucket.
        ServerError: the server refused it, or did not answer.
    """
    measurement = _SurfHeight(location_of(location), float(height))
    if time_ns is not None:
        measurement.time = time_ns
    with _about_the_wave():
        said = said_by(measurement)
    check_no_load(server, bucket)
    try:
        found = opened_bucket(server, bucket, create=False)
    except NotFoundError:
        find_bucket(server, bucket)  # says which one may have been meant
        raise
    # The server itself takes a field of another type in another shard group, and then queries see a part of it only.
    types = types_in(server, found.id)
    kind = types.get((SURF_HEIGHTS, HEIGHT), "float")
    if kind != "float":
        raise MeasurementError(
            f"the field {HEIGHT!r} of this bucket's waves is {kind}, and would be float: take another bucket"
        )
    with _about_the_wave():
        lines = lines_of([taken(said, types)])
    if lines.faults:
        raise MeasurementError(f"{lines.faults[0].column}: {lines.faults[0].message}")
    with translated():
        WriteService(server.client.api_client).post_write(
            org=server.connection.org,
            bucket=found.id,
            body=body(lines.frame["line"]),
            precision="ns",
            content_type="text/plain; charset=utf-8",
        )
    return Wave(location_of(location), float(height), int(lines.frame["time"][0]))
