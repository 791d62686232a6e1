"""A proposed mapping as a file: :func:`write_mapping`."""

from __future__ import annotations

from pathlib import Path

from importer.inspecting.inspection import Inspection
from importer.inspecting.mapping_text import to_toml
from importer.new_files import new_file

__all__ = ["write_mapping"]


def write_mapping(inspection: Inspection, path: str | Path, *, replace: bool = False) -> None:
    """Write the mapping that an inspection proposes as a commented file, to be edited.

    Args:
        inspection: of the dataset.
        path: of the file.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: questions are open, or the file is there already or in no folder.
        ImporterError: the disk refuses.
    """
    text = to_toml(inspection)
    with new_file(Path(path), "the mapping", replace=replace) as file:
        file.write(text.encode())
