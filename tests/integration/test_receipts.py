"""A receipt of a running gateway verifies offline, with the one-file verifier and with the command, and no more when any byte is changed."""

import asyncio
import importlib.util
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import LONG
from tests.integration.lab import FIRST, SECOND, laboratory, provider, until
from tests.integration.raw_client import call

from anyapi.audit.receipts import verify_receipt
from anyapi.cli.verify import lines
from anyapi.errors import AuditError
from anyapi.simulator.cast import ClaimedPolicy

MODEL = "proof/model"
SCRIPT = Path(__file__).parents[2] / "scripts" / "verify_receipt.py"
CONFIDENTIAL = {"x-anyapi-data-class": "confidential"}
OFF = "[audit]\nrecord_public = false\n"


def one_file():
    """The one-file verifier, loaded by its path: it is no part of the product."""
    spec = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ORACLE = one_file()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with laboratory(tmp_path_factory.mktemp("receipts") / "home", [provider(FIRST, {MODEL: ""})]) as lab:
        yield lab


def ask(lab, headers=None, **more):
    """Send a request and give its decision."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "What is proven?"}], **more}
    return asyncio.run(call(lab.gateway.port, lab.gateway.key, body, headers)).headers["x-anyapi-decision"]


def fetched(lab, decision, **options):
    return lab.gateway.request("GET", f"/v1/receipts/{decision}", **options)


def receipt_of(lab, decision):
    answer = fetched(lab, decision)
    assert answer.status == 200, answer.body
    return answer.body


def command(lab, *args):
    environment = {"PATH": "/usr/bin", "PYTHONPATH": ":".join(sys.path)}
    return subprocess.run([sys.executable, "-m", "anyapi", *args], capture_output=True, text=True, check=False, env=environment)


def public_key(lab):
    return command(lab, "audit", "key", "--config", str(lab.gateway.home / "anyapi.toml")).stdout.strip()


@pytest.mark.parametrize("headers", [None, {"x-anyapi-data-class": "internal"}, CONFIDENTIAL], ids=["no class", "internal", "confidential"])
def test_a_receipt_says_what_was_decided_and_done(lab, headers):
    decision = ask(lab, headers)
    text = receipt_of(lab, decision)
    told, size, key = ORACLE.verify(text, public_key(lab))
    request, ruling = told["request"][1], told["ruling"][1]
    assert request["decision"] == decision
    assert (request["outcome"], request["status"], request["source"]) == ("success", 200, "measured")
    assert request["prompt"] > 0
    assert request["completion"] > 0
    used = ruling["permitted"][request["used"]]
    assert (used["provider"], used["grade"], used["retention"]) == (FIRST, "declared", {"kind": "zero", "milliseconds": 0})
    assert 0 <= request["copy_until"] - request["at"] < 10_000
    assert ("decision" in told) == (headers == CONFIDENTIAL)
    assert size > told["request"][0]
    assert "What is proven" not in text.decode()
    assert lab.gateway.key not in text.decode()
    assert verify_receipt(text).request == request
    assert any(decision in line for line in lines(verify_receipt(text)))


def test_a_misspelt_policy_header_is_refused_here_too(lab):
    headers = {"Authorization": f"Bearer {lab.gateway.key}", "X-AnyAPI-Retention-Day": "0"}
    answer = lab.gateway.request("GET", f"/v1/receipts/{ask(lab)}", None, headers)
    assert (answer.status, answer.json()["error"]["param"]) == (400, "x-anyapi-retention-day")


def test_a_refusal_has_a_receipt_with_the_reasons(lab):
    decision = ask(lab, {"x-anyapi-data-class": "regulated"})
    told, _, _ = ORACLE.verify(receipt_of(lab, decision))
    assert told["request"][1]["outcome"] == "no_eligible_endpoint"
    assert "used" not in told["request"][1]
    assert "copy_until" not in told["request"][1]
    assert [each["reasons"] for each in told["ruling"][1]["denied"]] == [["certifications_not_named"]]
    assert any("certifications_not_named" in line for line in lines(verify_receipt(receipt_of(lab, decision))))


def refused(text, key=None):
    """Whether both verifiers refuse it."""
    with pytest.raises(ORACLE.Refused):
        ORACLE.verify(text, key)
    with pytest.raises(AuditError):
        verify_receipt(text)
    return True


def test_no_byte_can_be_changed(lab):
    text = receipt_of(lab, ask(lab, CONFIDENTIAL))
    ORACLE.verify(text)
    dice = random.Random(26)
    bits = range(8)
    for place in range(len(text)):
        for bit in bits if LONG else [dice.choice(bits)]:
            changed = bytearray(text)
            changed[place] ^= 1 << bit
            assert refused(bytes(changed))
    for place in range(0, len(text), 1 if LONG else 7):
        assert refused(text[:place] + text[place + 1 :])
        assert refused(text[:place] + b" " + text[place:])
    ORACLE.verify(text + b"\n")
    verify_receipt(text + b"\n")
    assert refused(text + b"\n\n")
    assert refused(text[:-1])


def test_no_part_can_be_exchanged_for_another_receipts(lab):
    one, two = (json.loads(receipt_of(lab, ask(lab, CONFIDENTIAL))) for _ in range(2))
    write = ORACLE.canonical
    ORACLE.verify(write(one))
    for field in ("checkpoint", "decision", "entries"):
        if one[field] != two[field]:
            assert refused(write({**one, field: two[field]}))
    for place in range(3):
        assert refused(write({**one, "entries": one["entries"][:place] + one["entries"][place + 1 :]}))
        if one["entries"][place] != two["entries"][place]:
            assert refused(write({**one, "entries": [*one["entries"][:place], two["entries"][place], *one["entries"][place + 1 :]]}))
    assert refused(write({**one, "entries": one["entries"][::-1]}))
    assert refused(write({**one, "entries": one["entries"] * 2}))
    assert refused(write({**one, "more": 1}))
    assert refused(write({**one, "type": "anyapi-receipt-v2"}))


def test_another_key_is_refused_where_one_is_named(lab, tmp_path):
    file = tmp_path / "receipt.json"
    file.write_bytes(receipt_of(lab, ask(lab)))
    other = "other/log+5b0ca3ce+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    run = [sys.executable, str(SCRIPT), str(file)]
    key = public_key(lab)
    right = subprocess.run([*run, "--key", key], capture_output=True, text=True, check=False)
    assert (right.returncode, right.stdout.splitlines()[-1]) == (0, "VERIFIED")
    without = subprocess.run(run, capture_output=True, text=True, check=False)
    assert without.returncode == 0
    assert ORACLE.fingerprint(key) in without.stdout
    assert "compare its fingerprint" in without.stdout
    for wrong in (other, "nonsense", key[:-1]):
        result = subprocess.run([*run, "--key", wrong], capture_output=True, text=True, check=False)
        assert (result.returncode, result.stdout) == (1, "")
        assert "NOT VERIFIED" in result.stderr
    assert command(lab, "verify", str(file), "--key", key).returncode == 0
    ours = command(lab, "verify", str(file))
    assert ours.returncode == 0
    assert ORACLE.fingerprint(key) in ours.stderr
    assert json.loads(command(lab, "verify", str(file), "--json").stdout)["key"] == key
    assert command(lab, "verify", str(file), "--key", "nonsense").returncode == 2
    file.write_bytes(file.read_bytes().replace(b"success", b"failure"))
    damaged = command(lab, "verify", str(file))
    assert damaged.returncode == 1
    assert "NOT VERIFIED" in damaged.stderr


def test_a_body_is_held_against_its_commitment(lab, tmp_path):
    salt, sent = random.Random(7).randbytes(32).hex(), {"model": MODEL, "messages": [{"role": "user", "content": "What was sent?"}]}
    body, file = tmp_path / "body.json", tmp_path / "receipt.json"
    answered = lab.gateway.request("POST", "/v1/chat/completions", body=sent, headers={"x-anyapi-commitment-salt": salt})
    file.write_bytes(receipt_of(lab, answered.headers["x-anyapi-decision"]))
    body.write_bytes(json.dumps(sent).encode())
    own = [sys.executable, str(SCRIPT), str(file)]

    def both(*args):
        """What the command and the one-file verifier say."""
        apart = subprocess.run([*own, *args], capture_output=True, text=True, check=False)
        ours = command(lab, "verify", str(file), *args)
        assert apart.returncode == ours.returncode
        return ours.returncode, ours.stdout + ours.stderr, apart.stdout + apart.stderr

    code, *said = both("--body", str(body), "--salt", salt)
    assert code == 0
    assert all("the body is the one that was sent" in each for each in said)
    assert json.loads(command(lab, "verify", str(file), "--body", str(body), "--salt", salt, "--json").stdout)["body_was_compared"] is True
    for other in (salt[::-1], "nonsense", ""):
        assert both("--body", str(body), "--salt", other)[0] == 1
    assert both("--body", str(body))[0] == 2
    body.write_bytes(body.read_bytes() + b" ")
    assert both("--body", str(body), "--salt", salt)[0] == 1
    file.write_bytes(receipt_of(lab, ask(lab)))
    code, *said = both("--body", str(body), "--salt", salt)
    assert code == 1
    assert all("commitment" in each for each in said)


def test_whose_it_is_decides(lab):
    decision = ask(lab, CONFIDENTIAL)
    create = ("keys", "create", "--account", "other", "--create", "--config", str(lab.gateway.home / "anyapi.toml"))
    stranger = command(lab, *create).stdout.strip()
    assert fetched(lab, decision).status == 200
    theirs = fetched(lab, decision, headers={"Authorization": f"Bearer {stranger}"})
    nobodys = fetched(lab, "dec_" + "0" * 26)
    assert (theirs.status, theirs.body) == (nobodys.status, nobodys.body)
    assert theirs.status == 404
    assert theirs.json()["error"]["type"] == "not_found"
    assert fetched(lab, decision, headers={"Authorization": "Bearer nonsense"}).status == 401
    assert fetched(lab, decision, headers={"Authorization": ""}).status == 401
    for path in ("dec_1", "dec_" + "G" * 26, decision + "/more", "", decision.upper(), decision + "00"):
        assert fetched(lab, path).status == 404
    assert lab.gateway.request("POST", f"/v1/receipts/{decision}").status == 405
    assert lab.gateway.request("GET", f"/api/v1/receipts/{decision}").status == 200


def test_a_receipt_can_be_had_at_once_and_much_later(lab):
    decision = ask(lab)
    early = receipt_of(lab, decision)
    for _ in range(30):
        ask(lab)
    time.sleep(1.1)
    late = receipt_of(lab, decision)
    assert ORACLE.verify(early)[0] == ORACLE.verify(late)[0]
    assert lab.gateway.stop() == 0
    lab.gateway.start()
    assert ORACLE.verify(receipt_of(lab, decision))[0] == ORACLE.verify(late)[0]


def test_after_a_rotation_old_receipts_verify_and_new_ones_are_signed_anew(lab):
    decision = ask(lab)
    old, before = receipt_of(lab, decision), public_key(lab)
    assert command(lab, "audit", "rotate", "--config", str(lab.gateway.home / "anyapi.toml")).returncode == 0
    after = public_key(lab)
    assert after != before
    ORACLE.verify(old, before)
    checked = command(lab, "audit", "fsck", "--config", str(lab.gateway.home / "anyapi.toml"))
    assert checked.returncode == 0, f"nothing was asked since, and the log is whole: {checked.stdout}{checked.stderr}"

    def signed_anew():
        text = receipt_of(lab, ask(lab))
        return ORACLE.verify(text)[2] == after

    until(signed_anew, "the running gateway goes on with the old key", 10)
    result = command(lab, "audit", "fsck", "--config", str(lab.gateway.home / "anyapi.toml"))
    assert result.returncode == 0, result.stderr


def test_what_is_not_recorded_has_no_receipt(tmp_path):
    with laboratory(tmp_path / "home", [provider(FIRST, {MODEL: ""})], extra=OFF) as lab:
        for headers, status in (
            (None, 404),
            ({"x-anyapi-data-class": "public"}, 404),
            ({"x-anyapi-data-class": "internal"}, 200),
            (CONFIDENTIAL, 200),
        ):
            decision = ask(lab, headers)
            answer = fetched(lab, decision)
            assert answer.status == status, answer.body
            if status == 404:
                assert answer.json()["error"]["type"] == "not_recorded"


def test_what_policy_denied_and_what_could_not_be_used_are_kept_apart(lab):
    receipt = verify_receipt(receipt_of(lab, ask(lab)))
    denied = [
        {"endpoint": "a/one", "reasons": ["no_credential"]},
        {"endpoint": "a/two", "reasons": ["no_credential", "retention_too_long"]},
        {"endpoint": "a/three", "reasons": ["region_unknown"]},
        {"endpoint": "a/four", "reasons": []},
        {"endpoint": "a/five", "reasons": "a code of somebody else's"},
    ]
    assert lines(receipt._replace(ruling={**receipt.ruling, "denied": denied}))[-5:] == [
        "denied a/two: retention_too_long",
        "denied a/three: region_unknown",
        "denied a/four: ",
        "denied a/five: ",
        "permitted by policy and not usable a/one: no_credential",
    ]


def test_after_a_failover_the_receipt_says_who_else_was_sent_it(tmp_path):
    fault = "@@status/status:500"
    keeping = ClaimedPolicy("never", "limited", 30, "contract", "no")
    providers = [provider(FIRST, {MODEL: fault}, policy=keeping), provider(SECOND, {MODEL: ""})]
    with laboratory(tmp_path / "home", providers) as lab:
        told, _, _ = ORACLE.verify(text := receipt_of(lab, ask(lab, provider={"order": [FIRST, SECOND]})))
    request, permitted = told["request"][1], told["ruling"][1]["permitted"]
    assert [permitted[place]["provider"] for place in request["sent"]] == [FIRST, SECOND]
    assert permitted[request["used"]]["provider"] == SECOND
    assert abs(request["copy_until"] - request["at"] - 30 * 86_400_000) < 10_000, "the one that failed may keep what it was sent"
    said = lines(verify_receipt(text))
    assert any(line.startswith(f"sent before to {FIRST}/") for line in said)
    assert any(line.startswith("the last provider's copy should be gone") for line in said)
