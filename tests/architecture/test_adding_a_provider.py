"""What CONTRIBUTING.md says of adding a provider: one record, or one module of less than 300 lines that the last one added shows."""

import ast
import re

from tests.architecture.source import ROOT, modules, parse

from anyapi.catalogue.load import load_catalogue
from anyapi.upstream import adapters, cohere
from anyapi.upstream.registry import ROWS

LAST_ADDED, LONGEST = "upstream/cohere.py", 300
WORD = re.compile("cohere", re.IGNORECASE)
NAMED = {"upstream/adapters.py": 2, "upstream/routers.py": 2, "catalogue/vocabulary.py": 1}
"""Lines beside the module that name it: its import and its registration, and lists of names that are data."""


KNOWN = {module.dotted for module in modules()}


def imported(module):
    """The modules of the product that one imports, names taken out of a package counted as its modules."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("anyapi"):
            found |= {f"{node.module}.{name.name}" if f"{node.module}.{name.name}" in KNOWN else str(node.module) for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.startswith("anyapi")}
    return found


def not_shared(module, others):
    """What it imports of the product that nothing else of the product does: a piece of it in another file."""
    shared = set().union(*(imported(other) for other in others if other.name != module.name))
    return sorted(imported(module) - shared)


def lines_that_name_it(others):
    """How many lines of each module beside the last one added speak of it; the simulator is no part of the product."""
    counted = {other.name: sum(bool(WORD.search(line)) for line in other.text.splitlines()) for other in others}
    return {name: count for name, count in counted.items() if count and name != LAST_ADDED and not name.startswith("simulator/")}


def test_the_last_native_adapter_is_one_short_module():
    module = next(module for module in modules() if module.name == LAST_ADDED)
    assert len(module.text.splitlines()) < LONGEST
    assert not_shared(module, modules()) == []
    assert lines_that_name_it(modules()) == NAMED


def test_it_holds_all_of_the_format():
    """The adapter, and what it makes, are classes and functions of this module."""
    adapter = adapters.CHATS["cohere"]
    assert adapter is cohere.CohereAdapter
    assert {adapter.__module__, cohere.ChatStream.__module__, cohere.request_of.__module__, cohere.answer_of.__module__} == {
        cohere.__name__
    }
    assert set(vars(adapter)) >= {"prepare", "read_answer", "open_stream", "classify"}


def test_a_second_module_would_be_found():
    inside = parse(LAST_ADDED, "from anyapi.upstream import sse, cohere_wire\nfrom anyapi.upstream.classify import kind_of_status\n")
    others = [
        parse("upstream/x.py", "import anyapi.upstream.classify\nfrom anyapi.upstream import sse\n"),
        parse("upstream/y.py", "# Cohere's"),
    ]
    assert not_shared(inside, others) == ["anyapi.upstream"]
    assert lines_that_name_it(others) == {"upstream/y.py": 1}
    hidden = parse(LAST_ADDED, "from anyapi.upstream.bedrock_family import Family\n")
    assert not_shared(hidden, others) == ["anyapi.upstream.bedrock_family"]


def test_a_provider_of_openais_format_is_a_record():
    """Most of those in the catalogue have no line of code; what differs for the others is a row of data."""
    speaking = {name for name, record in load_catalogue().providers.items() if record.api.protocol == adapters.OPENAI}
    assert len(speaking - ROWS.keys()) > 20
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding a provider")[2].partition("\n## ")[0]
    told = ("providers.yaml", "registry.py", "adapters.py", f"src/anyapi/{LAST_ADDED}", f"less than {LONGEST} lines")
    assert [words for words in told if words not in page] == []
