"""Names of changed fields."""

from anyapi.upstream.translate.adjustments import Adjustments


def test_each_name_once_in_order_of_mention():
    notes = Adjustments()
    for name in ("seed", "top_p", "seed"):
        notes.note(name)
    assert notes.names == ("seed", "top_p")
