"""A refusal that is held while other endpoints are asked, and goes to the client if none of them answers. Only where failover is asked for.

It goes out as what it is: with the endpoint, tokens, evidence and cost of the attempt that brought it, not those of the last one.
"""

import msgspec

from anyapi.domain.decision import Candidate, Outcome, OutcomeKind
from anyapi.domain.ids import ProviderId
from anyapi.domain.usage import TokenCount
from anyapi.gateway.exchange import ProviderExchange
from anyapi.gateway.render import JSON
from anyapi.gateway.rows import rows_for
from anyapi.upstream.adapter import Answer

ENDED = frozenset({OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE})
"""Outcomes after which nothing more is to be said to the client."""


class Declined(msgspec.Struct, frozen=True, gc=False):
    """A refusal as its attempt left it. Holds content: never printed, never stored."""

    answer: Answer | bytes
    candidate: Candidate | None
    stated: tuple[ProviderId | None, str | None]
    tokens: TokenCount | None
    empty: bool
    adjusted: tuple[str, ...]

    def __repr__(self) -> str:
        """Never the content."""
        return "<Declined>"

    def deliver(self, exchange: ProviderExchange) -> Outcome:
        """Send it to the client, and book it as the answer that the request got."""
        admission = exchange.admission
        admission.candidate, admission.stated = self.candidate, self.stated
        admission.tokens, admission.empty, admission.adjusted = self.tokens, self.empty, self.adjusted
        if isinstance(self.answer, Answer):
            exchange.rows = JSON + rows_for(admission)
            exchange.deliver(self.answer)
        else:
            exchange.relay(self.answer)
            exchange.reply.finish_stream()
        return Outcome(OutcomeKind.CONTENT_REFUSED)


def declined(exchange: ProviderExchange) -> Declined | None:
    """The refusal that the attempt that just ended brought, if it brought one that can go to the client."""
    answer, exchange.held = exchange.held, None
    if answer is None:
        return None
    admission = exchange.admission
    return Declined(answer, admission.candidate, admission.stated, admission.tokens, admission.empty, admission.adjusted)
