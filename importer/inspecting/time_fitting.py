"""A time format, and what the values that are of it come to.

Goes in: values and their times. Comes out: :class:`Fitting`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from importer.inspecting.distinct import SEED

__all__ = ["Fitting"]

Unit = Literal["s", "ms", "us", "ns"]
_UNITS: tuple[tuple[Unit, int], ...] = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))
_OFFSET = re.compile(r"%[:#]?z| ?(UTC|GMT)$")
_CLOCK = re.compile(r"%[HIklTR]")


@dataclass(slots=True)
class Fitting:
    """A format, and the values that are of it.

    Attributes:
        format: as the mapping file takes it.
        first: earliest time, ns.
        last: latest.
        step: the finest unit that occurs, ns.
        digest: of all times with their texts; equal for two formats that read all of them alike.
    """

    format: str
    first: int = 2**63 - 1
    last: int = -(2**63)
    step: int = 10**9
    digest: int = 0

    @property
    def precision(self) -> Unit:
        """The finest unit that occurs."""
        return next(unit for unit, size in _UNITS if size <= self.step)

    @property
    def has_clock(self) -> bool:
        """It says the time of day."""
        return "%" not in self.format or _CLOCK.search(self.format) is not None

    @property
    def has_offset(self) -> bool:
        """It says the offset from UTC, or counts from 1970."""
        return "%" not in self.format or _OFFSET.search(self.format) is not None

    @property
    def is_day_first(self) -> bool:
        """The day stands before the month."""
        return self.format.find("%d") < self.format.find("%m")

    def take_in(self, values: pl.Series, ns: pl.Series) -> None:
        """Note some values and their times; null where a value is not of the format."""
        known = ns.is_not_null()
        if not known.all():
            values, ns = values.filter(known), ns.filter(known)
        if ns.is_empty():
            return
        products = ns.to_numpy().astype(np.uint64) * values.hash(SEED).to_numpy()  # wraps around
        self.digest = (self.digest + int(products.sum(dtype=np.uint64))) % 2**64
        self.first = min(self.first, int(ns.min()))  # type: ignore[arg-type]
        self.last = max(self.last, int(ns.max()))  # type: ignore[arg-type]
        for _, size in _UNITS:
            if size <= self.step and (ns % size == 0).all():
                self.step = size
                break
