"""T09 where the first endpoint speaks Anthropic's format and the second OpenAI's: the same faults, the same verdicts.

The error objects, events and terminal markers that fail here are Anthropic's; the caller speaks OpenAI's format throughout.
"""

import pytest
from tests.conftest import LONG
from tests.integration.faults import CASES
from tests.integration.lab import FIRST, FORBIDDEN, LEAKY, SECOND, laboratory, provider
from tests.integration.verdicts import MODES, ONE, first_endpoint_fails

from anyapi.simulator.cast import WireName

CHOSEN = [case for case in CASES if LONG or not case.seconds]
"""What ends by time does so in the connection, which knows no format: once is enough."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    models = [case.model(mode, ONE) for case in CHOSEN for mode in MODES]
    specs = [
        provider(FIRST, models, wire=WireName.ANTHROPIC),
        provider(SECOND, models),
        provider(FORBIDDEN, models, wire=WireName.ANTHROPIC, policy=LEAKY),
    ]
    with laboratory(tmp_path_factory.mktemp("translated") / "home", specs) as lab:
        yield lab


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_the_first_endpoint_fails(lab, case):
    lab.rows_seen = len(lab.gateway.usage(lab.asked))
    try:
        first_endpoint_fails(lab, case)
    finally:
        lab.restore()
