"""What ends at the gateway: sent to a real one, each ends as it says, and no provider hears of any."""

from tests.tools.gateway import received, simulated

from anyapi.prove.caller import Caller, all_at_once
from anyapi.prove.outcomes_here import ended_here
from anyapi.prove.planted import Planted
from anyapi.prove.target import Target

MODEL = b"openai/gpt-4o-mini"
LIMITS = "\n[server.limits]\nheader_timeout = 2.0\nbody_timeout = 2.0\nmax_body_bytes = 300000\n"


def test_each_ends_as_it_says_and_nothing_is_sent(tmp_path):
    with simulated(tmp_path / "home", server=LIMITS) as (gateway, simulation):
        named = dict.fromkeys((b"acme/good", b"acme/wire-openai", b"acme/wire-anthropic"), MODEL)
        caller = Caller(Target(gateway.url, gateway.key), None, Planted(), named)
        chosen = [one for one in ended_here() if not one.name.startswith("/v1/embeddings")]
        odd = [(one.name, str(end)) for one, end in all_at_once(caller, chosen) if end not in one.wanted]
        assert odd == []
        assert sum(received(simulation).values()) == 0
    assert len(chosen) > 80
