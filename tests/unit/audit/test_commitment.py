"""A commitment is the HMAC of RFC 2104 over body and decision, whatever else computes it."""

import hashlib
import hmac

from anyapi.audit.commitment import begun, commitment

SALT, DECISION = bytes(range(32)), "dec_0123"


def test_it_is_the_hmac_over_body_and_decision():
    assert commitment(begun(SALT, b"body"), DECISION) == hmac.new(SALT, b"body" + DECISION.encode(), hashlib.sha256).hexdigest()


def test_another_body_salt_or_decision_gives_another():
    found = {
        commitment(begun(SALT, b"body"), DECISION),
        commitment(begun(SALT, b"body "), DECISION),
        commitment(begun(SALT[::-1], b"body"), DECISION),
        commitment(begun(SALT, b"body"), f"{DECISION}4"),
    }
    assert len(found) == 4
