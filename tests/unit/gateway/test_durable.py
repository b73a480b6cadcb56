"""The decision record of a request whose data class asks for one. `tests/integration/test_durable_before_send.py` kills the gateway over it."""

import pytest
from tests.unit.gateway.test_admit import admitted
from tests.unit.policy.samples import MODEL, NOW
from tests.unit.wire.peers import on_loop

from anyapi.domain.call import NO_FACTS, NO_PREFERENCE
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.usage import DecisionRecord
from anyapi.errors import StorageError
from anyapi.gateway.durable import make_durable


@on_loop
async def test_the_record_says_what_was_decided_and_holds_no_content():
    admission = admitted(Settings(data_class=DataClass.INTERNAL))
    route = admission.plane.rank(admission.decided, NO_PREFERENCE, NO_FACTS)
    await make_durable(admission, route)
    (record,) = admission.plane.outlets.decisions.records
    assert record == DecisionRecord(
        decision=admission.id,
        at=NOW,
        account="acme",
        key="key_1",
        model=MODEL,
        requirement=admission.asked.requirement.hash,
        catalogue="v1",
        snapshot=7,
        data_classes=("internal",),
        permitted=("q/one",),
        denied=(("p/one", ("training_by_default",)),),
    )
    assert "hello" not in repr(record)


@on_loop
async def test_a_record_that_cannot_be_written_is_an_error():
    admission = admitted()
    admission.plane.outlets.decisions.error = StorageError("the disk is full")
    route = admission.plane.rank(admission.decided, NO_PREFERENCE, NO_FACTS)
    with pytest.raises(StorageError):
        await make_durable(admission, route)
    assert admission.plane.outlets.decisions.records == []
