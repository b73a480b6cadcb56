"""What the data plane is given: adapters, upstreams and sinks, named by bootstrap. Contracts only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from anyapi.domain.call import Principal
from anyapi.domain.catalogue import ProviderApi
from anyapi.domain.decision import Decision
from anyapi.domain.evidence import Contradiction
from anyapi.domain.ids import AccountId, CredentialId, DecisionId, KeyId, ProviderId
from anyapi.domain.prompt_log import Kept
from anyapi.domain.receipt import NoReceipt
from anyapi.domain.usage import DecisionRecord, UsageRow
from anyapi.gateway.call import Call
from anyapi.gateway.formats.openai_chat import ChatRequest
from anyapi.gateway.ledger import Account
from anyapi.gateway.memo import Asked
from anyapi.upstream.adapter import Adapter, Dialect, ProviderRow, Timeouts
from anyapi.upstream.pool import Upstream


class UsageSink(Protocol):
    """Where usage rows go. MUST not block."""

    def accept(self) -> None:
        """Count a request as accepted; a row follows."""
        ...

    def put(self, row: UsageRow) -> None:
        """Take the row of an accepted request."""
        ...


Watch: TypeAlias = Callable[[UsageSink, Principal, Asked, ChatRequest, Call], UsageSink]
"""Given where the row of an accepted request goes; gives where it goes instead, to pass by something on its way. MUST not block."""


class Slicing(Protocol):
    """What shares the limits of keys with other workers on the same database."""

    def account(self) -> Account:
        """An account that nothing is leased for yet."""
        ...

    async def more(self, lineage: KeyId) -> bool:
        """Lease what was wanted, and learn how things stand; False if that was refused a moment ago. Raises `Overloaded`."""
        ...

    def spare(self, lineage: KeyId) -> None:
        """Give back at once what was not enough for a request that is refused."""
        ...


class DecisionSink(Protocol):
    """Where decision records go."""

    def record(self, record: DecisionRecord) -> Awaitable[None]:
        """Done once the record is durable. Raises `StorageError`."""
        ...


class AuditSink(Protocol):
    """Where the audit log hears of requests."""

    def __call__(self, row: UsageRow, decisions: tuple[Decision, ...], commitment: str | None = None, /) -> None:
        """Take the usage row of a request, the decisions that it went by, and the commitment to its body if one was asked for.

        MUST not block.
        """
        ...


class LogSink(Protocol):
    """Where what accounts asked to have kept goes, to be sealed. MUST not block."""

    def hold(self, size: int) -> bool:
        """Count bytes that a request under way holds; False, and nothing counted, where there is no room for them."""
        ...

    def release(self, size: int) -> None:
        """Count them no more."""
        ...

    def put(self, kept: Kept, held: int) -> None:
        """Take an entry, and with it the bytes that were counted for it."""
        ...


class _NoLog:
    """For a plane that has no store: nothing is ever held."""

    def hold(self, size: int) -> bool:  # noqa: ARG002 what LogSink says
        return False

    def release(self, size: int) -> None:
        """Nothing was held."""

    def put(self, kept: Kept, held: int) -> None:
        """Nothing is kept."""


NO_LOG = _NoLog()


def _kept_nowhere(_contradiction: Contradiction) -> None:
    """For a plane that has no store."""


def _not_recorded(_row: UsageRow, _decisions: tuple[Decision, ...], _commitment: str | None = None, /) -> None:
    """For a plane that has no audit log."""


def _always() -> bool:
    """For a plane that shares its store with nobody."""
    return True


def _not_counted(_kind: str) -> None:
    """For a plane without metrics."""


def _no_receipts(_account: AccountId, _decision: DecisionId) -> NoReceipt:
    """For a plane that has no audit log."""
    return NoReceipt.UNKNOWN


class Outlets(msgspec.Struct, frozen=True):
    """The concrete things that bootstrap names: adapters, upstreams, sinks."""

    adapters: Callable[[Dialect, ProviderApi], Adapter]
    """Between a client's format and a provider's."""
    rows: Callable[[ProviderId], ProviderRow]
    upstreams: Mapping[CredentialId, Upstream]
    usage: UsageSink
    decisions: DecisionSink
    ready: Callable[[], bool]
    """Whether the stores take what they are given."""
    may_decide: Callable[[], bool] = _always
    """Whether this worker knows what is in force: it holds its lease, or is alone. Asked before anything is sent."""
    timeouts: Timeouts = Timeouts()
    contradicted: Callable[[Contradiction], None] = _kept_nowhere
    """Takes a contradiction that is in force already: written down and told to the operator. MUST not block."""
    logs: LogSink = NO_LOG
    watch: Watch | None = None
    """Has rows pass by what samples for the ranking of models, or makes spans; None where nothing does."""
    audit: AuditSink = _not_recorded
    refused: Callable[[str], None] = _not_counted
    """Hears of a request that was answered with an error before it was accepted, by the error's type. MUST not block."""
    receipts: Callable[[AccountId, DecisionId], bytes | NoReceipt] = _no_receipts
    """Gives the receipt of an account's decision. Called in a thread: it may wait. Raises `StorageError`."""
    accounts: dict[KeyId, Account] = {}
    """What keys with limits use, by the first key of each chain of rotations; grows by those that are used."""
    slices: Slicing | None = None
    """None for the only process on its database."""
