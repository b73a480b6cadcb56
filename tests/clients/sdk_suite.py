"""The test suites that the official SDKs ship in their source packages, pointed at a gateway. Nothing of them is kept in this repository.

The suites were written for a mock server that takes anything. A plan (`sdk_suites/*.toml`) says what is different here, and its text is all
that is different: names of models, and for single tests the arguments that this gateway refuses by promise.
Everything else runs as its authors wrote it, in an environment of its own that holds nothing of the product.
"""

import ast
import copy
import fnmatch
import os
import subprocess
import tarfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

PLANS = Path(__file__).parent / "sdk_suites"
RESOURCES = "tests/api_resources"
"""Where both SDKs keep the tests that talk to a server. All others have a transport of their own inside the process."""


STILL = "__still_"
"""In the name of a copy of a test that keeps one of the arguments that are taken out: it has to fail, else the argument need not go."""


@dataclass(frozen=True)
class Plan:
    """What is different for one suite, each time with the reason. Patterns of tests name file, class and function,
    those of `fails` perhaps the variant, after an @."""

    package: str
    base: str
    """The path that the SDK expects at the end of its base URL."""
    key: str
    """The API key that the suite sends."""
    served: tuple[str, ...]
    """Files of tests of routes that are served."""
    names: Mapping[str, str]
    """What the suite calls a model, and its id here."""
    not_served: Mapping[str, str]
    """Patterns of files of routes that are not served."""
    fails: Mapping[str, str]
    """Patterns of tests in served files that cannot pass. They are run all the same, and have to fail."""
    without: Mapping[str, Mapping[str, str]]
    """Arguments that are taken out of the calls of the tests whose function's name fits."""
    added: Mapping[str, Mapping[str, str]]
    """Arguments that are put in where they are absent, with their values."""

    def reason(self, path: str) -> str | None:
        """Why the routes of a file are not served; None if no pattern says so."""
        return next((why for pattern, why in self.not_served.items() if fnmatch.fnmatch(path, pattern)), None)

    def only(self, file: str) -> "Plan":
        """The plan for one served file."""
        return replace(self, served=(file,))

    def expected_failure(self, name: str) -> str | None:
        """The pattern that says why a test cannot pass; None if it has to."""
        bare = name.partition("@")[0]
        return next((one for one in self.fails if fnmatch.fnmatch(name if "@" in one else bare, one)), None)


def bring() -> tuple[str, Path]:
    """The Python that runs the suites and has the descriptions of formats, and the folder of the SDKs' source packages."""
    root = Path(__file__).parents[2]
    done = subprocess.run(["bash", "scripts/client_suites.sh"], cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    python, sdists = done.stdout.splitlines()
    return python, Path(sdists)


def read_plan(name: str) -> Plan:
    """The plan of one SDK."""
    found = tomllib.loads((PLANS / f"{name}.toml").read_text())
    return Plan(**{**found, "served": tuple(found["served"])})


def unpack(sdist: Path, target: Path) -> Path:
    """The source package, unpacked; its root."""
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    (root,) = target.iterdir()
    return root


def files(root: Path) -> set[str]:
    """Every file of tests that talk to a server, as a path below `RESOURCES`."""
    base = root / RESOURCES
    return {str(path.relative_to(base)) for path in base.rglob("test_*.py")}


class _Edit(ast.NodeTransformer):
    """Names models by their ids, and takes out and puts in the arguments that a plan tells of."""

    def __init__(self, plan: Plan, file: str) -> None:
        self.plan = plan
        self.where = [file]
        self.used: set[tuple[str, str]] = set()

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(self.plan.names.get(node.value, node.value)) if isinstance(node.value, str) else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.where.append(node.name)
        node.body = [edited for part in node.body for edited in self._edited(part)]
        self.where.pop()
        return node

    def _edited(self, node: ast.stmt) -> list[ast.stmt]:
        """A test as it is run, and a copy for each argument that was taken out."""
        node = self.visit(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return [node]
        name = "::".join([*self.where, node.name])
        found = [(pattern, word) for pattern in self.plan.without if fnmatch.fnmatch(name, pattern) for word in self.plan.without[pattern]]
        given = {word.arg for call in _calls(node) for word in call.keywords}
        taken = [(pattern, word) for pattern, word in found if word in given]
        self.used.update(taken)
        copies = [copy.deepcopy(node) for _ in taken]
        out = {word for _, word in taken}
        for kept, (_, word) in zip(copies, taken, strict=True):
            kept.name += STILL + word
            _take_out(kept, out - {word})
        _take_out(node, out)
        for pattern in self.plan.added:
            if fnmatch.fnmatch(name, pattern):
                self.used.add((pattern, ""))
                _put_in(node, self.plan.added[pattern])
        return [node, *copies]


def _calls(node: ast.AST) -> list[ast.Call]:
    """The calls of the SDK's methods in a test."""
    return [
        part for part in ast.walk(node) if isinstance(part, ast.Call) and ast.unparse(part.func).startswith(("client.", "async_client."))
    ]


def _take_out(node: ast.AST, words: set[str]) -> None:
    for call in _calls(node):
        call.keywords = [word for word in call.keywords if word.arg not in words]


def _put_in(node: ast.AST, words: Mapping[str, str]) -> None:
    for call in _calls(node):
        given = {word.arg for word in call.keywords}
        call.keywords += [ast.keyword(name, ast.Constant(value)) for name, value in words.items() if name not in given]


def edit(root: Path, plan: Plan) -> set[tuple[str, str]]:
    """Apply the plan to the served files; every pattern that was of use, with the argument that it took out."""
    used: set[tuple[str, str]] = set()
    for file in plan.served:
        path = root / RESOURCES / file
        change = _Edit(plan, file.removesuffix(".py"))
        path.write_text(ast.unparse(ast.fix_missing_locations(change.visit(ast.parse(path.read_text())))))
        used |= change.used
    return used


@dataclass(frozen=True)
class Outcome:
    """What became of one test."""

    name: str
    """File, class, function and variant."""
    state: str
    """`passed`, `failed` or `skipped`."""
    text: str


def run(python: str, root: Path, plan: Plan, base_url: str, *, patience: float = 600.0) -> list[Outcome]:
    """Run the tests of the served files, each once, against `base_url`."""
    report = root / "report.xml"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "TEST_API_BASE_URL": base_url + plan.base,
    }
    words = [python, "-m", "pytest", "-n0", "-q", "--tb=line", "-p", "no:cacheprovider", f"--junitxml={report}"]
    words += [f"{RESOURCES}/{name}" for name in plan.served]
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, timeout=patience, check=False)
    assert done.returncode in {0, 1}, done.stdout[-4000:] + done.stderr[-4000:]
    return [_outcome(case) for case in ET.parse(report).iter("testcase")]


def _outcome(case: ET.Element) -> Outcome:
    file, kind = case.attrib["classname"].removeprefix("tests.api_resources.").rsplit(".", 1)
    function, _, variant = case.attrib["name"].partition("[")
    name = "::".join([file.replace(".", "/"), kind, function]) + (f"@{variant.removesuffix(']')}" if variant else "")
    for word, state in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(word)
        if found is not None:
            return Outcome(name, state, f"{found.attrib.get('message', '')}\n{found.text or ''}")
    return Outcome(name, "passed", "")
