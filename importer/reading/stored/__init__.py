"""A bucket's rows straight out of a backup, without a server.

The shards' files are unpacked (:mod:`~importer.reading.stored.unit`) and looked through for what there is
(:mod:`~importer.reading.stored.contents`). Then each measurement is read key by key, each block once, and its values
are put into slices of time (:mod:`~importer.reading.stored.slicing`), each of which becomes rows
(:mod:`~importer.reading.stored.rows`). :mod:`~importer.reading.stored.opening` has the whole of it.
"""
