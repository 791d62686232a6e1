"""The journal: what a load writes down so that another run can go on with it.

Goes in: what the ledger hears of each acknowledged block. Comes out, in a later run: :class:`Past`.
"""

from importer.journal.entries import BlockEntry, Plan, write
from importer.journal.folder import JOURNAL, LoadFolder, check_state_dir, load_folders
from importer.journal.journal import Journal, Past, block_sha256
from importer.journal.log import Log, is_begun
from importer.journal.plan import difference, mapping_sha256, settings_of, source_print

__all__ = [
    "JOURNAL",
    "BlockEntry",
    "Journal",
    "LoadFolder",
    "Log",
    "Past",
    "Plan",
    "block_sha256",
    "check_state_dir",
    "difference",
    "is_begun",
    "load_folders",
    "mapping_sha256",
    "settings_of",
    "source_print",
    "write",
]
