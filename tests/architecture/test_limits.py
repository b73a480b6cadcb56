"""Size, shape and manners of every module, measured the same way for all code. What may differ stands in allowed.toml, with a reason."""

import ast

import pytest
from tests.architecture import rules
from tests.architecture.source import ROOT, modules, none, parse, unexplained
from tests.conftest import LONGEST

LEAST_DOCUMENTED = 0.95
HARD_RULES = [rules.too_long, rules.too_complex, rules.too_wide, rules.uses_any, rules.uses_global, rules.vague_name, rules.impure]
SOFT_RULES = {
    "imports_in_functions": rules.imports_in_functions,
    "broad_except": rules.broad_excepts,
    "output": rules.writes_output,
    "environment": rules.reads_environment,
}


def name_of(rule):
    return rule.__name__


@pytest.mark.parametrize("rule", HARD_RULES, ids=name_of)
def test_no_module_breaks(rule):
    none([problem for module in modules() for problem in rule(module)])


@pytest.mark.parametrize("rule", SOFT_RULES)
def test_only_what_is_allowed_with_a_reason_breaks(rule):
    none(unexplained(rule, {place for module in modules() for place in SOFT_RULES[rule](module)}))


def test_every_module_says_what_it_is():
    none([module.name for module in modules() if not ast.get_docstring(module.tree)])


def test_public_names_are_documented():
    names = [found for module in modules() for found in rules.public_names(module)]
    bare = [name for name, documented in names if not documented]
    if len(bare) > (1 - LEAST_DOCUMENTED) * len(names):
        none(bare)


def test_every_module_with_something_to_run_has_a_test_of_its_name():
    missing = set()
    for module in modules():
        folder, _, file = module.name.rpartition("/")
        # A package's own code is tested under the package's name.
        stem = file.removesuffix(".py") if file != "__init__.py" else folder.rpartition("/")[2]
        if not rules.only_declares(module) and not (ROOT / "tests/unit" / folder / f"test_{stem.strip('_')}.py").exists():
            missing.add(module.name)
    none(unexplained("no_test_of_its_own", missing))


def test_files_of_tests_that_are_begun_first_exist():
    none([name for name in LONGEST if not (ROOT / f"tests/{name}.py").is_file()])


# Each rule is shown to bite.

BAD = {
    rules.too_long: "x = 1\n" * 401,
    rules.too_complex: "def f(a):\n" + "    if a: pass\n" * 10,
    rules.too_wide: "class A:\n    def f(self, a, b, c, d, /, e, *args, f, **more): pass\n",
    rules.uses_any: "import typing\nx: typing.Any = 1\n",
    rules.uses_global: "def f():\n    global a\n    a = 1\n",
    rules.imports_in_functions: "class A:\n    def f(self):\n        from os import path\n",
    rules.broad_excepts: "def f():\n    try: pass\n    except (ValueError, Exception): pass\n",
    rules.writes_output: "import sys\nsys.stderr.write('x')\n",
    rules.reads_environment: "import os\nos.environ['HOME']\n",
}


@pytest.mark.parametrize("rule", BAD, ids=name_of)
def test_a_rule_bites(rule):
    assert list(rule(parse("gateway/bad.py", BAD[rule])))
    assert not list(rule(parse("gateway/good.py", '"""Good."""\n\n\ndef f(a: int) -> int:\n    """Same."""\n    return a\n')))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (rules.too_long, "a.py", "def f():\n" + "    a = 1\n" * 50),
        (rules.too_complex, "a.py", "def f(a):\n    return " + " and ".join("a" * 11)),
        (rules.uses_any, "a.py", "from typing import Any\ndef f(a: Any): pass\n"),
        (rules.broad_excepts, "a.py", "try: pass\nexcept: pass\n"),
        (rules.broad_excepts, "a.py", "from contextlib import suppress\ndef f():\n    with suppress(BaseException): pass\n"),
        (rules.vague_name, "gateway/utils.py", ""),
        (rules.vague_name, "helpers/a.py", ""),
        (rules.vague_name, "session_manager.py", ""),
        (rules.impure, "policy/a.py", "import logging"),
        (rules.impure, "policy/a.py", "from os import path"),
        (rules.impure, "policy/a.py", "from anyapi.gateway import limits"),
        (rules.impure, "policy/a.py", "from . import rules"),
        (rules.impure, "domain/a.py", "from anyapi.policy import merge"),
        (rules.impure, "domain/a.py", "import datetime\na = datetime.datetime.now()"),
        (rules.impure, "policy/a.py", "def f(): open('x')"),
        (rules.reads_environment, "cli/a.py", "import os\nos.environ.get('HOME')"),
        (rules.reads_environment, "gateway/a.py", "import os\nload(os.environ)"),
        (rules.writes_output, "gateway/a.py", "def f(): print(1)"),
        (rules.writes_output, "storage/a.py", "import logging"),
        (rules.writes_output, "storage/a.py", "import traceback\ntraceback.print_exc()"),
    ],
)
def test_a_rule_bites_elsewhere_too(rule, name, text):
    assert list(rule(parse(name, text)))


def test_what_is_allowed_passes():
    assert list(rules.uses_any(parse("gateway/formats/a.py", BAD[rules.uses_any]))) == []
    assert list(rules.writes_output(parse("cli/a.py", "print(1)"))) == []
    assert (
        list(rules.impure(parse("policy/a.py", "import math\nfrom anyapi.domain.call import Facts\nfrom anyapi.policy import merge"))) == []
    )
    assert list(rules.impure(parse("storage/a.py", "import os"))) == []
    assert list(rules.reads_environment(parse("cli/a.py", "import os\nload(os.environ)"))) == []
    assert rules.only_declares(parse("a.py", '"""Ids."""\nfrom typing import NewType\nA = NewType("A", str)\nclass B: pass\n'))
    assert rules.only_declares(parse("a.py", 'class B:\n    def c(self):\n        "d"\n        ...\n'))
    assert not rules.only_declares(parse("a.py", "class B:\n    def c(self): return 1\n"))
    assert dict(rules.public_names(parse("a.py", 'class A:\n    def b(self): pass\n    def _c(self): pass\ndef d():\n    "e"\n'))) == {
        "a.py::A": False,
        "a.py::A.b": False,
        "a.py::d": True,
    }


def test_an_exception_must_be_needed_and_explained(monkeypatch):
    monkeypatch.setattr("tests.architecture.source.allowed", lambda _: {"a.py": "a reason that is long enough", "b.py": "short"})
    assert unexplained("x", {"a.py", "b.py"}) == ["b.py: its exception gives no reason"]
    assert unexplained("x", {"b.py", "c.py"})[:2] == [
        "c.py: breaks the rule `x`",
        "a.py: stands under `x` in allowed.toml but needs no exception",
    ]
