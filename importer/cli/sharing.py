"""Options that several commands have, written down once: :func:`sharing`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

__all__ = ["given", "sharing"]

Command = Callable[..., None]


def sharing(read: Callable[..., Any], name: str) -> Callable[[Command], Command]:
    """A decorator that gives a command the options of a function.

    Args:
        read: its parameters are the options; what it makes of them is handed to the command.
        name: of the command's parameter that is handed it; the options stand in its place in the help.
    """
    shared = inspect.signature(read, eval_str=True).parameters

    def decorated(command: Command) -> Command:
        own = inspect.signature(command, eval_str=True)
        parameters = [
            option for each in own.parameters.values() for option in (shared.values() if each.name == name else (each,))
        ]

        @wraps(command)
        def called(**options: Any) -> None:
            made = read(**{option: options.pop(option) for option in shared})
            command(**options, **{name: made})

        # What typer reads: all of it, instead of what the command itself takes.
        vars(called)["__signature__"] = own.replace(parameters=parameters)
        called.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
        return called

    return decorated


def given(**options: Any) -> dict[str, Any]:
    """The options that were given: those that are not None."""
    return {name: value for name, value in options.items() if value is not None}
