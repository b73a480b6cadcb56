"""`python -m tests.clients.drivers.run NAME`: runs a driver. The network is closed before the client is imported."""

import importlib
import sys

from tests.clients.drivers import scaffold

if __name__ == "__main__":
    scaffold.main(*importlib.import_module(f"tests.clients.drivers.{sys.argv[1]}").DRIVERS)
