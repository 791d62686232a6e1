"""importer: CSV into InfluxDB 2, every row accounted for."""
