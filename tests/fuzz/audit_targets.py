"""What a person hands to a verifier: receipts, checkpoints and keys of the audit log, changed in any way."""

import json

from tests.fuzz.pair_targets import check_refusal

from anyapi.audit.notes import Checkpoint, PublicKey, split_note
from anyapi.audit.receipts import verify_receipt
from anyapi.errors import AuditError


def audit_texts(data: bytes) -> None:
    """One of four readers: what it takes is written again as it was, and anything else is an `AuditError`. The first byte says which."""
    which, rest = data[0] % 4 if data else 0, data[1:]
    text = rest.decode("utf-8", "replace")
    try:
        if which == 0:
            assert str(PublicKey.parse(text)) == text.strip()
        elif which == 1:
            assert str(Checkpoint.parse(text)) == text
        elif which == 2:
            assert split_note(text)[0].endswith("\n")
        else:
            verify_receipt(in_its_form(rest))
    except AuditError as refusal:
        check_refusal(refusal)


def in_its_form(text: bytes) -> bytes:
    """A receipt's JSON in the one form that it may have, so that more than that form is looked at; what is no JSON stays."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text


TARGETS = {"audit": audit_texts}
