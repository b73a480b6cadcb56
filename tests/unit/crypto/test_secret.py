import copy
import json
import pickle

import msgspec
import pytest

from anyapi.crypto.secret import Secret

TEXT = "sk-live-0123456789"


class Holder(msgspec.Struct):
    secret: Secret


def test_the_text_comes_out_only_by_reveal():
    assert Secret(TEXT).reveal() == TEXT


def test_no_way_of_printing_shows_it():
    secret = Secret(TEXT)
    printed = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret:>40}", f"{secret}", repr([secret])]
    printed += [repr(Holder(secret)), str(msgspec.structs.asdict(Holder(secret)))]
    assert all(TEXT not in text and "0123" not in text for text in printed)


@pytest.mark.parametrize(
    "store",
    [pickle.dumps, json.dumps, msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, hash, vars],
)
def test_nothing_stores_or_hashes_it(store):
    with pytest.raises(TypeError):
        store(Secret(TEXT))


def test_a_struct_that_holds_one_cannot_be_encoded():
    with pytest.raises(TypeError):
        msgspec.json.encode(Holder(Secret(TEXT)))


def test_equality():
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT


def test_copies_are_the_same_secret():
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
