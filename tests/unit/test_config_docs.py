"""Every setting is in docs/configuration.md; every field of a record in docs/catalogue.md."""

from pathlib import Path

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.written import provider_source
from anyapi.config import ENVIRONMENT
from anyapi.config_values import Privacy, Server, ServerLimits, Tls, UpstreamLimits

DOCS = Path(__file__).parents[2] / "docs"
SECTIONS = [
    "server",
    "storage",
    "policy",
    "catalogue",
    "network",
    "usage",
    "scrub",
    "privacy",
    "encryption",
    "credentials",
    "agreements",
    "models",
]


@pytest.mark.parametrize("kind", [ServerLimits, UpstreamLimits, Tls, Privacy])
def test_every_setting_is_documented(kind):
    text = (DOCS / "configuration.md").read_text()
    assert [name for name in kind.__struct_fields__ if f"`{name}" not in text] == []


def test_limits_are_documented_with_their_defaults():
    text = (DOCS / "configuration.md").read_text()
    for limits in (Server().limits, Server().upstream):
        for name in limits.__struct_fields__:
            assert f"`{name} = {getattr(limits, name):.0f}`" in text


def test_every_section_and_variable_is_documented():
    text = (DOCS / "configuration.md").read_text()
    assert [name for name in SECTIONS if f"[{name}" not in text] == []
    assert [name for name in ENVIRONMENT if f"\n| `{name}` |" not in text] == [], "the table of variables is said to be complete"


def test_every_field_of_a_provider_is_documented():
    text = (DOCS / "catalogue.md").read_text()
    fields = {field for provider in load_catalogue().providers.values() for field in provider_source(provider)}
    undocumented = fields - {"api", "notes", "terms_url", "privacy_url", "compliance_source_url", "source_url_exact"}
    assert [name for name in sorted(undocumented) if f"`{name}" not in text] == []


def test_the_figures_of_the_page_are_those_of_the_catalogue():
    text, catalogue = (DOCS / "catalogue.md").read_text(), load_catalogue()
    endpoints = sum(len(model.endpoints) for model in catalogue.models.values())
    assert f"{len(catalogue.providers)} providers" in text
    assert f"{len(catalogue.models)} models and the {endpoints} endpoints" in text
