"""What is changed while a request is under way holds for what that request would still send: no failover and no retry goes by what was.

The first endpoint keeps the request waiting and then fails. Meanwhile a command tightens a setting, or ends the key, and has returned, so
from then on nothing may reach an endpoint that is denied now.
"""

import threading
import time

import pytest
from tests.hostile.test_keys import command, create
from tests.tools.gateway import simulated

from anyapi.simulator.faults import read_fault

FIRST, NEXT = "sim-zero", "sim-forever"
SECONDS = 4.0
"""A command takes one or two."""
LATE_FAILURE = [[read_fault(b'{"kind":"status","status":500}'), read_fault(b'{"kind":"stall","at":0,"seconds":%g}' % SECONDS)]]


@pytest.fixture
def running(tmp_path):
    with simulated(tmp_path / "gateway") as pair:
        yield pair


def asked_meanwhile(running, key, only, change):
    """The answer to a request for whose first attempt's failure `change` does not wait, and who was asked since that had returned."""
    gateway, simulation = running
    answers = []

    def ask():
        provider = {"order": [FIRST, NEXT], "only": only}
        answers.append(gateway.chat({"Authorization": f"Bearer {key}"}, data_policy=None, provider=provider))

    simulation.script(FIRST, LATE_FAILURE)
    caller = threading.Thread(target=ask)
    caller.start()
    begun = time.monotonic()
    while simulation.ledger(FIRST)["requests"] < 1:
        time.sleep(0.01)
    change()
    assert time.monotonic() < begun + SECONDS - 0.5, "the first attempt was over before the change was: the test tests nothing"
    before = {name: simulation.ledger(name)["requests"] for name in (FIRST, NEXT)}
    caller.join(30)
    simulation.idle()
    after = {name: simulation.ledger(name)["requests"] for name in (FIRST, NEXT)}
    (answer,) = answers
    return answer, {name for name in after if after[name] > before[name]}


CHANGES = {
    "the account's setting": lambda key: ("settings", "set", "--account", "default", "training_allowed=false"),
    "the gateway's setting": lambda key: ("settings", "set", "retention_days=0"),
    "the key's own setting": lambda key: ("settings", "set", "--key", key, "data_class=confidential"),
    "the key is revoked": lambda key: ("keys", "revoke", key),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_failover_to_what_was_forbidden_meanwhile(running, name):
    gateway, _ = running
    made = create(gateway)
    answer, asked = asked_meanwhile(running, made["api_key"], [FIRST, NEXT], lambda: command(gateway, *CHANGES[name](made["id"])))
    assert asked == set(), "it went on by what was decided before the change"
    assert answer.status == 502
    (row,) = gateway.usage(1)
    assert (row.provider, row.attempts) == (FIRST, 1), "who got it is written down as it was"


def test_no_retry_with_a_key_that_was_revoked_meanwhile(running):
    gateway, _ = running
    made = create(gateway)
    answer, asked = asked_meanwhile(running, made["api_key"], [FIRST], lambda: command(gateway, "keys", "revoke", made["id"]))
    assert (answer.status, asked) == (502, set())


def test_a_change_that_concerns_another_hinders_nobody(running):
    """The control: the same request fails over where the change does not forbid it."""
    gateway, _ = running
    made, other = create(gateway), create(gateway)
    change = ("settings", "set", "--key", other["id"], "training_allowed=false")
    answer, asked = asked_meanwhile(running, made["api_key"], [FIRST, NEXT], lambda: command(gateway, *change))
    assert (answer.status, asked) == (200, {NEXT})
