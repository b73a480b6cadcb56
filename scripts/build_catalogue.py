"""Compiles the catalogue's YAML to the JSON that is loaded at run time: for the build hook, and as a script."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build() -> None:
    """Write `catalogue.json` beside the YAML files; raises `CatalogueError` naming file, record and field."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        from anyapi.catalogue.compile import compile_catalogue  # noqa: PLC0415 the path is set just above
    finally:
        sys.path.pop(0)
    compile_catalogue(ROOT / "src/anyapi/catalogue")


if __name__ == "__main__":
    build()
