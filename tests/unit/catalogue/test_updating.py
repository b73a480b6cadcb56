"""What is taken from outside: whole, strict, newer, and leading nowhere new."""

import json

import msgspec
import pytest
from tests.tools.catalogue_site import edited

from anyapi.catalogue.canonical import encode, with_version
from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.updating import LARGEST, UpdateRefused, check_addresses, check_newer, read_compiled
from anyapi.errors import CatalogueError

PACKAGED = load_catalogue()


def test_the_shipped_catalogue_passes():
    assert read_compiled(encode(PACKAGED), "x.json") == PACKAGED


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b"\xff", b"[" * 100_000, b'{"version": 1}', bytes(LARGEST + 1)])
def test_what_is_no_catalogue(data):
    with pytest.raises(UpdateRefused):
        read_compiled(data, "x.json")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.replace(b'"never"', b'"opt_out"', 1),
        lambda data: data + b" ",
        lambda data: data.replace(b'{"version"', b'{ "version"', 1),
        lambda data: data.replace(b'"providers":{', b'"more":1,"providers":{', 1),
    ],
)
def test_a_byte_that_was_changed(spoil):
    with pytest.raises(UpdateRefused):
        read_compiled(spoil(encode(PACKAGED)), "x.json")


def test_a_record_is_read_as_strictly_as_a_source():
    """Whoever compiles by hand cannot smuggle in what a source could not say."""
    record = PACKAGED.providers["openai"]
    plain = msgspec.structs.replace(record, api=msgspec.structs.replace(record.api, base_url="http://openai.example/v1"))
    with pytest.raises(CatalogueError, match="must be https"):
        read_compiled(encode(edited(PACKAGED, openai=plain)), "x.json")
    with pytest.raises(CatalogueError, match="another name"):
        read_compiled(encode(edited(PACKAGED, mistral=record)), "x.json")
    model = next(iter(PACKAGED.models.values()))
    stray = msgspec.structs.replace(model.endpoints[0], provider="nobody", id=f"nobody/{model.endpoints[0].upstream_model}")
    broken = msgspec.structs.replace(model, endpoints=(stray,))
    with pytest.raises(CatalogueError, match="must be a provider of the catalogue"):
        read_compiled(encode(edited(PACKAGED, models={model.id: broken})), "x.json")
    other = msgspec.structs.replace(model.endpoints[0], id="openai/another-id")
    with pytest.raises(CatalogueError, match="not as a source"):
        read_compiled(encode(edited(PACKAGED, models={model.id: msgspec.structs.replace(model, endpoints=(other,))})), "x.json")
    keyed = json.loads(encode(PACKAGED))
    keyed["models"]["a/other"] = keyed["models"].pop(model.id)
    found = msgspec.json.decode(json.dumps(keyed), type=type(PACKAGED))
    with pytest.raises(CatalogueError, match="another name"):
        read_compiled(encode(with_version(found)), "x.json")


def test_older_and_replayed_ones_are_refused():
    newer, same_day = edited(PACKAGED, 1), edited(PACKAGED, 0, openai=msgspec.structs.replace(PACKAGED.providers["openai"], name="O"))
    check_newer(newer, PACKAGED, {PACKAGED.version}, "x")
    check_newer(same_day, PACKAGED, {PACKAGED.version}, "x")
    check_newer(PACKAGED, PACKAGED, {PACKAGED.version}, "x")
    with pytest.raises(UpdateRefused, match="older than the one in force"):
        check_newer(PACKAGED, newer, set(), "x")
    with pytest.raises(UpdateRefused, match="was in force before"):
        check_newer(PACKAGED, same_day, {PACKAGED.version}, "x")


def test_an_address_that_moves_has_to_be_meant():
    record = PACKAGED.providers["openai"]
    moved = edited(
        PACKAGED, openai=msgspec.structs.replace(record, api=msgspec.structs.replace(record.api, base_url="https://evil.test/v1"))
    )
    check_addresses(PACKAGED, PACKAGED, "x")
    with pytest.raises(UpdateRefused, match="openai is reached"):
        check_addresses(moved, PACKAGED, "x")
