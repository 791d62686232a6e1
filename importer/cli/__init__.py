"""The command line: one file per command, no logic."""

from importer.cli.main import main

__all__ = ["main"]
