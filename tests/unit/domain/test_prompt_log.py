"""An entry on its way to the seal: how much content it has, and that it does not print it."""

from tests.conformance.samples import kept


def test_its_size_is_that_of_its_content_and_it_prints_none():
    one = kept(1, prompt=b"secret", response=(b"words", b"!"))
    assert one.size == 12
    assert kept(1, prompt=None, response=None).size == 0
    assert repr(one) == f"<Kept {one.entry.decision}>"
