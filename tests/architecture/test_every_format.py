"""Where every provider's format is claimed every one stands: a new one is in the tests that go over all and on their pages, or these fail.

Other lists are made of `FORMATS` and cannot lack one.
"""

import pytest
from tests.architecture.source import ROOT
from tests.clients import node_sdks, test_anthropic_python, test_open_responses, test_openai_python_responses, traffic
from tests.conformance import pairs, test_translation_round_trip

from anyapi.simulator import FORMATS, WireName
from anyapi.upstream.adapters import SERVED_PROTOCOLS

READDRESSED = {"azure-openai", "vertex", "vertex-anthropic", "vertex-openai"}
"""Known formats at other addresses (docs/translation.md)."""
LISTS = {
    "conformance/pairs": pairs.APIS,
    "conformance/pairs, models": pairs.MODELS,
    "conformance/test_translation_round_trip": test_translation_round_trip.ADJUSTED,
    "clients/node_sdks": node_sdks.NAMES,
    "clients/traffic": traffic.PASSED,
    "clients/test_anthropic_python": test_anthropic_python.NAMES,
    "clients/test_open_responses": test_open_responses.NAMES,
    "clients/test_openai_python_responses": test_openai_python_responses.NAMES,
}
TRANSLATED = {WireName.GEMINI: "Gemini's", WireName.BEDROCK: "Bedrock's", WireName.COHERE: "Cohere's"}
"""Formats that no client of a page speaks, as pages write of them."""
PAGES = sorted((ROOT / "docs/clients").glob("*.md"))


def test_there_is_a_simulator_of_every_format_that_is_served():
    assert {protocol for protocol, _ in pairs.APIS.values()} == SERVED_PROTOCOLS - READDRESSED


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_every_format(name):
    assert set(LISTS[name]) == set(FORMATS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_that_names_a_translated_format_names_every_one(page):
    assert set(FORMATS) - TRANSLATED.keys() == {WireName.OPENAI, WireName.ANTHROPIC}
    text = page.read_text(encoding="utf-8")
    named = {words for words in TRANSLATED.values() if words in text}
    assert named in (set(), set(TRANSLATED.values()))
