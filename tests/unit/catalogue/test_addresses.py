"""Where providers are reached: what moves is found, and stays where it was while a process runs."""

import msgspec
from tests.unit.policy.samples import context, provider

from anyapi.catalogue.addresses import moved, with_addresses_of
from anyapi.catalogue.canonical import with_version


def elsewhere(record):
    return msgspec.structs.replace(record, api=msgspec.structs.replace(record.api, base_url="https://evil.test/v1"))


def test_a_moved_provider_is_reached_as_before():
    old = with_version(context([provider("a"), provider("b")]).catalogue)
    new = with_version(context([elsewhere(provider("a")), provider("b"), provider("c")]).catalogue)
    assert moved(old, new) == ("a",)
    assert moved(old, old) == ()
    kept = with_addresses_of(old, new)
    assert kept.providers["a"].api == old.providers["a"].api
    assert kept.providers["c"] == new.providers["c"]
    assert kept.version == with_version(kept).version != new.version
    assert with_addresses_of(old, old) is old
