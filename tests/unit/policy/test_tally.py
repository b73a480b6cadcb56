"""Many denials in short."""

from tests.unit.policy.samples import endpoint

from anyapi.domain.decision import Denial, Reason, ReasonCode, ReasonKind
from anyapi.domain.requirement import Layer
from anyapi.policy.tally import ReasonCount, nearest_first, tally

TRAINS = Reason(ReasonCode.TRAINING_BY_DEFAULT, ReasonKind.POLICY, "It trains.", "training_allowed", (Layer.KEY,))
KEEPS = Reason(ReasonCode.RETENTION_TOO_LONG, ReasonKind.POLICY, "It keeps.", "retention_days", (Layer.REQUEST,))
SHORT = Reason(ReasonCode.CONTEXT_TOO_SHORT, ReasonKind.AVAILABILITY, "It is short.")


def denied(name, *reasons):
    return Denial(endpoint(name), None, reasons)


def test_reasons_are_counted_the_commonest_first():
    denials = [denied("a", TRAINS, KEEPS), denied("b", KEEPS), denied("c", KEEPS, SHORT), denied("d", SHORT)]
    assert tally(denials) == (
        ReasonCount(ReasonCode.RETENTION_TOO_LONG, ReasonKind.POLICY, "retention_days", (Layer.REQUEST,), 3),
        ReasonCount(ReasonCode.CONTEXT_TOO_SHORT, ReasonKind.AVAILABILITY, None, (), 2),
        ReasonCount(ReasonCode.TRAINING_BY_DEFAULT, ReasonKind.POLICY, "training_allowed", (Layer.KEY,), 1),
    )
    assert tally([]) == ()


def test_what_lacks_least_comes_first_and_policy_alone_before_the_rest():
    denials = [denied("two", TRAINS, KEEPS), denied("short", SHORT), denied("trains", TRAINS), denied("keeps", KEEPS)]
    assert [one.endpoint.provider for one in nearest_first(denials)] == ["trains", "keeps", "short", "two"]
