"""The oracle of T03 is worth something only as long as it shares nothing with what it judges."""

import ast
import pathlib
import sys

import pytest

ORACLE = pathlib.Path(__file__).resolve().parents[1] / "oracle"
FILES = sorted(ORACLE.rglob("*.py"))


def imported_modules(source: str) -> set[str]:
    """Every module that a source text imports by statement, and every name that could import one otherwise."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {"." * node.level + (node.module or "")} | (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module else set()
            )
        elif isinstance(node, ast.Name) and node.id in ("__import__", "eval", "exec", "compile"):
            found.add(node.id)
    return found


def strays(source: str) -> set[str]:
    """What a source text imports besides the standard library and the oracle itself."""
    allowed = sys.stdlib_module_names - {"importlib", "pkgutil", "runpy"}
    return {
        name
        for name in imported_modules(source)
        if name.split(".")[0] not in allowed and name != "tests" and not name.startswith(("tests.oracle.", "tests.oracle"))
    } | {name for name in imported_modules(source) if "anyapi" in name}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_oracle_imports_only_the_standard_library_and_itself(path):
    assert strays(path.read_text(encoding="utf-8")) == set()


def test_there_is_an_oracle_to_check():
    assert {"choice.py", "facts.py", "judgement.py", "laws.py", "requirement.py", "selectors.py"} <= {path.name for path in FILES}


@pytest.mark.parametrize(
    "source",
    [
        "import anyapi",
        "from anyapi.policy import merge",
        "import msgspec",
        "import importlib",
        "from .. import policy",
        "__import__('anyapi')",
    ],
)
def test_the_check_finds_a_stray_import(source):
    assert strays(source)
