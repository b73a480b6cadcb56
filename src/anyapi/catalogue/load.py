"""Loads the compiled catalogue. Imports neither yaml nor the readers of the source: a gateway starts with this."""

import importlib
from pathlib import Path

import msgspec

from anyapi.catalogue.canonical import version_of
from anyapi.domain.catalogue import Catalogue
from anyapi.errors import CatalogueError

COMPILED_FILE = "catalogue.json"
PACKAGED = Path(__file__).parent

_DECODER = msgspec.json.Decoder(Catalogue)


def load_catalogue(directory: Path = PACKAGED) -> Catalogue:
    """The catalogue that ships with the product, about 2 ms.

    Raises `CatalogueError` when the file is damaged. Without the compiled file (a bare checkout) the YAML is read instead, which
    takes half a second and writes nothing.
    """
    try:
        data = (directory / COMPILED_FILE).read_bytes()
    except FileNotFoundError:
        source = importlib.import_module("anyapi.catalogue.source")
        catalogue: Catalogue = source.read_catalogue(directory)
        return catalogue
    return decode(data, COMPILED_FILE)


def decode(data: bytes, file: str) -> Catalogue:
    """Decode compiled bytes and check that they are the content that their version names; raises `CatalogueError`."""
    remedy = "run `make setup`, or install the package again"
    try:
        catalogue = _DECODER.decode(data)
    except msgspec.DecodeError as error:
        raise CatalogueError(f"is not a compiled catalogue of this version of AnyAPI; {remedy}", file=file) from error
    if version_of(data, catalogue.version) != catalogue.version:
        raise CatalogueError(f"its content is not what its version names, it was changed after it was compiled; {remedy}", file=file)
    return catalogue
