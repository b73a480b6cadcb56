"""API keys: form, checksum, hash, and that a secret does not show."""

import copy
import hashlib
import pickle
import re
import string
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyapi.crypto.api_keys import LEAK_REGEX, PREFIX, PROVISIONING_PREFIX, digest, generate

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def number(text):
    """Base62, most significant digit first; written apart from the product."""
    value = 0
    for character in text:
        value = value * 62 + ALPHABET.index(character)
    return value


def test_the_form_is_prefix_random_and_checksum():
    key = generate()
    assert re.fullmatch(r"anyapi_sk_[0-9A-Za-z]{36}", key.secret)
    assert number(key.secret[40:]) == zlib.crc32(key.secret[:40].encode())


def test_what_is_stored_is_the_hash_an_id_and_a_few_characters():
    key = generate()
    assert key.sha256 == hashlib.sha256(key.secret.encode()).digest() == digest(key.secret.encode())
    assert key.prefix == key.secret[:14]
    assert re.fullmatch(r"key_[0-9A-Za-z]{16}", key.id)
    assert key.id[4:] not in key.secret


def test_keys_differ():
    keys = [generate() for _ in range(200)]
    assert len({key.secret for key in keys}) == len({key.id for key in keys}) == 200


def test_every_character_of_the_alphabet_comes_up():
    assert set("".join(generate().secret[10:40] for _ in range(200))) == set(ALPHABET)


def test_every_single_substitution_is_refused():
    """All of the 94 printable characters at all 46 places of 20 keys, and bytes that no key has."""
    others = [bytes([code]) for code in (*range(32, 127), 0, 10, 128, 255)]
    tried = 0
    for _ in range(20):
        secret = generate().secret.encode()
        for place in range(len(secret)):
            for other in others:
                if other != secret[place : place + 1]:
                    assert digest(secret[:place] + other + secret[place + 1 :]) is None
                    tried += 1
    assert tried == 20 * 46 * 98


def test_neighbours_swapped_dropped_or_doubled_are_refused():
    for _ in range(100):
        secret = generate().secret.encode()
        for place in range(len(secret) - 1):
            swapped = secret[:place] + secret[place + 1 : place + 2] + secret[place : place + 1] + secret[place + 2 :]
            assert swapped == secret or digest(swapped) is None
            assert digest(secret[:place] + secret[place + 1 :]) is None
            assert digest(secret[:place] + secret[place : place + 1] + secret[place:]) is None


@given(st.binary(max_size=60))
def test_anything_else_is_refused(noise):
    assert digest(noise) is None
    assert digest(PREFIX.encode() + noise) is None


def test_a_right_checksum_does_not_excuse_a_wrong_form():
    checked = PREFIX + "a" * 29 + "-"
    crc = zlib.crc32(checked.encode())
    digits = ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        digits = ALPHABET[digit] + digits
    assert digest((checked + digits).encode()) is None


def test_the_leak_regex_finds_keys_in_text_and_nothing_shorter():
    secret = generate().secret
    assert re.findall(LEAK_REGEX, f'{{"key": "{secret}", "id": "anyapi_sk_short"}} x{secret} {secret}9') == [secret]


def test_the_secret_does_not_show():
    key = generate()
    for shown in (repr(key), str(key), f"{key}", f"{[key]}"):
        assert key.secret not in shown
        assert key.secret[14:] not in shown
        assert key.id in shown


@pytest.mark.parametrize("copier", [pickle.dumps, copy.deepcopy])
def test_the_secret_does_not_travel(copier):
    with pytest.raises(TypeError):
        copier(generate())


def test_a_provisioning_key_is_no_api_key_and_the_reverse():
    managing, calling = generate(PROVISIONING_PREFIX), generate()
    assert managing.secret.startswith("anyapi_pk_")
    assert managing.id.startswith("prov_")
    assert digest(managing.secret.encode(), PROVISIONING_PREFIX.encode()) == managing.sha256
    assert digest(managing.secret.encode()) is None
    assert digest(calling.secret.encode(), PROVISIONING_PREFIX.encode()) is None
    assert re.findall(LEAK_REGEX, f"{managing.secret} {calling.secret}") == [managing.secret, calling.secret]
