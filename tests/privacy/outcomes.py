"""A round of every way in which a request can end, sixteen at a time."""

from anyapi.prove.caller import Caller, all_at_once
from anyapi.prove.outcomes import outcomes


def one_round(caller: Caller) -> None:
    """Every class once. Raises `AssertionError` naming those that ended otherwise than they should."""
    odd = [(outcome.name, str(end)) for outcome, end in all_at_once(caller, list(outcomes())) if end not in outcome.wanted]
    assert not odd, f"these ended otherwise than they should: {odd}"


def rounds(caller: Caller, count: int) -> None:
    """So many of them, the gateway started again in between: no round meets the circuits that the one before opened."""
    for number in range(count):
        if number:
            assert caller.gateway.stop() == 0
            caller.gateway.start()
        one_round(caller)
