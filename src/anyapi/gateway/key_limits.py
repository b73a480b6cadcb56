"""Holds keys to their limits: requests per minute, and a spend cap that a request's highest cost is set aside from before it is sent.

A key without limits never gets here. What is set aside is settled with the true cost when the usage row is written, whatever became of
the request: an empty or failed answer costs nothing. In memory, for this process; what was spent before it started, the snapshot says.
Where several processes share a database, each uses slices of the limits (`slices`).
"""

from math import ceil

import msgspec

from anyapi.domain.ids import KeyId
from anyapi.domain.limits import Allowance, CapPeriod, KeyLimits
from anyapi.domain.usage import UsageRow
from anyapi.errors import InsufficientQuota, Metadata, Overloaded, RateLimited, RequestError
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.ledger import NANO, Account, Left, nano
from anyapi.gateway.memo import Asked, Decided
from anyapi.gateway.most import Most, most_of
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.rate_rows import of_allowance, rate_rows
from anyapi.policy.periods import begins_anew, day_of

SOON = 1.0
"""Seconds after which to try again what running requests leave no room for."""
STORE_SECONDS = 5.0
"""The same where what is spent cannot be written down."""


class Hold:
    """One request of a key with limits, between admission and its usage row, which passes through here. Made by `limited`."""

    __slots__ = ("_account", "_amount", "_day", "_plane", "rows")

    def __init__(self, plane: DataPlane, account: Account, amount: int, day: int) -> None:
        """`amount` in nano-dollars is set aside already, for a request that begins on `day`."""
        self._plane, self._account, self._amount, self._day = plane, account, amount, day
        self.rows = b""
        """Header lines of the answer that tell what is left."""

    def accept(self) -> None:
        """Count the request as accepted."""
        self._plane.outlets.usage.accept()

    def put(self, row: UsageRow) -> None:
        """Settle with what the request cost, and pass its row on. A cost that is not known (nobody got an answer) is nothing."""
        self._account.release(self._amount, nano(row.cost or 0.0), self._day)
        self._plane.outlets.usage.put(row)


def limited(plane: DataPlane, limits: KeyLimits, asked: Asked, decided: Decided, request: ChatRequest) -> Hold:
    """Count a request of a key with limits and set its highest cost aside. Raises `RateLimited`, `InsufficientQuota` or `Overloaded`.

    Of a request that is refused nothing is counted.
    """
    now, day = plane.loop.time(), day_of(plane.clock())
    account = account_of(plane, limits, day)
    if limits.requests_per_minute is not None and not account.may(limits.requests_per_minute, now):
        account.want_request()
        allowance = account.allowance(limits.requests_per_minute, now)
        raise _too_many(msgspec.structs.replace(allowance, remaining=0), account.next_free(limits.requests_per_minute, now))
    amount = 0 if limits.spend_cap is None else _affordable(plane, limits, account, most_of(request, asked, decided), day)
    account.hold(amount)
    hold = Hold(plane, account, amount, day)
    if limits.requests_per_minute is not None:
        account.count(now)
        hold.rows = rate_rows(account.allowance(limits.requests_per_minute, now), request.dialect, plane.clock())
    return hold


def account_of(plane: DataPlane, limits: KeyLimits, day: int) -> Account:
    """The count that a key's limits go by, up to date."""
    accounts: dict[KeyId, Account] = plane.outlets.accounts
    account = accounts.get(limits.lineage)
    if account is None:
        account = accounts[limits.lineage] = Account() if plane.outlets.slices is None else plane.outlets.slices.account()
    account.adopt(limits, day)
    return account


def shown(plane: DataPlane, limits: KeyLimits | None) -> dict[str, object] | None:
    """A key's limits and what is left of them, as `GET /v1/key` shows it; None without limits."""
    if limits is None:
        return None
    day = day_of(plane.clock())
    account = account_of(plane, limits, day)
    left: Left = account.left(limits.spend_cap)
    rate = limits.requests_per_minute
    return {
        "requests_per_minute": rate,
        "requests_left": None if rate is None else account.allowance(rate, plane.loop.time()).remaining,
        "spend_cap": limits.spend_cap,
        "period": None if limits.spend_cap is None else limits.period,
        "spent": left.spent if limits.spend_cap is not None else None,
        "held": left.held if limits.spend_cap is not None else None,
        "left": left.left,
        "begins_anew_at": None if limits.spend_cap is None else begins_anew(limits.period, day),
    }


def _too_many(allowance: Allowance, wait: float) -> RateLimited:
    text = f"This key may make {allowance.limit} requests a minute, and has. Try again when Retry-After says so."
    return RateLimited(text, of_allowance(allowance), float(ceil(wait)))


def _affordable(plane: DataPlane, limits: KeyLimits, account: Account, most: Most, day: int) -> int:
    """The amount to set aside, if there is room for it."""
    if not plane.outlets.ready():
        text = "What this key spends cannot be written down now, and it has a spend cap, so nothing was sent. Try again later."
        raise Overloaded(text, retry_after=STORE_SECONDS)
    room = account.room(limits.spend_cap or 0.0)
    # Of a cap that is used up not even what costs nothing may be had: whoever set it wants the key to stop.
    if most.amount <= room and room > 0:
        return most.amount
    raise _unaffordable(limits, account, most, day)


def _unaffordable(limits: KeyLimits, account: Account, most: Most, day: int) -> RequestError:
    """Why there is no room for a request: for now, in this period, or for one that may cost so much."""
    cap = limits.spend_cap or 0.0
    metadata: Metadata = {
        "spend_cap": cap,
        "period": limits.period.value,
        "spent": account.spent / NANO,
        "held": account.held / NANO,
        "begins_anew_at": begins_anew(limits.period, day),
        "highest_cost": most.amount / NANO,
    }
    unspent = account.unspent(cap)
    if unspent <= 0:
        anew = "" if limits.period is CapPeriod.TOTAL else f" It begins anew with the next {limits.period.value} (UTC)."
        return InsufficientQuota(
            f"The spend cap of this key is used up. Nothing was sent.{anew} Raise the cap, or use another key.", metadata
        )
    if most.amount <= unspent:
        account.want(most.amount)
        text = "What is left of this key's spend cap is set aside for its requests under way. Try again when they have ended."
        return RateLimited(text, metadata, SOON)
    text = "This request may cost more than is left of this key's spend cap. Nothing was sent."
    if most.answer_token and most.prompt + most.answer_token <= unspent:
        metadata["affordable_tokens"] = (unspent - most.prompt) // most.answer_token
        text += f" What is left pays for {metadata['affordable_tokens']} tokens: set max_tokens to at most that, or raise the cap."
    else:
        text += " It does not pay for the prompt and one token of answer: shorten the prompt, choose a cheaper model, or raise the cap."
    return InsufficientQuota(text, metadata)
