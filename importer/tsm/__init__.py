"""InfluxDB's storage files (TSM), written from columns and read again, without a server.

What the format is was read in the source of influxdb 2.7.12 (``tsdb/engine/tsm1``); the tests hold both directions
against the server itself.
"""

from importer.tsm.columns import Column
from importer.tsm.index import IndexedKey
from importer.tsm.keys import ParsedKey, field_key, parsed, series_key
from importer.tsm.layout import UnstorableError
from importer.tsm.reader import Reader
from importer.tsm.writer import Writer, storage_file

__all__ = [
    "Column",
    "IndexedKey",
    "ParsedKey",
    "Reader",
    "UnstorableError",
    "Writer",
    "field_key",
    "parsed",
    "series_key",
    "storage_file",
]
