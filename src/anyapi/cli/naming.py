"""The option `--name` of commands that make something people give a name to."""

from collections.abc import Callable
from typing import TypeVar

import click

from anyapi.control.names import check_name
from anyapi.errors import BadRequest

_C = TypeVar("_C", bound=Callable[..., object])


def with_name(command: _C) -> _C:
    """Give a command `--name`: a text such as the dashboard takes, or it could be changed there in nothing without another name."""
    return click.option("--name", default="", callback=_checked, help="A word for people, shown in lists.")(command)


def _checked(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        check_name(value)
    except BadRequest as refused:
        raise click.BadParameter(refused.message) from None
    return value
