"""Compiles the YAML source to `catalogue.json`, the form that is loaded at run time. Called by the build and by developers."""

import os
import tempfile
from pathlib import Path

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.load import COMPILED_FILE
from anyapi.catalogue.source import read_catalogue


def compile_catalogue(directory: Path) -> None:
    """Write `catalogue.json` beside the YAML of `directory`; equal sources give equal bytes. Raises `CatalogueError`.

    The file appears whole or not at all: several builds may run at once.
    """
    data = encode(read_catalogue(directory))
    handle, name = tempfile.mkstemp(dir=directory, prefix=".catalogue-", suffix=".json")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(0o644)
        temporary.replace(directory / COMPILED_FILE)
    finally:
        temporary.unlink(missing_ok=True)
