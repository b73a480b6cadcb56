#!/usr/bin/env python3
"""Verify a receipt of an AnyAPI gateway, offline. One file: needs Python 3.9 or newer and the package `cryptography`.

    curl -s https://gateway.example/v1/receipts/dec_... -H "Authorization: Bearer $KEY" >receipt.json
    python verify_receipt.py receipt.json --key 'NAME+ID+KEY'

It shares no code with AnyAPI. What it checks:
 1. the file is JSON in one form only (sorted keys, no spaces, whole numbers), so that no byte can be changed without changing a value;
 2. the checkpoint is a signed note (C2SP signed-note) of the log's Ed25519 key, and nothing else stands in it;
 3. every entry is in the Merkle tree (RFC 6962) of that checkpoint, at the place that the receipt names;
 4. the entries belong together: the request's points to its ruling and, if it has one, to its decision record;
 5. with --body and --salt, that the request's entry commits to this body.
Without --key it prints the fingerprint of the key that signed: compare it with the one that the operator publishes. Anybody can make a key.
"""

import argparse
import base64
import hashlib
import hmac
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Refused(Exception):
    """The receipt does not prove what it says."""


def refuse(why):
    raise Refused(why)


def canonical(value):
    """JSON in the one form that counts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def load(data):
    """Parse the file; refuse every other way to write the same."""
    if data[-1:] == b"\n":
        data = data[:-1]
    try:
        value = json.loads(data.decode("utf-8"), parse_float=lambda _: refuse("a fraction"), parse_constant=lambda _: refuse("no number"))
        if canonical(value) != data:
            refuse("the file is not in the one form that a receipt has")
    except (ValueError, RecursionError):
        refuse("the file is not JSON")
    return value


def unbase64(text):
    """Base64 of which no other text has the same value."""
    if not isinstance(text, str):
        refuse("not base64")
    try:
        value = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        refuse("not base64")
    if base64.b64encode(value).decode("ascii") != text:
        refuse("base64 with superfluous bits")
    return value


def parse_key(text):
    """Name, key id and the 32 bytes of `name+id+base64(0x01 || key)`."""
    parts = text.split("+", 2) if isinstance(text, str) else []
    if len(parts) != 3:
        refuse("the key is not of the form name+id+key")
    name, hexed, rest = parts
    data = unbase64(rest)
    key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + data).digest()[:4]
    if not name or len(data) != 33 or data[0] != 1 or key_id.hex() != hexed:
        refuse("the key is damaged, or not an Ed25519 key")
    return name, key_id, data[1:]


def fingerprint(text):
    """SHA-256 over name and key."""
    name, _, key = parse_key(text)
    return hashlib.sha256(name.encode("utf-8") + b"\n\x01" + key).hexdigest()


def open_checkpoint(note, key_text):
    """Size and root that the key signed."""
    name, key_id, key = parse_key(key_text)
    head, found, tail = note.rpartition("\n\n") if isinstance(note, str) else ("", "", "")
    prefix = "\u2014 " + name + " "
    if not found or not tail.startswith(prefix) or not tail.endswith("\n") or tail.count("\n") != 1:
        refuse("the checkpoint is not a note with one signature of this key")
    blob = unbase64(tail[len(prefix) : -1])
    if len(blob) != 68 or blob[:4] != key_id:
        refuse("the checkpoint is signed with another key")
    text = head + "\n"
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(blob[4:], text.encode("utf-8"))
    except InvalidSignature:
        refuse("the signature is wrong")
    lines = text.split("\n")
    if len(lines) != 4 or lines[0] != name or not lines[1].isdecimal() or str(int(lines[1])) != lines[1]:
        refuse("the note is no checkpoint of this log")
    root = unbase64(lines[2])
    if len(root) != 32:
        refuse("the note is no checkpoint of this log")
    return int(lines[1]), root


def root_from(index, size, leaf, proof):
    """The root that a proof leads to, by the recursion that defines it (RFC 6962, 2.1.1); `proof` is used up from its end."""
    if size == 1:
        return leaf
    half = 1
    while half * 2 < size:
        half *= 2
    if not proof:
        refuse("a proof is too short")
    other = proof.pop()
    if index < half:
        return hashlib.sha256(b"\x01" + root_from(index, half, leaf, proof) + other).digest()
    return hashlib.sha256(b"\x01" + other + root_from(index - half, size - half, leaf, proof)).digest()


def prove(item, size, root):
    """Place and value of an entry that stands in the tree."""
    if not isinstance(item, dict) or set(item) != {"entry", "index", "proof"}:
        refuse("an entry has other fields than entry, index, proof")
    index, entry, proof = item["index"], item["entry"], item["proof"]
    if type(index) is not int or not 0 <= index < size or size >= 1 << 63 or not isinstance(entry, dict) or not isinstance(proof, list):
        refuse("an entry is not well formed")
    path = [unbase64(each) for each in proof]
    if any(len(each) != 32 for each in path):
        refuse("a proof has something else than hashes")
    leaf = hashlib.sha256(b"\x00" + canonical(entry)).digest()
    if root_from(index, size, leaf, path) != root or path:
        refuse("an entry is not in the log at its place")
    return index, entry


def verify(data, key=None):
    """The receipt's entries by kind, the size of the log, and the key. Raises Refused."""
    receipt = load(data)
    if not isinstance(receipt, dict) or set(receipt) != {"checkpoint", "decision", "entries", "key", "type"}:
        refuse("not a receipt")
    if receipt["type"] != "anyapi-receipt-v1" or not isinstance(receipt["entries"], list) or not isinstance(receipt["decision"], str):
        refuse("not a receipt of this form")
    if key is not None and receipt["key"] != key:
        refuse("signed with another key than the one given")
    size, root = open_checkpoint(receipt["checkpoint"], receipt["key"])
    entries = [prove(item, size, root) for item in receipt["entries"]]
    told = {}
    for index, entry in entries:
        kind = entry.get("kind")
        if not isinstance(kind, str) or kind in told or kind not in ("request", "ruling", "decision"):
            refuse("an entry that does not belong here")
        told[kind] = (index, entry)
    check_links(told, receipt["decision"], [entry.get("kind") for _, entry in entries])
    return told, size, receipt["key"]


def check_links(told, decision, kinds):
    """Nothing is missing, and each entry is the one that is pointed to."""
    if "request" in told:
        request = told["request"][1]
        expected = ["request", "ruling"] + (["decision"] if "recorded" in request else [])
        if kinds != expected or request.get("ruling") != told["ruling"][0]:
            refuse("the request's ruling is missing or another one")
        if "recorded" in request and request["recorded"] != told["decision"][0]:
            refuse("the decision record is another one")
    elif kinds != ["decision"]:
        refuse("there is neither a request nor a decision record")
    for kind in ("request", "decision"):
        if kind in told and told[kind][1].get("decision") != decision:
            refuse("about another decision")


def check_body(told, decision, body, salt):
    """The request's entry commits to this body: HMAC-SHA-256 (RFC 2104) of body and decision, the salt as key."""
    committed = told["request"][1].get("commitment") if "request" in told else None
    if committed is None:
        refuse("it has no commitment to a body")
    try:
        key = bytes.fromhex(salt)
    except ValueError:
        refuse("the salt is not hex")
    if hmac.new(key, body + decision.encode("utf-8"), hashlib.sha256).hexdigest() != committed:
        refuse("another body, or another salt")


def main(arguments=None):
    """The command."""
    parser = argparse.ArgumentParser(description="Verify a receipt of an AnyAPI gateway, offline.")
    parser.add_argument("file")
    parser.add_argument("--key", help="the key that must have signed it: name+id+key")
    parser.add_argument("--body", help="the body that was sent, byte for byte")
    parser.add_argument("--salt", help="the X-AnyAPI-Commitment-Salt that was sent with it")
    given = parser.parse_args(arguments)
    if (given.body is None) != (given.salt is None):
        parser.error("--body and --salt belong together")
    try:
        with open(given.file, "rb") as opened:
            data = opened.read(1024 * 1024 + 2)
        if given.key is not None:
            parse_key(given.key.strip())
        told, size, key = verify(data, None if given.key is None else given.key.strip())
        if given.body is not None:
            with open(given.body, "rb") as opened:
                check_body(told, json.loads(data)["decision"], opened.read(), given.salt)
    except (Refused, OSError) as error:
        print(f"NOT VERIFIED: {error}", file=sys.stderr)
        return 1
    for kind, (index, entry) in told.items():
        print(f"{kind}, entry {index} of {size}:")
        print(json.dumps(entry, indent=2, ensure_ascii=True))
    if given.body is not None:
        print("the body is the one that was sent")
    print(
        "VERIFIED" if given.key is not None else "VERIFIED, if this is the operator's key; compare its fingerprint with the published one:"
    )
    if given.key is None:
        print(f"  {fingerprint(key)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
