"""What Grafana does to a Flux query before it sends it: variables in the browser, ``v.*`` in its back end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
PIXELS = 1_000


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at: the time range and the chosen values of the variables."""

    start: datetime
    stop: datetime
    bucket: str
    organization: str
    variables: Mapping[str, list[str]]

    def flux(self, query: str, *, interval: str | None = None) -> str:
        """The query as InfluxDB gets it.

        Args:
            query: as the dashboard has it.
            interval: the panel's shortest step, such as ``1d``.
        """
        step = (self.stop - self.start) / PIXELS
        if interval:
            step = max(step, timedelta(seconds=int(interval[:-1]) * UNITS[interval[-1]]))
        values = {
            "timeRangeStart": _rfc3339(self.start),
            "timeRangeStop": _rfc3339(self.stop),
            "windowPeriod": f"{int(step.total_seconds() * 1000)}ms",
            "defaultBucket": f'"{self.bucket}"',
            "organization": f'"{self.organization}"',
        }
        formats = {"doublequote": _doublequote, "regex": _regex}
        query = re.sub(r"\$\{(\w+):(\w+)\}", lambda found: formats[found[2]](self.variables[found[1]]), query)
        if left := re.search(r"\$\{?\w+", query):
            raise ValueError(f"{left[0]} is no variable of the dashboard, or has a format that is not imitated")
        return re.sub(r"\bv\.([a-zA-Z]+)", lambda found: values[found[1]], query)


def _doublequote(values: list[str]) -> str:
    return ",".join('"' + value.replace('"', r"\"") + '"' for value in values)


def _regex(values: list[str]) -> str:
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
