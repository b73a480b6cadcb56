"""Receipts as values: hostile ones are refused by both verifiers, by the same word, and by no other exception."""

import json
import random

import pytest
from tests.integration.test_receipts import ORACLE

from anyapi.audit.entries import key_entry
from anyapi.audit.notes import Checkpoint, SigningKey
from anyapi.audit.receipts import LARGEST, Proven, make_receipt, used_endpoint, verify_receipt
from anyapi.audit.tiles import Growing
from anyapi.audit.tree import inclusion_proof, leaf_hash, whole
from anyapi.cli.verify import lines
from anyapi.errors import AuditError

KEY = SigningKey("test/log", bytes(range(32)))
DECISION = "dec_" + "0" * 26


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


REQUEST = {
    "kind": "request",
    "decision": DECISION,
    "ruling": 1,
    "recorded": 2,
    "used": 0,
    "at": 1,
    "outcome": "success",
    "copy_until": None,
}
RULING = {"kind": "ruling", "permitted": [{"endpoint": "a/m", "grade": "declared"}], "denied": [{"endpoint": "b/m", "reasons": ["x"]}]}
RECORD = {"kind": "decision", "decision": DECISION}


def receipt(*entries, places=None, decision=DECISION, key=KEY):
    """A receipt over any entries at all, by somebody with a key of his own."""
    written = [canonical(entry) for entry in entries]
    filler = [key_entry(KEY.public, number)[1] for number in range(4 - len(written))]
    hashes = [leaf_hash(entry) for entry in [*written, *filler]]
    growing = Growing()
    for each in hashes:
        growing.extend([each])

    def subtree(level, index):
        return whole(hashes[index << level : (index + 1) << level])

    proven = [Proven(place, written[place], inclusion_proof(place, 4, subtree)) for place in (places or range(len(written)))]
    note = key.sign(str(Checkpoint(key.public.name, 4, growing.root())))
    return make_receipt(decision, proven, note, key.public)


def test_a_whole_one_and_one_of_a_record_alone():
    found = verify_receipt(receipt(REQUEST, RULING, RECORD))
    assert (found.request, found.ruling, found.record) == (REQUEST, RULING, RECORD)
    assert used_endpoint(found)["endpoint"] == "a/m"
    assert "denied b/m: x" in lines(found)
    assert any("no end is known" in line for line in lines(found))
    alone = verify_receipt(receipt(RECORD))
    assert (alone.request, alone.ruling, alone.record) == ({}, {}, RECORD)
    assert lines(alone)[-1] == "how the request ended was not recorded"
    ORACLE.verify(receipt(REQUEST, RULING, RECORD))
    ORACLE.verify(receipt(RECORD))


@pytest.mark.parametrize("training", ["never", "opt_out", "by_default", "unknown", None])
def test_who_may_train_on_it_is_told_beside_the_end_of_the_copy(training):
    ruling = {**RULING, "permitted": [{**RULING["permitted"][0], "training": training}]}
    said = lines(verify_receipt(receipt({**REQUEST, "copy_until": 1_800_000_000_000}, ruling, RECORD)))
    assert any(line.startswith(f"endpoint a/m: training {training};") for line in said)
    assert ("a/m may train on what was sent, and that does not end with the copy" in said) == (training != "never")


def test_where_no_connection_was_made_nobody_is_said_to_have_a_copy():
    said = lines(verify_receipt(receipt({**REQUEST, "sent": []}, RULING, RECORD)))
    assert "nothing was sent: no connection was made to a/m" in said
    assert not [line for line in said if line.startswith("endpoint ") or "copy" in line]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: receipt(REQUEST, RULING), id="without its record"),
        pytest.param(lambda: receipt(REQUEST, RECORD, RULING), id="another order"),
        pytest.param(lambda: receipt(RULING), id="a ruling alone"),
        pytest.param(lambda: receipt(REQUEST), id="a request alone"),
        pytest.param(lambda: receipt(REQUEST, RULING, RECORD, places=[0, 1, 2, 2]), id="doubled"),
        pytest.param(lambda: receipt({**REQUEST, "ruling": 2}, RULING, RECORD), id="another ruling"),
        pytest.param(lambda: receipt({**REQUEST, "recorded": 1}, RULING, RECORD), id="another record"),
        pytest.param(lambda: receipt(REQUEST, RULING, {**RECORD, "decision": "dec_1"}), id="a record of another decision"),
        pytest.param(lambda: receipt(REQUEST, RULING, RECORD, decision="dec_1"), id="said to be another"),
        pytest.param(lambda: receipt({**RECORD, "kind": ["decision"]}), id="a kind that is none"),
        pytest.param(lambda: receipt({"kind": "settings"}), id="something else"),
        pytest.param(lambda: canonical({}), id="an empty object"),
        pytest.param(lambda: b"[]", id="a list"),
        pytest.param(lambda: b"", id="nothing"),
        pytest.param(lambda: b"\xff", id="no text"),
        pytest.param(lambda: b"[" * 100_000, id="too deep"),
        pytest.param(lambda: b'"\\ud800"', id="half a character"),
        pytest.param(lambda: b"1" * 5000, id="a long number"),
        pytest.param(lambda: receipt(RECORD).replace(b'"entries":[', b'"entries":[],"entries":['), id="a doubled key"),
        pytest.param(lambda: receipt(RECORD).replace(b"+", b" +", 1), id="a space"),
    ],
)
def test_refused_by_both(text):
    with pytest.raises(AuditError):
        verify_receipt(text())
    with pytest.raises(ORACLE.Refused):
        ORACLE.verify(text())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": f"{KEY.public} "}, "not in the one form that it has"),
        ({"key": None}, "a text of the receipt is none"),
        ({"type": "x"}, "not a receipt of this form"),
        ({"more": 1}, "not a receipt of this form"),
        ({"entries": []}, "a receipt has a request's entry"),
        ({"entries": [1]}, "not an entry with its proof"),
        ({"entries": {}}, "a list of the receipt is none"),
        ({"checkpoint": "x"}, "not a signed note"),
        ({"decision": "x" * LARGEST}, "too large"),
    ],
)
def test_one_that_is_written_as_it_should_be_is_refused_for_what_it_says(changed, words):
    text = canonical({**json.loads(receipt(RECORD)), **changed})
    with pytest.raises(AuditError, match=words):
        verify_receipt(text)
    with pytest.raises(ORACLE.Refused):
        ORACLE.verify(text)


def test_one_of_another_key_is_refused_where_a_key_is_given():
    stranger = SigningKey("test/log", bytes(range(1, 33)))
    assert verify_receipt(receipt(RECORD), KEY.public)
    with pytest.raises(AuditError, match="another key than the one given"):
        verify_receipt(receipt(RECORD, key=stranger), KEY.public)


def test_what_somebody_with_a_key_of_his_own_writes_is_shown_without_harm():
    odd = {**REQUEST, "used": "x", "at": "\x1b[2J", "copy_until": [], "flagged_until": 10**17}
    for ruling in ({"kind": "ruling", "permitted": 5, "denied": 5}, {"kind": "ruling", "permitted": [5], "denied": [5, {"reasons": 5}]}):
        for used in ("x", 0, 10**20, -1, None):
            for sent in ([0, "x", 10**20, -1, [], None], 5, {}):
                found = verify_receipt(receipt({**odd, "used": used, "sent": sent}, ruling, RECORD))
                assert lines(found)


def test_both_verifiers_say_the_same_of_random_changes():
    """Of 1,500 receipts with random pieces exchanged, doubled and left out, both take the same ones."""
    dice, text = random.Random(5), receipt(REQUEST, RULING, RECORD)
    for _ in range(1500):
        at, length = dice.randrange(len(text)), dice.randrange(1, 12)
        start = dice.randrange(len(text))
        changed = text[:at] + text[start : start + dice.choice([0, length])] + text[at + dice.choice([0, length]) :]
        answers = []
        for verify in (verify_receipt, ORACLE.verify):
            try:
                verify(changed)
                answers.append(True)
            except (AuditError, ORACLE.Refused):
                answers.append(False)
        assert answers in ([True, True], [False, False])
        assert not answers[0] or changed == text
