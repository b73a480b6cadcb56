"""What the caller is told, by outcome: a text of ours for each, and a status that tells whether to try again."""

import pytest

from anyapi.domain.decision import OutcomeKind
from anyapi.gateway.upstream_errors import TEXTS


@pytest.mark.parametrize("kind", sorted(set(OutcomeKind) - {OutcomeKind.SUCCESS, OutcomeKind.CLIENT_GONE}))
def test_every_failure_has_its_text(kind):
    assert TEXTS[kind].endswith(".")
