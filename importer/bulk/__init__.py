"""The bulk way to load: storage files are built here and handed to the server, which has next to nothing to do.

The points of each block become a sorted run on disk (:mod:`~importer.bulk.runs`); when all are there, those of each
shard group are sorted together into storage files (:mod:`~importer.bulk.shard`), which go to the server by its restore
API (:mod:`~importer.bulk.sending`). :mod:`~importer.bulk.building` has the whole of it on one screen.
"""
