"""Build hook: compiles the catalogue's YAML to the JSON that is loaded at run time. Also runs as a script."""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def build() -> None:
    """Write `catalogue.json` beside the YAML files; raises `CatalogueError` naming file, record and field."""
    sys.path.insert(0, str(ROOT / "src"))
    try:
        from anyapi.catalogue.compile import compile_catalogue  # noqa: PLC0415 the path is set just above
    finally:
        sys.path.pop(0)
    compile_catalogue(ROOT / "src/anyapi/catalogue")


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:
    pass
else:

    class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg]
        """Runs for wheels, source distributions and editable installs alike."""

        PLUGIN_NAME = "custom"

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
            """Compile before files are collected."""
            build()


if __name__ == "__main__":
    build()
