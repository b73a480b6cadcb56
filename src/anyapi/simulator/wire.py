"""The contract between the simulator and a wire format. A wire reads requests and writes answers; it decides nothing about them."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from anyapi.simulator.answer import Answer
from anyapi.simulator.call import POLICY_FIELDS, Call, Rejected
from anyapi.simulator.reply import Reply


class Wire(Protocol):
    """One provider API."""

    completion_path: str
    """Where completions are asked for."""
    base_path: str
    """What a client's base URL ends in, so that it finds `completion_path`."""

    def read(self, body: bytes, headers: Mapping[str, str]) -> Call:
        """Understand a request. MUST raise `Rejected` for what a real provider would refuse."""
        ...

    def render(self, call: Call, model: str, answer: Answer, serial: int) -> Reply:
        """Write the answer, as a stream if the call asks for one."""
        ...

    def error(self, status: int, message: str) -> bytes:
        """Return the error body that goes with `status`."""
        ...

    def error_event(self, message: str) -> bytes:
        """Return one complete server-sent event that tells of an error."""
        ...

    def key_of(self, headers: Mapping[str, str]) -> str | None:
        """Return the credential in the headers."""
        ...

    def models(self, names: tuple[str, ...]) -> object:
        """Return the body of `GET /v1/models`."""
        ...

    def count(self, call: Call) -> object:
        """Return the body of a token count for `call`; None when the format has none."""
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


def unreadable(error: msgspec.MsgspecError) -> Rejected:
    """Say what is wrong with a body: the decoder's path and types, never the value."""
    return Rejected(400, f"The request body is not valid: {error}.")
