"""The app as a whole: headers, errors that say nothing of what was sent, the page for every other address."""

import msgspec
import pytest

from anyapi.control.app import CSP, LARGEST_BODY, create_app, csp
from anyapi.errors import StorageError

SECRET = "sk-this-must-not-come-back"


def test_every_answer_is_protected(staffed):
    browser = staffed.browser()
    for path in ("/", "/anything", "/api/session", "/api/accounts", "/api/nowhere", "/api/openapi.json"):
        headers = browser.get(path).headers
        assert headers["content-security-policy"] == f"{CSP} http://127.0.0.1:8080"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert not path.startswith("/api/") or headers["cache-control"] == "no-store"


def test_pages_may_load_nothing_from_elsewhere_and_run_nothing_inline():
    script = next(part for part in CSP.split("; ") if part.startswith("script-src"))
    assert script == "script-src 'self'"
    assert "http" not in CSP
    assert "*" not in CSP


@pytest.mark.parametrize(
    ("url", "asks"),
    [
        ("http://127.0.0.1:8080", " http://127.0.0.1:8080"),
        ("https://gate.example.org/some/path", " https://gate.example.org"),
        ("unix:/run/anyapi.sock", ""),
        ("", ""),
    ],
)
def test_pages_may_ask_themselves_and_the_data_plane(url, asks):
    assert csp(url) == f"{CSP}{asks}"
    assert csp(url).split("; ")[-1] == f"connect-src 'self'{asks}"


def test_the_description_is_openapi_3_1_and_complete(staffed):
    found = staffed.browser().get("/api/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert {"/api/session", "/api/accounts/{account}/keys", "/api/accounts/{account}/usage/totals"} <= set(found["paths"])


def test_a_body_of_the_wrong_form_is_named_by_field_and_not_repeated(staffed):
    browser = staffed.browser("owner@x.org")
    refused = browser.post("/api/accounts/default/keys", {"name": 5, "expires_days": SECRET})
    assert refused.status_code == 400
    assert SECRET not in refused.text
    assert refused.json()["error"]["type"] == "bad_request"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"null"])
def test_nonsense_is_a_400(staffed, body):
    browser = staffed.browser("owner@x.org")
    headers = {"content-type": "application/json", "x-csrf-token": browser.csrf}
    headers["cookie"] = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = browser.client.post("/api/accounts/default/keys", content=body, headers=headers)
    assert answer.status_code == 400


def test_a_large_body_is_refused(staffed):
    answer = staffed.browser().post("/api/session", {"email": "x" * (LARGEST_BODY + 1), "password": "x"})
    assert answer.status_code == 413


def test_unknown_paths_and_methods(staffed):
    browser = staffed.browser()
    assert browser.get("/api/nowhere").status_code == 404
    assert browser.send("PATCH", "/api/session").status_code == 405


def test_what_nobody_foresaw_says_nothing_of_itself(staffed, capsys):
    def broken():
        raise RuntimeError(SECRET)

    app = create_app(msgspec.structs.replace(staffed.services, inventory=broken))
    staffed.app = app
    answer = staffed.browser().get("/api/privacy")
    assert answer.status_code == 500
    said = capsys.readouterr()
    assert SECRET not in answer.text + said.out + said.err
    assert "kind=RuntimeError" in said.err


def test_a_store_that_fails_is_a_503_without_its_text(staffed, capsys):
    def broken():
        raise StorageError(SECRET)

    staffed.app = create_app(msgspec.structs.replace(staffed.services, inventory=broken))
    answer = staffed.browser().get("/api/privacy")
    assert answer.status_code == 503
    assert SECRET not in answer.text + capsys.readouterr().err


def test_without_a_build_the_page_says_so(control):
    answer = control.browser().get("/settings/privacy")
    assert answer.status_code == 200
    assert "not built" in answer.text


def test_a_build_is_served_by_name_and_its_page_for_every_other_address(control, tmp_path):
    build = tmp_path / "build"
    (build / "assets").mkdir(parents=True)
    (build / "index.html").write_text("<title>page</title>")
    (build / "assets" / "main-1.js").write_text("1")
    (tmp_path / "secret.txt").write_text(SECRET)
    control.app = create_app(control.services, build)
    browser = control.browser()
    assert browser.get("/activity").text == browser.get("/").text == "<title>page</title>"
    script = browser.get("/assets/main-1.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    for path in ("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"):
        assert SECRET not in browser.get(path).text
