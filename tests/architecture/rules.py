"""The rules of the house as functions: a module in, the places that break the rule out. Reads no file."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import Function, Module, functions

MODULE_LINES, FUNCTION_LINES, COMPLEXITY, PARAMETERS = 400, 50, 10, 7
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.match_case, ast.Assert)
BROAD = {"Exception", "BaseException"}
VAGUE_NAMES = re.compile(r"_?(utils?|helpers?|managers?|common|misc|stuff)|.*_(utils?|helpers?|manager)")
PURE_IMPORTS = {
    *(
        "abc",
        "bisect",
        "collections",
        "collections.abc",
        "dataclasses",
        "datetime",
        "difflib",
        "enum",
        "fnmatch",
        "functools",
        "hashlib",
        "heapq",
    ),
    *("itertools", "json", "math", "operator", "re", "string", "types", "typing", "msgspec"),
}
"""What the pure core may import besides itself. No clock, no file, no network, no chance, no log."""
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
OUTPUT_MODULES = {"logging", "syslog", "warnings"}


def too_long(module: Module) -> Iterator[str]:
    """Modules over 400 lines and functions over 50."""
    lines = module.text.count("\n")
    if lines > MODULE_LINES:
        yield f"{module.name}: {lines} lines"
    for name, function in functions(module.tree):
        length = function.end_lineno - function.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{module.name}::{name}: {length} lines"


def complexity(function: Function) -> int:
    """1, one more for each branch, one more for each operand of a boolean operator after the first."""
    score = 1
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            score += len(node.values) - 1
        elif isinstance(node, BRANCHES):
            score += 1
    return score


def too_complex(module: Module) -> Iterator[str]:
    """Functions over the limit of complexity."""
    for name, function in functions(module.tree):
        if (score := complexity(function)) > COMPLEXITY:
            yield f"{module.name}::{name}: complexity {score}"


def too_wide(module: Module) -> Iterator[str]:
    """Functions with more than 7 parameters, `self` and `cls` not counted."""
    for name, function in functions(module.tree):
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        count = sum(argument is not None and argument.arg not in {"self", "cls"} for argument in every)
        if count > PARAMETERS:
            yield f"{module.name}::{name}: {count} parameters"


def uses_any(module: Module) -> Iterator[str]:
    """Modules that name `Any`, outside the two places where wire formats meet."""
    if module.inside("gateway/formats", "upstream/translate"):
        return
    for node in ast.walk(module.tree):
        if (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any"):
            yield module.name


def uses_global(module: Module) -> Iterator[str]:
    """`global` statements."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Global):
            yield f"{module.name}:{node.lineno}: global {', '.join(node.names)}"


def imports_in_functions(module: Module) -> Iterator[str]:
    """Functions that import, by name."""
    for name, function in functions(module.tree):
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function)):
            yield f"{module.name}::{name}"


def broad_excepts(module: Module) -> Iterator[str]:
    """Functions (or modules) that catch or suppress everything."""
    places = [(f"{module.name}::{name}", function) for name, function in functions(module.tree)]
    inside = {id(node) for _, function in places for node in ast.walk(function)}
    top = [node for node in ast.walk(module.tree) if id(node) not in inside]
    for place, nodes in [(module.name, top), *((place, list(ast.walk(function))) for place, function in places)]:
        if any(_is_broad(node) for node in nodes):
            yield place


def _is_broad(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or _names_broad(node.type)
    return isinstance(node, ast.Call) and _last_name(node.func) == "suppress" and any(map(_names_broad, node.args))


def _names_broad(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Name) and part.id in BROAD for part in ast.walk(node))


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def public_names(module: Module) -> Iterator[tuple[str, bool]]:
    """Public classes, functions and methods (not those inside functions), and whether each has a docstring."""

    def visit(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, bool]]:
        for child in node.body:
            if isinstance(child, Function | ast.ClassDef) and not child.name.startswith("_"):
                yield f"{module.name}::{prefix}{child.name}", ast.get_docstring(child) is not None
                if isinstance(child, ast.ClassDef):
                    yield from visit(child, f"{child.name}.")

    return visit(module.tree, "")


def vague_name(module: Module) -> Iterator[str]:
    """Modules and packages named for nothing."""
    if any(VAGUE_NAMES.fullmatch(part) for part in module.name.removesuffix(".py").split("/")):
        yield module.name


def imported(module: Module) -> Iterator[str]:
    """Absolute names of what a module imports; for `from a import b` both `a` and `a.b` would do, so `a` is given."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def impure(module: Module) -> Iterator[str]:
    """What the pure core (`domain` and `policy`) may not touch: imports beyond the list, and clocks."""
    if not module.inside("domain", "policy"):
        return
    own = ("anyapi.domain", "anyapi.errors") if module.inside("domain") else ("anyapi.domain", "anyapi.errors", "anyapi.policy")
    for name in imported(module):
        if name not in PURE_IMPORTS and not any(name == root or name.startswith(f"{root}.") for root in own):
            yield f"{module.name}: imports {name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f"{module.name}:{node.lineno}: calls {node.func.attr}()"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"}:
            yield f"{module.name}:{node.lineno}: calls {node.func.id}()"


def writes_output(module: Module) -> Iterator[str]:
    """Functions or modules that print or log, outside the places made for it."""
    if module.inside("cli", "cli.py", "simulator", "telemetry"):
        return
    if any(name.split(".")[0] in OUTPUT_MODULES for name in imported(module)):
        yield module.name
        return
    for node in ast.walk(module.tree):
        printing = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        stream = isinstance(node, ast.Attribute) and node.attr in {"stdout", "stderr"} and _last_name(node.value) == "sys"
        traces = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("print_")
        if printing or stream or traces:
            yield module.name
            return


def reads_environment(module: Module) -> Iterator[str]:
    """Modules that read the environment. Only the configuration does; commands and bootstrap hand it on as a whole, as an argument."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    handed_on = {id(argument) for call in calls for argument in call.args} if module.inside("cli", "bootstrap.py") else set()
    for node in ast.walk(module.tree):
        if (
            id(node) not in handed_on
            and isinstance(node, ast.Attribute)
            and node.attr in {"environ", "environb", "getenv"}
            and _last_name(node.value) == "os"
        ):
            yield module.name
            return


def only_declares(module: Module) -> bool:
    """Whether there is nothing to run: structs, enums, constants, re-exports and protocols, whose functions are only signatures."""
    return not any(
        isinstance(node, ast.Lambda) or (isinstance(node, Function) and not _is_signature(node)) for node in ast.walk(module.tree)
    )


def _is_signature(function: Function) -> bool:
    return all(
        isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)) for line in function.body
    )
