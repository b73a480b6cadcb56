"""Samples requests for the ranking of models: a random share of them, told apart by topic, and counted for an account under a token.

INVARIANT: of what a request says only the topic's number outlives `take`, and of whose it is only the token reaches the sampler. Requests
of the data classes confidential and regulated, and those of accounts that left the ranking, are not looked at. Whether one request is
sampled says nothing about any other: what one account sends must not change what is counted of the rest.
"""

from collections.abc import Callable
from math import log
from random import SystemRandom

from anyapi.domain.call import Principal
from anyapi.domain.ids import AccountId
from anyapi.domain.usage import UsageRow
from anyapi.gateway.call import Call
from anyapi.gateway.formats.last_turn import last_turn
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.key_limits import Hold
from anyapi.gateway.memo import Asked
from anyapi.gateway.outlets import UsageSink
from anyapi.ranking.sampler import Sampler
from anyapi.ranking.tokens import Tokens

SUCCESS = "success"
_CHANCE = SystemRandom().random


def _no_topic(_text: str) -> int:
    """Nothing is sampled yet."""
    raise NotImplementedError


class Sampling:
    """What is counted of this week, and which requests are."""

    __slots__ = ("_chance", "_classify", "_left", "_left_out", "_sampler", "_share", "_tokens")

    def __init__(self, share: float, chance: Callable[[], float] = _CHANCE) -> None:
        """Each request is sampled with the probability `share`, from `begin` on; `chance` is uniform from 0 to below 1."""
        self._share, self._chance = share, chance
        self._left_out: frozenset[AccountId] = frozenset()
        self._tokens, self._sampler = Tokens(), Sampler()
        self._classify: Callable[[str], int] = _no_topic
        self._left = 0

    def begin(self, classify: Callable[[str], int]) -> None:
        """Sample from now on; `classify` gives the place of a text's topic."""
        self._classify, self._left = classify, self._next()

    def take(self, usage: UsageSink, principal: Principal, asked: Asked, request: ChatRequest, _call: Call) -> UsageSink:
        """Where the usage row of an accepted request goes: to `usage`, past the sampler if the request is sampled."""
        self._left -= 1
        return usage if self._left else self._sampled(usage, principal, asked, request)

    def leave_out(self, accounts: frozenset[AccountId]) -> None:
        """From now on sample nothing of these accounts, and take back what was counted of them this week."""
        new, self._left_out = accounts - self._left_out, accounts
        self._sampler.forget(map(self._tokens.of, new))

    def turn(self) -> Sampler:
        """Begin a new week, with a new key of the tokens; gives the counts of the old one."""
        old = self._sampler
        self._tokens, self._sampler = Tokens(), Sampler()
        return old

    def count(self, row: UsageRow, topic: int) -> None:
        """Count a sampled request that was answered."""
        if row.outcome == SUCCESS and row.account not in self._left_out:
            self._sampler.add(self._tokens.of(row.account), row.model, topic)

    def _sampled(self, usage: UsageSink, principal: Principal, asked: Asked, request: ChatRequest) -> UsageSink:
        self._left = self._next()
        if asked.requirement.needs_durable_record or principal.account in self._left_out:
            return usage
        text = last_turn(request)
        return Sample(self, usage, self._classify(text)) if text else usage

    def _next(self) -> int:
        """How many requests until the next sample, that one included: geometric, so each is sampled independently of the others."""
        return 1 if self._share >= 1 else 1 + int(log(1.0 - self._chance()) / log(1.0 - self._share))


class Sample:
    """One sampled request between admission and its usage row, which passes through here. Holds of its content the topic's number alone."""

    __slots__ = ("_sampling", "_topic", "_usage")

    def __init__(self, sampling: Sampling, usage: UsageSink, topic: int) -> None:
        """`usage` is where the row goes."""
        self._sampling, self._usage, self._topic = sampling, usage, topic

    def __repr__(self) -> str:
        """Not the topic."""
        return "<Sample>"

    @property
    def rows(self) -> bytes:
        """The header lines of a key with limits."""
        return self._usage.rows if type(self._usage) is Hold else b""

    def accept(self) -> None:
        """Count the request as accepted."""
        self._usage.accept()

    def put(self, row: UsageRow) -> None:
        """Pass its row on, and count it if it was answered."""
        self._usage.put(row)
        self._sampling.count(row, self._topic)
