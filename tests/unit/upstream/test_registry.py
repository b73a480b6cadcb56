"""Providers as rows: what is not recorded is the cautious default, and a row only says what differs."""

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.upstream.adapter import ProviderRow
from anyapi.upstream.registry import DEFAULT, ROWS, row_of


def test_an_unknown_provider_gets_the_cautious_default():
    row = row_of("nobody-knows-it")
    assert row is DEFAULT
    assert row == ProviderRow(accepts_store=False, accepts_stream_options=True, renames={}, drops=frozenset())


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_of_a_provider_of_the_catalogue_and_says_something(name):
    assert name in load_catalogue().providers
    assert row_of(name) is ROWS[name]
    assert ROWS[name] != DEFAULT


def test_a_field_is_either_renamed_or_dropped():
    for row in ROWS.values():
        assert row.drops.isdisjoint(row.renames)
        assert row.drops.isdisjoint(row.renames.values())


def test_only_those_that_declare_the_field_are_sent_store():
    assert {name for name, row in ROWS.items() if row.accepts_store} == {"openai", "azure", "xai"}
