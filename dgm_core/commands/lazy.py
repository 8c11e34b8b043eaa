"""What is loaded when it is asked for: commands in other modules, and lists in help texts.

The commands that are not asked for cost no start-up then, and the help of all names what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


def commands_of(modules: Mapping[str, str]) -> type[TyperGroup]:
    """A group whose commands are in modules that are imported when a command is asked for.

    Args:
        modules: command → the module whose `app` has it; help lists the commands in this order.

    >>> group = commands_of({"list": "dgm_core.commands.data"})(name="data")
    >>> group.get_command(None, "list").help
    'Which data sets are on this machine.'
    """

    class Group(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.commands = dict.fromkeys(modules)  # for lists and guesses, which take the names

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if cmd_name not in modules:
                return None
            return get_group(import_module(modules[cmd_name]).app).commands[cmd_name]

    return Group


def help_of(**texts: Callable[[], str]) -> type[TyperCommand]:
    """A command that words the help of some parameters when it is asked for its parameters.

    Args:
        texts: parameter → what makes its help.
    """

    class Command(TyperCommand):
        def get_params(self, ctx: Any) -> list[Any]:
            for each in self.params:
                if each.name in texts:
                    each.help = texts[each.name]()
            return super().get_params(ctx)

    return Command
