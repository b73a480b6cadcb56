"""Every SQL statement of the product: whatever the modules of statements hold, so that a new one is tested on both databases."""

import importlib
import pkgutil
import re

import pytest

import anyapi.storage

MODULES = [
    name for _, name, _ in pkgutil.iter_modules(anyapi.storage.__path__) if name.endswith("statements") and name != "postgres_statements"
]


def named():
    """What the modules name, by its name."""
    for module in MODULES:
        yield from vars(importlib.import_module(f"anyapi.storage.{module}")).items()


def statements():
    for name, value in named():
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        found = [text for text in texts if isinstance(text, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|PRAGMA) ", text)]
        if name.isupper() and not name.startswith("_"):
            yield from (pytest.param(text, id=f"{name}-{number}") for number, text in enumerate(found))
    for name, insertion in INSERTIONS:
        yield from (pytest.param(insertion(rows), id=f"{name}-{rows}") for rows in (1, 8))


INSERTIONS = [(name, value) for name, value in named() if callable(value) and name.startswith("insert_")]
"""Functions that give the insertion of so many rows."""
ALL = list(statements())
