"""What the caller is told, by outcome: a text of ours for each, and a status that tells whether to try again."""

import json

import pytest
from tests.unit.gateway.workbench import gateway
from tests.unit.upstream.provider import answer, playing
from tests.unit.wire.peers import on_loop

from anyapi.domain.decision import OutcomeKind
from anyapi.gateway.upstream_errors import STATUS_TEXTS, TEXTS


@pytest.mark.parametrize("kind", sorted(set(OutcomeKind) - {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE}))
def test_every_failure_has_its_text(kind):
    assert TEXTS[kind].endswith(".")


@pytest.mark.parametrize(
    ("status", "said", "answered"), [(b"404 Not Found", "does not have this model", 502), (b"413 Too Large", "too large for it", 400)]
)
@on_loop
async def test_some_statuses_say_more_than_their_outcome(status, said, answered):
    async with gateway(playing(answer(status=status), answer(status=status))) as running:
        response = await running.post()
        assert (response.status, said in json.loads(response.body)["error"]["message"]) == (answered, True)
    assert all(text.endswith(".") for text in STATUS_TEXTS.values())
