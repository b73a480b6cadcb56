"""Build hook of the package: the catalogue for every build, the dashboard for every build but an editable one."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def beside(name: str) -> ModuleType:
    """Give a script of this directory as a module."""
    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if found is None or found.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class PackageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs for wheels, source distributions and editable installs alike."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build before files are collected."""
        beside("build_catalogue").build()
        if version != "editable":
            beside("build_dashboard").for_a_package()
