"""Time series of single values: points of metrics stored, asked for, and listed; a metric is a measurement."""
