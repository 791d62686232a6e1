"""Annotated CSV, as the influx command writes it and as Flux queries return it: its layouts, its rows, their points."""
