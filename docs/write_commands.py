"""Write docs/commands.md from the command line's own definitions: ``make docs``."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

from importer.cli.commands import every_command

__all__ = ["commands_page"]

HEAD = """# Commands

Written by `make docs` from the command line itself; `importer COMMAND --help` shows the same. The sessions are real
ones, in a folder that holds `sample_data/`; a test runs them again.
"""

EXAMPLES = Path(__file__).with_name("examples")


def commands_page() -> str:
    """The page, as Markdown."""
    sections = [line for name, command in every_command().items() for line in _sections(command, f"importer {name}")]
    return "\n".join([HEAD, *sections])


def _sections(command: Any, name: str) -> list[str]:
    inner = getattr(command, "commands", None)
    if inner is not None:
        return [line for key, child in inner.items() for line in _sections(child, f"{name} {key}")]
    lines = [f"## {name}", "", _text(command.help), ""]
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option" and item.name != "help"]
    for argument in arguments:
        lines += [f"`{argument.metavar or argument.name.upper()}`: {argument.help}", ""]
    if options:
        lines += ["| option | meaning | default |", "|---|---|---|"]
        lines += [_row(option) for option in options]
        lines.append("")
    if command.epilog:
        lines += [_text(command.epilog), ""]
    session = EXAMPLES / f"{'-'.join(name.split()[1:])}.txt"
    if session.exists():
        lines += ["```console", session.read_text(encoding="utf-8").rstrip(), "```", ""]
    return lines


def _row(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or _choices(option)}"
    default = "" if option.is_flag or option.default is None else f"`{option.default}`"
    default = "required" if option.required else default
    return f"| `{option.opts[0]}{_cell(value)}` | {_cell(option.help or '')} | {default} |"


def _choices(option: Any) -> str:
    choices = typing.get_args(option.type_descriptor.annotation)
    return "|".join(map(str, choices)) if choices else option.name.upper()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _text(text: str) -> str:
    return text.replace("\b", "").strip()


if __name__ == "__main__":
    Path(__file__).with_name("commands.md").write_text(commands_page(), encoding="utf-8")
