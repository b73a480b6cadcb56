"""Upstreams of the credentials that accounts brought: opened when a snapshot names them, withdrawn when it no longer does.

The decrypted secret lives from `unseal` to its `Upstream`, which keeps what it needs of it, and nowhere else. Decides nothing: which
credential serves whom stands in the snapshot.
"""

import importlib
from collections.abc import Callable, Sequence

import msgspec

from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.sealed import Binding, CannotOpen, Sealed
from anyapi.crypto.secret import Secret
from anyapi.domain.decision import OutcomeKind
from anyapi.domain.ids import CredentialId
from anyapi.errors import ConfigError
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.opening import Access, open_upstream
from anyapi.upstream.pool import Upstream, Wire


class OwnCredential(msgspec.Struct, frozen=True):
    """A stored credential as it is to be opened: its seal, what that is bound to, and where and how the secret may be used."""

    binding: Binding
    sealed: Sealed
    access: Access


class Withdrawn(Upstream):
    """Stands for a credential that is gone: a request that decided before goes on to its next attempt, and nothing is sent."""

    __slots__ = ()

    def __init__(self, wire: Wire) -> None:
        """Never connects: the name is one that no resolver may answer (RFC 2606), and it is not asked."""
        super().__init__(wire, "https://withdrawn.invalid", b"")

    async def connect(self) -> UpstreamConnection | OutcomeKind:
        """Refused, as if the provider had refused the credential: no fault of the endpoint's."""
        return OutcomeKind.UNAUTHORIZED


class Upstreams(dict[CredentialId, Upstream]):
    """Every upstream by credential: the operator's from the start, accounts' own as snapshots come and go."""

    def __init__(self, wire: Wire, root_keys: RootKeys) -> None:
        """None yet. `root_keys` open what is sealed."""
        super().__init__()
        self._wire, self._root_keys = wire, root_keys
        self._gone = Withdrawn(wire)
        self._own: dict[CredentialId, OwnCredential] = {}

    def __missing__(self, credential: CredentialId) -> Upstream:
        """A request may still be on its way with a decision of the snapshot before."""
        return self._gone

    def keep(self, wanted: Sequence[OwnCredential]) -> dict[str, str]:
        """Have an upstream for each of `wanted` and for no other of the accounts'; give those that cannot be used, with the reason's code.

        One that has not changed keeps its connections. What is withdrawn takes no request any more; answers that run are not cut.
        """
        asked = {one.binding.row: one for one in wanted}
        for name in [name for name, had in self._own.items() if asked.get(name) != had]:
            self._withdraw(name)
        unusable: dict[str, str] = {}
        for name, one in asked.items():
            if name in self._own:
                continue
            try:
                self[name] = self._opened(one)
                self._own[name] = one
            except CannotOpen as error:
                unusable[name] = error.reason.value
            except ConfigError:
                unusable[name] = "secret_unusable"
        return unusable

    def _opened(self, one: OwnCredential) -> Upstream:
        # The cipher's library is loaded with the first stored credential: a start without any does not pay for it.
        unseal: Callable[[Sealed, Binding, RootKeys], Secret] = importlib.import_module("anyapi.crypto.envelope").unseal
        return open_upstream(self._wire, one.access, unseal(one.sealed, one.binding, self._root_keys))

    def _withdraw(self, name: CredentialId) -> None:
        del self._own[name]
        upstream = self.pop(name)
        upstream.close_idle()
