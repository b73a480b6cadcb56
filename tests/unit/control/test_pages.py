"""The dashboard's files as routes: tests/unit/control/test_app.py asks them over the app; here what a build may hold."""

from anyapi.control.pages import FOREVER, handlers


def test_one_route_with_and_without_a_build(tmp_path):
    (tmp_path / "index.html").write_text("x")
    for directory in (None, tmp_path):
        (page,) = handlers(directory)
        assert page.opt["public"] is True


def test_what_has_a_hash_in_its_name_is_kept_for_ever():
    assert "immutable" in FOREVER
