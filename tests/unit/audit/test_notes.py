"""Signed notes and checkpoints: byte for byte, strict, and as the C2SP examples have them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from anyapi.audit.notes import Checkpoint, PublicKey, SigningKey, decode64, encode64, open_note, split_note
from anyapi.errors import AuditError

KEY = SigningKey("log.example/audit", bytes(range(32)))
TEXT = str(Checkpoint("log.example/audit", 5, bytes(32)))

PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of Go's golang.org/x/mod/sumdb/note, which defined the format."""


def test_the_published_example_opens():
    key = PublicKey.parse(PUBLISHED_KEY)
    assert str(key) == PUBLISHED_KEY
    assert open_note(PUBLISHED_NOTE, key).startswith("If you think")
    with pytest.raises(AuditError, match="changed after"):
        open_note(PUBLISHED_NOTE.replace("answer", "ansWer"), key)


def test_a_note_says_what_was_signed_and_by_whom():
    note = KEY.sign(TEXT)
    assert note.startswith("log.example/audit\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u2014 log.example/audit ")
    assert note.endswith("\n")
    text, name, key_id, signature = split_note(note)
    assert (text, name, key_id) == (TEXT, "log.example/audit", KEY.public.id)
    Ed25519PublicKey.from_public_bytes(KEY.public.raw).verify(signature, TEXT.encode())
    assert Checkpoint.open(note, KEY.public) == ("log.example/audit", 5, bytes(32))


def test_every_changed_byte_of_a_note_is_refused():
    note = KEY.sign(TEXT).encode()
    for place in range(len(note)):
        for bit in range(8):
            changed = bytearray(note)
            changed[place] ^= 1 << bit
            with pytest.raises(AuditError):
                Checkpoint.open(changed.decode(errors="replace"), KEY.public)


def test_what_is_added_or_left_out_is_refused():
    note = KEY.sign(TEXT)
    for changed in (note + note.splitlines()[-1] + "\n", note + "\n", note[:-1], f"\n{note}", note.replace("\n\n", "\n"), "", "\n\n"):
        with pytest.raises(AuditError):
            Checkpoint.open(changed, KEY.public)


def test_another_key_and_another_log_are_refused():
    note = KEY.sign(TEXT)
    with pytest.raises(AuditError, match="another key"):
        open_note(note, SigningKey("log.example/audit", bytes(32)).public)
    with pytest.raises(AuditError, match="another key"):
        open_note(note, SigningKey("other.example/audit", bytes(range(32))).public)
    foreign = KEY.sign(str(Checkpoint("other.example", 5, bytes(32))))
    with pytest.raises(AuditError, match="another log"):
        Checkpoint.open(foreign, KEY.public)


@pytest.mark.parametrize(
    "text",
    ["a\n1\nAA==\n", "a\n01\n" + encode64(bytes(32)) + "\n", "a\n-1\n" + encode64(bytes(32)) + "\n", "a\n1\n" + encode64(bytes(33)) + "\n"]
    + [f"a\n1\n{encode64(bytes(32))}\nmore\n", f"a b\n1\n{encode64(bytes(32))}\n", f"a\n1\n{encode64(bytes(32))}", "", "\n\n\n"],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(AuditError):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["AA=", "AB==", "A", "AA==\n", " AA==", "A-==", "\u00e4", "AA==AA=="])
def test_base64_is_strict(text):
    with pytest.raises(AuditError):
        decode64(text)
    assert decode64("AA==") == b"\x00"


def test_keys_are_read_as_they_are_written_and_no_other_way():
    assert PublicKey.parse(str(KEY.public)).raw == KEY.public.raw
    assert SigningKey.parse(KEY.reveal()).public.raw == KEY.public.raw
    for text in (
        str(KEY.public)[:-1],
        str(KEY.public).replace("+", "-"),
        "x+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(),
        "",
    ):
        with pytest.raises(AuditError):
            PublicKey.parse(text)
    for text in (str(KEY.public), KEY.reveal().replace("PRIVATE", "Private"), KEY.reveal()[:-4], ""):
        with pytest.raises(AuditError):
            SigningKey.parse(text)
    with pytest.raises(AuditError):
        SigningKey("a", bytes(31))
    with pytest.raises(AuditError):
        PublicKey("a b", bytes(32))


def test_a_signing_key_does_not_print():
    assert encode64(bytes(range(32)))[:20] not in repr(KEY)
    assert len(KEY.public.fingerprint) == 64
