"""The dashboard's files as routes: tests/unit/control/test_app.py asks them over the app; here what a build may hold."""

import pytest
from litestar.testing import TestClient

from anyapi.control.app import create_app
from anyapi.control.pages import FOREVER, handlers


@pytest.fixture
def built(control, tmp_path):
    """The app with a build of three files."""
    build = tmp_path / "build"
    (build / "assets").mkdir(parents=True)
    (build / "index.html").write_text("<title>page</title>")
    (build / "mark.svg").write_text("<svg/>")
    (build / "assets/a-1234.js").write_text("console.log(1);" * 200)
    with TestClient(create_app(control.services, build)) as client:
        yield client


def test_one_route_with_and_without_a_build(tmp_path):
    (tmp_path / "index.html").write_text("x")
    for directory in (None, tmp_path):
        (page,) = handlers(directory)
        assert page.opt["public"] is True


def test_what_has_a_hash_in_its_name_is_kept_for_ever():
    assert "immutable" in FOREVER


def test_assets_are_packed_once_and_kept_for_ever(built):
    for accepted in ("gzip, br", "identity"):
        answer = built.get("/assets/a-1234.js", headers={"accept-encoding": accepted})
        assert answer.text == "console.log(1);" * 200
        assert answer.headers.get("content-encoding") == ("gzip" if "gzip" in accepted else None)
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert (answer.headers["cache-control"], answer.headers["vary"]) == (FOREVER, "accept-encoding")


def test_every_address_of_the_page_gives_the_page(built):
    for path in ("/", "/index.html", "/join", "/a/default/models/openai/gpt-4o-mini"):
        answer = built.get(path)
        assert answer.text == "<title>page</title>"
        assert answer.headers["cache-control"] == "no-cache"
    assert built.get("/mark.svg").headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/api/v1/chat/completions", "/api/v1/messages"])
def test_whoever_takes_this_for_the_gateway_hears_where_that_is(built, path):
    for answer in (built.get(path), built.post(path, json={"model": "a/b"})):
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found")
        assert "port 8080" in answer.json()["error"]["message"]


def test_a_part_of_an_older_build_is_not_there(built):
    assert built.get("/assets/a-0000.js").status_code == 404
    assert built.get("/api/nothing").status_code == 404
