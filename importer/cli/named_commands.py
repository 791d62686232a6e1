"""The group of all commands: each is imported when it is called, so that none waits for the others' definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context

__all__ = ["named_commands"]


def named_commands(helps: Mapping[str, str], define: Callable[[str], Command]) -> type[TyperGroup]:
    """A group of commands of which only the names and a line of help are known at first.

    Args:
        helps: what the group's help says of each command, by its name, in this order.
        define: imports and makes the command of a name.
    """

    class NamedCommands(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = {name: TyperCommand(name, short_help=text) for name, text in helps.items()}

        def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
            if args and args[0] in helps:
                self.commands[args[0]] = define(args[0])
            return super().resolve_command(ctx, args)

    return NamedCommands
