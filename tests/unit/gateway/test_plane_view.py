"""A view of the plane differs in what it was given, and in nothing else; the plane itself stays as it is."""

from tests.unit.gateway.workbench import DISCLOSURE, Clock, outlets, snapshot
from tests.unit.policy.samples import context, provider
from tests.unit.wire.peers import on_loop

from anyapi.gateway.plane import DataPlane
from anyapi.gateway.plane_view import seen_with
from anyapi.policy.merge import UNCONSTRAINED


@on_loop
async def test_it_has_its_own_outlets_and_the_planes_everything_else():
    plane = DataPlane(snapshot(context([provider("p")]), UNCONSTRAINED), outlets(), DISCLOSURE, Clock())

    def audit(*_):
        """Another."""

    view = seen_with(plane, audit=audit)
    assert view.outlets.audit is audit
    assert plane.outlets.audit is not audit
    assert view.outlets.usage is plane.outlets.usage
    view.budget.requests += 1
    assert plane.budget.requests == 1
    plane.publish(plane.snapshot)
    assert view.principals is plane.principals
