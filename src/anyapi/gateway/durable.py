"""The decision record of a request whose data class asks for one: on the disk before anything is sent. Others run no line of this."""

from anyapi.domain.decision import Route
from anyapi.domain.usage import DecisionRecord
from anyapi.gateway.admit import Admission


async def make_durable(admission: Admission, route: Route) -> None:
    """Write the decision record and wait for the disk. Raises `StorageError`, and then nothing may be sent."""
    decided, requirement = admission.decided, admission.asked.requirement
    await admission.plane.outlets.decisions.record(
        DecisionRecord(
            decision=admission.id,
            at=admission.at,
            account=admission.principal.account,
            key=admission.principal.key,
            model=decided.model,
            requirement=requirement.hash,
            catalogue=decided.decisions[0].catalogue,
            snapshot=admission.plane.snapshot.version,
            data_classes=tuple(sorted(requirement.data_classes)),
            permitted=tuple(candidate.endpoint.id for candidate in route.candidates),
            denied=tuple(
                (denial.endpoint.id, tuple(reason.code.value for reason in denial.reasons))
                for decision in decided.decisions
                for denial in decision.denied
            ),
        )
    )
