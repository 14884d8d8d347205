"""Groups whose commands are imported only when they are called."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

CommandTable = Mapping[str, tuple[str, str, str]]
"""Name: (module of ``truckcount.cli``, attribute, one line for ``--help``)."""


class LazyGroup(click.Group):
    """A click group over a table of commands.

    Parameters
    ----------
    commands_table : CommandTable
        In the order a newcomer needs them.
    """

    def __init__(self, *args: Any, commands_table: CommandTable, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._table = commands_table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order a newcomer needs them."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._table:
            return None
        module, attribute, _ = self._table[cmd_name]
        loaded = importlib.import_module(f"truckcount.cli.{module}")
        command: click.Command = getattr(loaded, attribute)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row[2]) for name, row in self._table.items()])
