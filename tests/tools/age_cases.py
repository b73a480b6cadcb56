"""Age files that must not open, made from one that does: what a verifier of age-encryption.org/v1 has to refuse, one case for each rule.

A file is a header of lines (version, recipient stanzas, a MAC over them), a nonce of 16 bytes, and chunks of 64 KiB, each with a tag of 16
bytes; the last one is marked, and may be empty only if it is the only one. The cases alter one of these at a time. As a script it writes
the file that the dashboard's tests read: both implementations have to refuse the same files.
"""

import base64
import json
import sys
from pathlib import Path

import pyrage

CHUNK = 64 * 1024 + 16
NONCE = 16
Cases = dict[str, bytes]
SEALED_WITH_A_PASSPHRASE = base64.b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCB5UCtIZ2hKYXVMYnVJYk1CUFV6NC9nIDE5CkUyOXoxVThObjUzdXVYeGVIMVhpVTZqcW"
    "5HMVdDeUhIK0ZEaUY0dkZmL3cKLS0tIFd3ampDR2ZCUTRNbkMxUTFCR3BhaDJFYkJNOHFTc1ZmZGNIU08xQUtOMnMK5XV4jyGu/pP7GSxM9z0I"
    "oYJWkYAhzWSohStmhQD4TvoOZw=="
)
"""`{}` under the passphrase `a passphrase`. Kept, because making one takes a second, which each process that collects tests would pay."""


def parts(sealed):
    """Header (with its last newline), nonce, and chunks."""
    mac = sealed.index(b"\n--- ")
    end = sealed.index(b"\n", mac + 1) + 1
    payload = sealed[end + NONCE :]
    return sealed[:end], sealed[end : end + NONCE], [payload[at : at + CHUNK] for at in range(0, len(payload), CHUNK)]


def flipped(data, place, bit=0):
    """One bit another way."""
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def _b64(data):
    return base64.b64encode(data).rstrip(b"=")


def of_the_header(sealed):
    """What is wrong above the payload."""
    header, nonce, chunks = parts(sealed)
    rest = nonce + b"".join(chunks)
    lines = header.split(b"\n")
    version, stanza, body, mac = lines[0], lines[1], lines[2], lines[-2]
    share = stanza.split(b" ")[2]
    made = {
        "no version": lines[1:],
        "another version": [b"age-encryption.org/v2", *lines[1:]],
        "a version with a space": [version + b" ", *lines[1:]],
        "no stanza": [version, mac, b""],
        "no MAC": [*lines[:-2], b""],
        "a MAC of zeros": [*lines[:-2], b"--- " + _b64(bytes(32)), b""],
        "a short MAC": [*lines[:-2], b"--- " + _b64(base64.b64decode(mac[4:] + b"=")[:31]), b""],
        "a MAC with padding": [*lines[:-2], mac + b"=", b""],
        "a MAC that is not canonical base64": [*lines[:-2], mac[:-1] + bytes([mac[-1] ^ 1]), b""],
        "a stanza twice": [version, stanza, body, stanza, body, mac, b""],
        "a stanza of nobody's before it": [version, b"-> grease x", b"", stanza, body, mac, b""],
        "a stanza of another kind": [version, stanza.replace(b"X25519", b"x25519"), body, mac, b""],
        "one more argument": [version, stanza + b" a", body, mac, b""],
        "a share of zeros (low order)": [version, b"-> X25519 " + _b64(bytes(32)), body, mac, b""],
        "a share of order one (low order)": [version, b"-> X25519 " + _b64(b"\x01" + bytes(31)), body, mac, b""],
        "a short share": [version, b"-> X25519 " + _b64(base64.b64decode(share + b"=")[:31]), body, mac, b""],
        "a long share": [version, b"-> X25519 " + _b64(base64.b64decode(share + b"=") + b"\0"), body, mac, b""],
        "another share": [version, b"-> X25519 " + _b64(flipped(base64.b64decode(share + b"="), 0)), body, mac, b""],
        "an altered body": [version, stanza, _b64(flipped(base64.b64decode(body + b"="), 3)), mac, b""],
        "a short body": [version, stanza, _b64(base64.b64decode(body + b"=")[:31]), mac, b""],
        "no body": [version, stanza, b"", mac, b""],
        "a body with padding": [version, stanza, body + b"=", mac, b""],
        "carriage returns": [line + b"\r" for line in lines[:-1]] + [b""],
        "an empty line before it": [b"", *lines],
    }
    return {name: b"\n".join(given) + rest for name, given in made.items()}


def of_the_payload(sealed):
    """What is wrong below the header."""
    header, nonce, chunks = parts(sealed)
    whole = b"".join(chunks)
    made = {
        "no nonce": header,
        "half a nonce": header + nonce[:8],
        "no chunk": header + nonce,
        "another nonce": header + flipped(nonce, 0) + whole,
        "the last byte cut off": sealed[:-1],
        "the last tag cut off": sealed[:-16],
        "the last chunk cut off": header + nonce + b"".join(chunks[:-1]),
        "the first chunk cut off": header + nonce + b"".join(chunks[1:]),
        "chunks exchanged": header + nonce + chunks[1] + chunks[0] + b"".join(chunks[2:]),
        "a chunk twice": header + nonce + chunks[0] + whole,
        "the last chunk twice": sealed + chunks[-1],
        "one byte more": sealed + b"\0",
        "an empty chunk more": sealed + bytes(16),
        "a chunk of zeros": header + nonce + bytes(len(chunks[0])) + b"".join(chunks[1:]),
    }
    for place in (0, 1, len(chunks[0]) - 17, len(chunks[0]) - 1, len(chunks[0]), len(whole) - 17, len(whole) - 1):
        made[f"a bit of the payload flipped at {place}"] = header + nonce + flipped(whole, place, place % 8)
    return made


def must_fail(sealed, identity):
    """All cases by name. `sealed` has several chunks, for the one identity."""
    others = [pyrage.x25519.Identity.generate().to_public() for _ in range(2)]
    cases = {
        "nothing": b"",
        "no age file": b"hello\n",
        "a prefix of the header": sealed[:40],
        "armor": b"-----BEGIN AGE ENCRYPTED FILE-----\n" + base64.b64encode(sealed) + b"\n-----END AGE ENCRYPTED FILE-----\n",
        "sealed to somebody else": pyrage.encrypt(b"{}", others[:1]),
        "sealed to two others": pyrage.encrypt(b"{}", others),
        "sealed with a passphrase": SEALED_WITH_A_PASSPHRASE,
        "another file's header": parts(pyrage.encrypt(b"x", [identity.to_public()]))[0] + sealed[len(parts(sealed)[0]) :],
        **of_the_header(sealed),
        **of_the_payload(sealed),
    }
    assert sealed not in cases.values()
    return cases


def made():
    """An identity, a file that opens with it, and all cases."""
    identity = pyrage.x25519.Identity.generate()
    sealed = pyrage.encrypt(b'"' + b"p" * 150_000 + b'"', [identity.to_public()])
    return identity, sealed, must_fail(sealed, identity)


if __name__ == "__main__":
    identity, sealed, cases = made()
    given = {name: base64.b64encode(case).decode() for name, case in cases.items()}
    Path(sys.argv[1]).write_text(json.dumps({"identity": str(identity), "opens": base64.b64encode(sealed).decode(), "must_fail": given}))
