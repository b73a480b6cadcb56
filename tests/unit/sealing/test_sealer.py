"""What goes where: small entries here, large ones in another process."""

import pyrage
from tests.conformance.samples import kept

from anyapi.sealing.age import unseal
from anyapi.sealing.document import read
from anyapi.sealing.sealer import LARGE, Sealer


def test_small_ones_are_sealed_here_and_large_ones_elsewhere():
    identity, sealer = pyrage.x25519.Identity.generate(), Sealer()
    to = (str(identity.to_public()),)
    for size, apart in ((100, False), (LARGE - 30, False), (LARGE, True), (2_000_000, True)):
        made, pieces = kept(1, prompt=b'"' + b"x" * size + b'"', recipients=to), []
        assert sealer.is_large(made) is apart
        sealer.seal(made, pieces.append)
        assert (sealer._apart.pid is not None) is apart
        assert len(read(unseal(pieces, str(identity))).prompt) == size + 2
        sealer.rest()
        assert sealer._apart.pid is None
