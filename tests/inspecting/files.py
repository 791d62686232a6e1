"""Files as they are met with, for looking at and for loading."""

from __future__ import annotations

from pathlib import Path

MOVEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "movebank_bats.csv"


def day_first(days: range = range(1, 32)) -> str:
    """Days of a March; from the 13th on they cannot be months."""
    return "time,device,temp\n" + "".join(f"{day:02}/03/2021 00:22,d{day % 2},{day / 10}\n" for day in days)


def semicolons() -> bytes:
    """As a spreadsheet writes them in Germany: a byte-order mark, decimal commas, days first, CRLF."""
    rows = "".join(f"{day:02}.03.2021 00:22:05;s{day % 3};{day},{day}5;{day * 2};0{day}\r\n" for day in range(1, 32))
    return ("\ufeffZeit;Sensor;Temperatur;Feuchte;Kennung\r\n" + rows).encode()


def epoch_floats(rows: int = 60) -> str:
    """Telemetry: seconds since 1970 in scientific notation, quoted."""
    lines = [
        f'"1.59451209{n:02}859746E9","b8:27:eb:{n % 3}","{0.004 + n / 1e5}","{str(n % 2 == 0).lower()}","{19 + n / 10}"'
        for n in range(rows)
    ]
    return "\n".join(['"ts","device","co","light","temp"', *lines]) + "\n"
