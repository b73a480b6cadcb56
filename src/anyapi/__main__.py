"""`python -m anyapi`."""

from anyapi.cli import main

main()
