"""The contracts of a wire format and of a provider's API. A wire reads requests and writes answers; it decides nothing about them."""

import hmac
from collections.abc import Mapping
from typing import Protocol

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.call import POLICY_FIELDS, Call, Rejected
from anyapi.simulator.reply import Reply
from anyapi.simulator.request import Request


class Target(msgspec.Struct, frozen=True):
    """What the path of a request says."""

    model: str | None = None
    """None where the body names the model."""
    stream: bool = False
    """A stream is asked for by the path; elsewhere the body does it."""
    count: bool = False
    """Only the tokens of the prompt are asked for."""


class Wire(Protocol):
    """One wire format: one kind of request at one kind of path."""

    completion_path: str
    """Where it is served, as a person reads it."""

    def target(self, path: str, query: str) -> Target | None:
        """Return what the path says; None when it belongs to something else."""
        ...

    def read(self, body: bytes, headers: Mapping[str, str], target: Target) -> Call:
        """Understand a request. MUST raise `Rejected` for what a real provider would refuse."""
        ...

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write the answer, as a stream if the call asks for one."""
        ...

    def error(self, status: int, message: str) -> bytes:
        """Return the error body that goes with `status`."""
        ...

    def error_headers(self, status: int) -> list[tuple[bytes, bytes]]:
        """Return the headers that go with the error body."""
        ...

    def error_event(self, message: str, after: int) -> bytes:
        """Return one complete event of a stream that tells of an error, the one after so many others."""
        ...

    def count(self, call: Call) -> object:
        """Return the body of a token count for `call`."""
        ...


class Api(Protocol):
    """What one provider speaks: its wire formats, and what they have in common."""

    wires: tuple[Wire, ...]
    """The first one writes the errors of requests that belong to none."""
    base_path: str
    """What a client's base URL ends in, so that it finds the paths."""
    models_paths: tuple[str, ...]

    def admits(self, request: Request, key: str) -> bool:
        """Say whether the request carries the provider's key."""
        ...

    def no_admittance(self, request: Request) -> Rejected:
        """Return how a request without the key is refused."""
        ...

    def models(self, names: tuple[str, ...]) -> object:
        """Return the body of the model list."""
        ...


class GatewayFields(msgspec.Struct):
    """The fields of every request body that matter to the ledger but not to the answer. UNSET: the key is absent."""

    store: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_policy: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    provider: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    providerOptions: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815 - the wire's own spelling
    models: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    tags: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def leaked(self) -> tuple[str, ...]:
        """Names of the policy fields that are present."""
        return tuple(name for name in POLICY_FIELDS if getattr(self, name) is not msgspec.UNSET)

    @property
    def store_value(self) -> bool | str | None:
        """`store` as the ledger shows it."""
        if self.store is msgspec.UNSET:
            return "absent"
        return {b"true": True, b"false": False, b"null": None}.get(bytes(self.store), "other")

    def __repr__(self) -> str:
        """Never the content."""
        return f"<{type(self).__name__}>"


def bearer(headers: Mapping[str, str]) -> str | None:
    """Return the token of an `Authorization: Bearer` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def same_key(shown: str | None, key: str) -> bool:
    """Compare keys, in the same time wherever they differ."""
    return hmac.compare_digest((shown or "").encode(), key.encode())


def unreadable(error: msgspec.MsgspecError) -> Rejected:
    """Say what is wrong with a body: the decoder's path and types, never the value."""
    return Rejected(400, f"The request body is not valid: {error}.")
