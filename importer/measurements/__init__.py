"""Measurements of a program's own, written without losing any: a class for each kind, and a writer that batches."""

from importer.measurements.measurement import FieldValue, Measurement, TagValue
from importer.measurements.refused import RefusedMeasurement
from importer.measurements.writer import MeasurementWriter

__all__ = ["FieldValue", "Measurement", "MeasurementWriter", "RefusedMeasurement", "TagValue"]
