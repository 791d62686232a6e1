"""How fast the importer is, beside other ways into the same server: ``python -m benchmarks``, ``make bench``."""
