"""Evidence of one attempt: what the provider states that it did is read while its answer passes by, and weighed against what was promised.

Only for providers whose registry row says where they state it. Nothing of the answer is kept, and nothing but codes and ids of ours
leaves this module. What contradicts a promise is in force for every decision from the moment it is read.
"""

from collections.abc import Callable

import msgspec

from anyapi.domain.decision import Candidate
from anyapi.domain.evidence import CONTRADICTIONS, NOTHING_TOLD, UNRECOGNISED, Contradiction, EvidenceCode, Statement
from anyapi.domain.ids import ProviderId
from anyapi.gateway.admit import Admission
from anyapi.gateway.plane import DataPlane
from anyapi.policy.evidence import HOSTS, weigh
from anyapi.upstream.adapter import Prepared, ProviderRow
from anyapi.upstream.connection import UpstreamConnection
from anyapi.upstream.evidence import Evidence, FirstEvent, from_body, from_headers, together
from anyapi.upstream.routers import host_named, told, with_words


class Witness:
    """Sees one attempt pass by. `hear` ends it; of a stream it hears as soon as the first event is there."""

    __slots__ = ("_admission", "_candidate", "_connection", "_evidence", "_first", "_heard", "_row", "_sink", "_told")

    def __init__(
        self, admission: Admission, candidate: Candidate, row: ProviderRow, evidence: Evidence, connection: UpstreamConnection
    ) -> None:
        """`evidence` is the row's; `connection` the one that the attempt uses."""
        self._admission, self._candidate, self._row, self._evidence = admission, candidate, row, evidence
        self._connection = connection
        self._heard = False
        self._sink: Callable[[bytes], None] | None = None
        self._first: FirstEvent | None = None
        self._told = NOTHING_TOLD

    def beside(self, prepared: Prepared, sink: Callable[[bytes], None] | None) -> Callable[[bytes], None] | None:
        """Tell a router what the caller requires, in its own words; and give what takes a stream off the connection.

        That is this until the first event was seen, and then `sink` alone.
        """
        router, requirement = self._row.router, self._admission.asked.requirement
        if router is not None:
            self._told = told(router, self._candidate.endpoint.provider, requirement, self._candidate.policy.hosts)
            prepared.body = with_words(prepared.body, router, requirement, self._told)
        if sink is None:
            return None
        self._sink, self._first = sink, FirstEvent()
        return self

    @property
    def patience(self) -> float:
        """That of the sink beside which it stands."""
        return getattr(self._sink, "patience", 0.0)

    def __call__(self, data: bytes) -> None:
        """Look at what came of a stream until its first event is whole, and pass it on."""
        first, sink = self._first, self._sink
        if first is None or sink is None:
            return
        event = first.feed(data)
        if first.done:
            self._connection.sink = sink
            self._weigh(Statement(unreadable=True) if event is None else from_body(self._evidence, event, self._name_of))
            self._first = self._sink = None
        sink(data)

    def hear(self) -> None:
        """The attempt is over: weigh what its answer states, unless that was done."""
        if self._heard:
            return
        connection = self._connection
        whole = 200 <= connection.status < 300 and connection.body
        self._weigh(from_body(self._evidence, connection.body, self._name_of) if whole else Statement())

    def _weigh(self, in_body: Statement) -> None:
        self._heard = True
        admission, endpoint = self._admission, self._candidate.endpoint
        stated = together(from_headers(self._evidence, self._connection.stated, self._name_of), in_body)
        codes = weigh(stated, endpoint, self._candidate.policy, self._told)
        if not codes:
            return
        admission.stated = stated.host, codes[0].value
        for code in codes:
            if code in CONTRADICTIONS:
                host = stated.host if code in HOSTS else None
                found = Contradiction(endpoint.id, self._candidate.credential, code, admission.id, admission.plane.clock(), host)
                lower(admission.plane, found)

    def _name_of(self, name: str) -> ProviderId:
        router = self._row.router
        providers = self._admission.plane.context.catalogue.providers
        return ProviderId(UNRECOGNISED) if router is None else host_named(name, router, providers)


def lower(plane: DataPlane, found: Contradiction) -> None:
    """Have every decision from now on know of a contradiction, and have it written down. Does nothing for one that is known."""
    snapshot = plane.snapshot
    known = snapshot.context.contradicted
    by_credential = known.get(found.endpoint, {})
    codes: frozenset[EvidenceCode] = by_credential.get(found.credential, frozenset())
    if found.code in codes:
        return
    contradicted = {**known, found.endpoint: {**by_credential, found.credential: codes | {found.code}}}
    context = msgspec.structs.replace(snapshot.context, contradicted=contradicted)
    plane.publish(msgspec.structs.replace(snapshot, context=context))
    plane.outlets.contradicted(found)
