"""Where a synthetic bird is at any time of the year.

Goes in: a seed and the bird's index. Comes out: :class:`Bird`, whose position is a smooth function of time:
a track looks the same at every sampling rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

YEAR_DAYS = 366  # from 1 May 2023 to 1 May 2024, over a leap day
EARTH_KM = 6371.0
KM_PER_DEGREE = EARTH_KM * np.pi / 180

NAMES = (
    "Aino", "Borka / DEH HL 430", "Ciro", "Dora (3339)", "Eelis", "Frieda, left leg", "Gaël", "Håkon",
    "Ida #2", "Jonas", "Kaja ring=K7", "Louis", "Mira", "Nils",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Species:
    """How a species moves.

    Attributes:
        taxon: canonical name.
        routes: way points (longitude, latitude) from the breeding to the wintering site, one per population.
        autumn: first and last day of departure, counted from 1 May.
        spring: the same for the return.
        journey_days: shortest and longest migration.
        foraging_km: how far it strays from a site.
    """

    taxon: str
    routes: tuple[tuple[tuple[float, float], ...], ...]
    autumn: tuple[float, float]
    spring: tuple[float, float]
    journey_days: tuple[float, float]
    foraging_km: float


GULL = Species(
    taxon="Larus fuscus",
    routes=(
        ((24.2, 62.1), (28.4, 56.0), (30.9, 46.4), (35.0, 32.6), (32.4, 24.5), (33.1, -0.6)),
        ((4.8, 53.1), (-1.6, 47.1), (-8.8, 41.0), (-6.5, 36.6), (-9.8, 30.3), (-16.6, 20.6)),
    ),
    autumn=(95.0, 150.0),
    spring=(280.0, 310.0),
    journey_days=(28.0, 60.0),
    foraging_km=14.0,
)
STORK = Species(
    taxon="Ciconia ciconia",
    routes=(
        ((12.1, 52.9), (26.4, 45.2), (29.2, 41.0), (36.3, 36.8), (35.3, 31.6), (32.7, 25.9), (33.2, 14.3)),
        ((8.9, 47.9), (4.0, 43.6), (-0.6, 39.6), (-5.5, 36.1), (-5.2, 31.4), (-4.6, 14.6)),
    ),
    autumn=(98.0, 118.0),
    spring=(270.0, 300.0),
    journey_days=(22.0, 45.0),
    foraging_km=5.0,
)


class Draws:
    """Uniform and normal numbers out of raw PCG64 bits.

    numpy promises the bits of a bit generator for ever, but the stream of ``Generator`` only within a
    version; the committed CSV has to be reproducible with any.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, low: float, high: float, size: int) -> Floats:
        """``size`` numbers of [low, high)."""
        unit: Floats = (self._bits.random_raw(size) >> np.uint64(11)) * np.float64(2.0**-53)
        return low + (high - low) * unit

    def one(self, low: float, high: float) -> float:
        """One number of [low, high)."""
        return float(self.uniform(low, high, 1)[0])

    def normal(self, size: int) -> Floats:
        """``size`` standard normal numbers (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log(1.0 - self.uniform(0.0, 1.0, size)))
        return radius * np.cos(self.uniform(0.0, 2 * np.pi, size))

    def choice(self, count: int, size: int) -> Integers:
        """``size`` different indices below ``count``, rising."""
        order = np.argsort(self.uniform(0.0, 1.0, count), kind="stable")
        return np.sort(order[:size])


@dataclass(frozen=True, slots=True)
class Bird:
    """One animal: who it is, and where it is at any time of the year."""

    taxon: str
    name: str
    tag: str
    way: Floats
    way_km: Floats
    calendar_days: Floats
    calendar_km: Floats
    travels: tuple[tuple[float, float], ...]
    strays: Floats
    foraging_km: float

    def travelled_km(self, days: Floats) -> Floats:
        """Distance from the breeding site along the way; it changes by day only, at night birds rest."""
        clock = np.floor(days) + np.clip((days % 1.0 - 0.22) / 0.5, 0.0, 1.0)
        return np.asarray(np.interp(clock, self.calendar_days, self.calendar_km), dtype=np.float64)

    def position(self, days: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude, without the receiver's error."""
        km = self.travelled_km(days)
        leg = np.clip(np.searchsorted(self.way_km, km, side="right") - 1, 0, len(self.way_km) - 2)
        share = (km - self.way_km[leg]) / (self.way_km[leg + 1] - self.way_km[leg])
        lon, lat = _great_circle(self.way[leg], self.way[leg + 1], share)
        done = km / self.way_km[-1]
        wide_km = self.foraging_km + 90.0 * 4 * done * (1 - done)
        east, north = (
            sum(row[2] * np.sin(2 * np.pi * days / row[axis] + row[3 + axis]) for row in self.strays) for axis in (0, 1)
        )
        return (
            lon + wide_km * east / (KM_PER_DEGREE * np.cos(np.radians(lat))),
            lat + wide_km * north / KM_PER_DEGREE,
        )


def _great_circle(start: Floats, stop: Floats, share: Floats) -> tuple[Floats, Floats]:
    angle = np.arccos(np.clip((start * stop).sum(axis=1), -1.0, 1.0))
    from_start = np.sin((1 - share) * angle) / np.sin(angle)
    from_stop = np.sin(share * angle) / np.sin(angle)
    x, y, z = (from_start[:, None] * start + from_stop[:, None] * stop).T
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))


def make_bird(seed: int, index: int) -> Bird:
    """The ``index``-th bird of a seed, whatever the number of birds and rows."""
    draws = Draws(seed, index)
    species = (GULL, STORK)[index % 2]
    route = np.radians(np.array(species.routes[index // 2 % len(species.routes)]))
    route += np.radians(draws.uniform(-0.7, 0.7, route.size)).reshape(route.shape)
    lon, lat = route.T
    way = np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))
    way_km = np.concatenate(([0.0], np.cumsum(EARTH_KM * np.arccos((way[1:] * way[:-1]).sum(axis=1)))))

    leave = draws.one(*species.autumn)
    back = draws.one(*species.spring)
    autumn_days, autumn_km = _journey(draws, species, leave, way_km)
    spring_days, spring_km = _journey(draws, species, back, way_km[-1] - way_km[::-1])
    repeats = index // len(NAMES)
    return Bird(
        taxon=species.taxon,
        name=NAMES[index % len(NAMES)] + (f" {repeats + 1}" if repeats else ""),
        tag=f"#{1_918_700 + 7 * index}" if index % 3 == 0 else f"{91_700 + 11 * index}",
        way=way,
        way_km=way_km,
        calendar_days=np.concatenate(([0.0], autumn_days, spring_days, [YEAR_DAYS])),
        calendar_km=np.concatenate(([0.0], autumn_km, way_km[-1] - spring_km, [0.0])),
        travels=((autumn_days[0], autumn_days[-1]), (spring_days[0], spring_days[-1])),
        strays=_strays(draws),
        foraging_km=species.foraging_km,
    )


def _journey(draws: Draws, species: Species, leave: float, way_km: Floats) -> tuple[Floats, Floats]:
    """Days and distances of a migration: each leg at its own pace, a rest at each way point between."""
    legs = np.diff(way_km) * draws.uniform(0.8, 1.2, len(way_km) - 1)
    rests = draws.uniform(0.0, 1.0, len(legs) - 1)
    days = draws.one(*species.journey_days)
    spans = np.zeros(2 * len(legs) - 1)
    spans[0::2] = 0.6 * days * legs / legs.sum()
    spans[1::2] = 0.4 * days * rests / rests.sum()
    return leave + np.concatenate(([0.0], np.cumsum(spans))), np.repeat(way_km, 2)[1:-1]


def _strays(draws: Draws) -> Floats:
    """Waves of some hours to some weeks whose sum is how a bird strays: smooth at every sampling rate."""
    periods = np.array([19.0, 6.1, 1.0, 0.43, 0.19])
    size = len(periods)
    return np.column_stack(
        (
            periods * draws.uniform(0.8, 1.2, size),
            periods * draws.uniform(0.8, 1.2, size),
            np.array([0.5, 0.35, 0.4, 0.2, 0.08]),
            draws.uniform(0.0, 2 * np.pi, size),
            draws.uniform(0.0, 2 * np.pi, size),
        )
    )
