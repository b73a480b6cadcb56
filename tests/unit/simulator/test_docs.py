"""docs/simulator.md names every fault with an example that is read, every outcome, every total and every option."""

import re
from pathlib import Path
from typing import get_args

import pytest

from anyapi.simulator import DEFAULT_PROVIDERS, Outcome, WireName, read_fault
from anyapi.simulator.__main__ import _parser
from anyapi.simulator.cast import APIS
from anyapi.simulator.faults import AnyFault

TEXT = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
EXAMPLES = re.findall(r'^\| `(\{"kind": .*?\})` \|', TEXT, re.MULTILINE)


def test_every_fault_has_one_example():
    kinds = sorted(kind.__struct_config__.tag for kind in get_args(AnyFault))
    assert sorted(read_fault(example).kind for example in EXAMPLES) == kinds


@pytest.mark.parametrize("word", [*Outcome, *(spec.id for spec in DEFAULT_PROVIDERS)])
def test_words_are_explained(word):
    assert f"`{word}`" in TEXT


@pytest.mark.parametrize("name", WireName)
def test_every_api_and_path_is_explained(name):
    assert f"`{name}`" in TEXT
    assert [wire.completion_path for wire in APIS[name].wires if f"`{wire.completion_path}`" not in TEXT] == []


def test_options_are_explained():
    options = [option for action in _parser()._actions for option in action.option_strings if option.startswith("--")]
    assert [option for option in options if option not in TEXT] == []
