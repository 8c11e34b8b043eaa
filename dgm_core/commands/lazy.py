"""Commands and help texts that are loaded only when they are needed.

Other commands then do not slow down the start, and help texts can still list all possible values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


def commands_of(modules: Mapping[str, str]) -> type[TyperGroup]:
    """A group whose commands are in modules that are imported when the command is called.

    Args:
        modules: command → the module whose `app` has it; help lists the commands in this order.

    >>> group = commands_of({"list": "dgm_core.commands.data"})(name="data")
    >>> group.get_command(None, "list").help
    'List all data sets, and which of them are on this machine.'
    """

    class Group(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = dict.fromkeys(modules)  # names for lists and suggestions

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in modules:
                return None
            return get_group(import_module(modules[cmd_name]).app).commands[cmd_name]

    return Group


def help_of(**texts: Callable[[], str]) -> type[TyperCommand]:
    """A command that computes the help of some parameters when its help is shown.

    Args:
        texts: parameter → function that returns its help.
    """

    class Command(TyperCommand):
        def format_help(self, ctx: Any, formatter: Any) -> None:
            parameters: list[Any] = self.params
            for each in parameters:
                if each.name in texts:
                    each.help = texts[each.name]()
            super().format_help(ctx, formatter)

    return Command
