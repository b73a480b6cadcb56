"""How commands print: one JSON document, or tables as wide as the terminal. Decides nothing about what is printed."""

import sys
from collections.abc import Iterable, Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from anyapi.control.names import plain

_WIDTH_OF_A_FILE = 200
"""Columns where output is not a terminal: wide enough that ids stay whole for grep."""


def print_json(value: object) -> None:
    """Print a value of structs and builtins as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def console() -> Console:
    """A console that takes every text literally: brackets in a record are no markup."""
    return Console(markup=False, highlight=False, emoji=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Print rows of texts, each in one line (`plain`); the first column is never shortened."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    console().print(table)
