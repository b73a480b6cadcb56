"""Envelopes: what is sealed opens where it belongs, and nowhere else."""

import itertools
import os

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.crypto.envelope import seal, unseal
from anyapi.crypto.root_keys import RootKeys, key_id
from anyapi.crypto.sealed import Binding, CannotOpen, ClosedReason, Sealed
from anyapi.crypto.secret import Secret

OLD, NEW = bytes(range(32)), bytes(range(50, 82))
KEYS = RootKeys([NEW])
HERE = Binding("acme", "openai", "own:0123456789abcdef", 1)
SECRET = Secret("sk-live-0123456789")


def refused(sealed, binding, keys=KEYS):
    """The reason for which it does not open; whatever it says, it does not say the secret."""
    with pytest.raises(CannotOpen) as caught:
        unseal(sealed, binding, keys)
    assert SECRET.reveal() not in caught.value.message
    return caught.value.reason


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1), st.text(), st.text(), st.text(), st.integers(1, 2**53))
def test_what_is_sealed_opens_again(text, account, provider, row, version):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    binding = Binding(*(part.encode("utf-8", "replace").decode() for part in (account, provider, row)), version)
    sealed = seal(Secret(text), binding, KEYS)
    assert unseal(sealed, binding, KEYS) == Secret(text)
    assert sealed.key_id == key_id(NEW)


STORED = Sealed(
    "08abe538c083936f",
    bytes.fromhex(
        "ea63a8c7e76b37102f007b4889eb566d81af1fe0555ec704a32759cb50a58f4bf565abee617b9be8d8c76ceca289dd8fb29f4496477270b335ca23b8"
    ),
    bytes.fromhex("93fb97b15acedebea4bf86b937f6372cc246ca3734e637104098adb3db9e7e46b4ccfa0c6a194539599f273aac6b"),
)
"""`SECRET` as an earlier version of this code sealed it `HERE` under `OLD`."""


def test_what_was_stored_by_an_earlier_version_opens():
    assert unseal(STORED, HERE, RootKeys([OLD])) == SECRET


def test_it_is_aes_256_gcm_as_anybody_would_open_it():
    """Nonce first, of 12 bytes (NIST SP 800-38D, 8.2), then ciphertext and tag; the data key alike, under the root key."""
    said = b'["anyapi credential 1","%b","08abe538c083936f","acme","openai","own:0123456789abcdef",1]'
    data_key = AESGCM(OLD).decrypt(STORED.wrapped[:12], STORED.wrapped[12:], said % b"data key")
    assert len(data_key) == 32
    assert AESGCM(data_key).decrypt(STORED.ciphertext[:12], STORED.ciphertext[12:], said % b"secret") == SECRET.reveal().encode()


def test_nothing_of_the_secret_and_nothing_equal_is_in_two_seals():
    one, two = (seal(SECRET, HERE, KEYS) for _ in range(2))
    for sealed in (one, two):
        assert SECRET.reveal().encode() not in sealed.wrapped + sealed.ciphertext
    assert {one.wrapped[:12], one.ciphertext[:12]}.isdisjoint({two.wrapped[:12], two.ciphertext[:12]})
    assert one.wrapped[12:] != two.wrapped[12:]
    assert one.ciphertext[12:] != two.ciphertext[12:], "each seal has a data key of its own"


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"account": "other"},
        {"provider": "anthropic"},
        {"row": "own:0123456789abcdeF"},
        {"version": 2},
        {"account": "acmeopenai", "provider": ""},
    ],
    ids=lambda change: "+".join(change),
)
def test_moved_to_another_place_it_does_not_open(elsewhere):
    sealed = seal(SECRET, HERE, KEYS)
    assert refused(sealed, msgspec.structs.replace(HERE, **elsewhere)) is ClosedReason.DAMAGED


def test_parts_of_two_seals_do_not_go_together():
    one, two = seal(SECRET, HERE, KEYS), seal(SECRET, HERE, KEYS)
    assert refused(Sealed(one.key_id, one.wrapped, two.ciphertext), HERE) is ClosedReason.DAMAGED
    assert refused(Sealed(one.key_id, one.ciphertext, one.wrapped), HERE) is ClosedReason.DAMAGED


def test_every_altered_byte_is_found():
    sealed = seal(SECRET, HERE, KEYS)
    for name in ("wrapped", "ciphertext"):
        whole = getattr(sealed, name)
        for place in range(len(whole)):
            altered = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            assert refused(msgspec.structs.replace(sealed, **{name: altered}), HERE) is ClosedReason.DAMAGED
        for length in (0, 1, 12, 27, len(whole) - 1):
            assert refused(msgspec.structs.replace(sealed, **{name: whole[:length]}), HERE) is ClosedReason.DAMAGED


def test_what_does_not_decrypt_to_text_or_to_a_key_is_refused():
    """A seal that somebody with the root key made wrongly: a data key of another length, a secret that is no text."""
    nonce = os.urandom(12)

    def associated(purpose):
        return msgspec.json.encode(["anyapi credential 1", purpose, key_id(NEW), "acme", "openai", "own:0123456789abcdef", 1])

    for data_key, plain in ((b"k" * 31, b"text"), (b"k" * 32, b"\xff\xfe")):
        wrapped = nonce + AESGCM(NEW).encrypt(nonce, data_key, associated("data key"))
        made = AESGCM(data_key.ljust(32, b"k")).encrypt(nonce, plain, associated("secret"))
        assert refused(Sealed(key_id(NEW), wrapped, nonce + made), HERE) is ClosedReason.DAMAGED


def test_rotation_every_key_opens_and_the_first_seals():
    old = seal(SECRET, HERE, RootKeys([OLD]))
    both = RootKeys([NEW, OLD])
    assert unseal(old, HERE, both) == SECRET
    assert seal(SECRET, HERE, both).key_id == key_id(NEW)
    assert refused(old, HERE, KEYS) is ClosedReason.NO_ROOT_KEY
    assert key_id(OLD) in str(pytest.raises(CannotOpen, unseal, old, HERE, KEYS).value)


def test_a_seal_under_one_root_key_does_not_open_under_the_id_of_another():
    old = seal(SECRET, HERE, RootKeys([OLD]))
    assert refused(msgspec.structs.replace(old, key_id=key_id(NEW)), HERE) is ClosedReason.DAMAGED


def test_without_a_root_key_nothing_is_sealed():
    with pytest.raises(LookupError):
        seal(SECRET, HERE, RootKeys())
    assert refused(seal(SECRET, HERE, KEYS), HERE, RootKeys()) is ClosedReason.NO_ROOT_KEY


def test_two_root_keys_of_one_store_share_nothing():
    sealed = [seal(SECRET, HERE, RootKeys([key])) for key in (OLD, NEW)]
    assert all(one.wrapped != two.wrapped for one, two in itertools.combinations(sealed, 2))
