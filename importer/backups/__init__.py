"""Backups: a bucket's storage files in a folder, and back on a server, checked by a digest of all values.

The folder has the layout of the influx command's own backups, and a file of the importer's beside them.
"""
