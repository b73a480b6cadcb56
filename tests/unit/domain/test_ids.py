"""Ids are plain strings at run time and documented."""

from anyapi.domain import ids


def test_every_id_is_a_string_type():
    names = [name for name in vars(ids) if name.endswith(("Id", "Hash"))]
    assert len(names) == 10
    for name in names:
        made = getattr(ids, name)("x")
        assert made == "x"
        assert type(made) is str
