"""Root keys: the forms that are read, and that they never show."""

import base64
import os
import pickle

import pytest

from anyapi.crypto.root_keys import NotARootKey, RootKeys, key_id, parse_root_keys

ONE = bytes(range(7, 39))
TWO = bytes(range(100, 132))


def plain(key):
    return base64.b64encode(key).decode()


@pytest.mark.parametrize(
    "text",
    [
        ONE.hex(),
        ONE.hex().upper(),
        plain(ONE),
        plain(ONE).rstrip("="),
        base64.urlsafe_b64encode(ONE).decode(),
        f"  {ONE.hex()}\n",
    ],
)
def test_every_form_gives_the_same_key(text):
    keys = parse_root_keys(text)
    assert keys.ids == (key_id(ONE),)
    assert keys.key(key_id(ONE)) == ONE


def test_url_safe_characters():
    key = b"\xfb\xff\xfe" * 10 + b"\x01\x02"
    key = bytes(byte ^ number for number, byte in enumerate(key))
    assert parse_root_keys(base64.urlsafe_b64encode(key).decode()).key(key_id(key)) == key


def test_the_first_of_several_seals_and_all_are_kept_in_order():
    keys = parse_root_keys(f"{plain(TWO)}\n{ONE.hex()}\n")
    assert keys.ids == (key_id(TWO), key_id(ONE))
    assert keys.key("0" * 16) is None
    assert keys
    assert not RootKeys()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "1 to 8 keys"),
        (" ".join(os.urandom(32).hex() for _ in range(9)), "1 to 8 keys"),
        ("00" * 32, "not random"),
        ("a" * 64, "not random"),
        (base64.b64encode(b"correct horse battery staple!!!").decode(), "44 characters"),
        (ONE.hex()[:-1], "64 hex digits"),
        (plain(ONE[:-1]), "64 hex digits"),
        ("correct-horse-battery-staple", "64 hex digits"),
        (f"{ONE.hex()} {plain(ONE)}", "twice"),
    ],
)
def test_what_is_no_root_key_is_refused_without_being_shown(text, why):
    with pytest.raises(NotARootKey, match=why) as caught:
        parse_root_keys(text)
    assert not text or text not in str(caught.value)


def test_a_key_of_another_length_is_refused():
    with pytest.raises(NotARootKey, match="32 bytes"):
        RootKeys([b"short"])


def test_the_id_is_eight_bytes_and_differs():
    assert len(bytes.fromhex(key_id(ONE))) == 8
    assert key_id(ONE) != key_id(TWO)


def test_they_do_not_show_and_do_not_pickle():
    keys = parse_root_keys(ONE.hex())
    for text in (repr(keys), str(keys), f"{keys}"):
        assert ONE.hex() not in text
        assert key_id(ONE) in text
    with pytest.raises(TypeError):
        pickle.dumps(keys)
