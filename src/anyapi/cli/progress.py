"""Says how far a long change of the database is. Imports nothing heavy: `anyapi serve` needs it at start."""

import click

TOLD_ROWS = 500_000
"""Rows between two lines; a history that is shorter is summed before anybody wonders."""


def told_progress(done: int, whole: int) -> None:
    """Print a line on standard error where one is due."""
    if done % TOLD_ROWS == 0 or done == whole > TOLD_ROWS:
        click.echo(f"Bringing the database up to date: {done:,} of {whole:,} usage rows summed", err=True)
