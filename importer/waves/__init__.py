"""Heights of waves at places: recorded one by one, found again by place, height and time."""

from importer.waves.finding import find_waves
from importer.waves.recording import record_wave
from importer.waves.records import FoundWaves, Wave

__all__ = ["FoundWaves", "Wave", "find_waves", "record_wave"]
