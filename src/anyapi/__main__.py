"""`python -m anyapi`."""

from anyapi.cli import run

run()
