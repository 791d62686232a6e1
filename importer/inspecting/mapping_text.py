"""A proposed mapping as a commented mapping file."""

from __future__ import annotations

from importer.inspecting.records import Inspection

__all__ = ["to_toml"]


def to_toml(inspection: Inspection) -> str:
    """The proposal as the text of a mapping file that a person can edit.

    Raises:
        MappingError: questions are open; it names the options that answer them.
    """
    raise NotImplementedError
