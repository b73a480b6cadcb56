"""The source tree as the rules see it: every module parsed once, and the list of allowed exceptions with their reasons. Runs nothing."""

import ast
import functools
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "anyapi"
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
NOT_OURS = {".git", ".venv", "node_modules", "dist", "mutants", "__pycache__"}


class Module(NamedTuple):
    """One source file. `name` is its path below the package, for example `gateway/server.py`."""

    name: str
    text: str
    tree: ast.Module

    @property
    def dotted(self) -> str:
        """The name to import it by."""
        return ".".join(("anyapi", *self.name.removesuffix(".py").removesuffix("__init__").strip("/").split("/"))).rstrip(".")

    def inside(self, *folders: str) -> bool:
        """Whether it is one of these files or in one of these folders."""
        return any(self.name == folder or self.name.startswith(f"{folder}/") for folder in folders)


def parse(name: str, text: str) -> Module:
    """A module from its text."""
    return Module(name, text, ast.parse(text))


@functools.cache
def modules() -> tuple[Module, ...]:
    """All modules of the package."""
    return tuple(parse(str(path.relative_to(PACKAGE)), path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py")))


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function under a node with its dotted name, nested ones too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if isinstance(child, Function):
                yield name, child
            yield from functions(child, f"{name}.")
        else:
            yield from functions(child, prefix)


@functools.cache
def allowed(rule: str) -> dict[str, str]:
    """Exceptions to a rule: place (`file` or `file::function`) to reason."""
    return tomllib.loads((ROOT / "tests/architecture/allowed.toml").read_text(encoding="utf-8")).get(rule, {})


def unexplained(rule: str, places: set[str]) -> list[str]:
    """What breaks the rule without being allowed, and what is allowed without need (a stale entry hides the next offence)."""
    exceptions = allowed(rule)
    news = [f"{place}: breaks the rule `{rule}`" for place in sorted(places - exceptions.keys())]
    stale = [f"{place}: stands under `{rule}` in allowed.toml but needs no exception" for place in sorted(exceptions.keys() - places)]
    empty = [f"{place}: its exception gives no reason" for place, reason in exceptions.items() if len(reason) < 15]
    return news + stale + empty


def none(problems: list[str]) -> None:
    """Fail with every problem on a line of its own."""
    assert not problems, "\n" + "\n".join(problems)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """All files that are or will be committed; without git (an unpacked sdist) all files that are ours."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
        paths = [ROOT / os.fsdecode(name) for name in listing.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if NOT_OURS.isdisjoint(path.relative_to(ROOT).parts)]
    return tuple(path for path in sorted(paths) if path.is_file() and not path.is_symlink())
