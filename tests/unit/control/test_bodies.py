"""What a body of the control API may hold: what its type names, once, in characters that both databases store."""

import time
import typing

import msgspec
import pytest
from tests.unit.control.conftest import PASSWORD, Control

from anyapi.control.permissions import handlers

KEYS, SETTINGS = "/api/accounts/default/keys", "/api/accounts/default/settings/account/default"


def structs(annotation):
    """The structs of a type, and of their fields."""
    for each in (annotation, *typing.get_args(annotation)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            yield each
            for field in msgspec.structs.fields(each):
                yield from structs(field.type)


def sent_raw(browser, method, path, body):
    """Send a body as it is."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"content-type": "application/json", "x-csrf-token": browser.csrf, "cookie": cookie}
    return browser.client.request(method, path, content=body, headers=headers)


def bodies(app):
    for name, handler in handlers(app):
        for field in handler.parsed_fn_signature.parameters.values():
            if field.name == "data":
                yield name, field.annotation


def test_no_body_takes_a_field_that_it_does_not_know(control):
    found = dict(bodies(control.app))
    assert len(found) > 25
    for name, annotation in found.items():
        kinds = set(structs(annotation))
        assert kinds, name
        for kind in kinds:
            assert kind.__struct_config__.forbid_unknown_fields, (name, kind)


def test_a_policy_that_is_misspelt_makes_no_key(staffed):
    browser = staffed.browser("owner@x.org")
    refused = browser.post(KEYS, {"name": "bot", "datapolicy": {"retention_days": 0}})
    assert refused.status_code == 400
    assert "datapolicy (not known here)" in refused.json()["error"]["message"]
    assert browser.post(KEYS, {"name": "bot", "limits": {"rpm": 5}}).status_code == 400
    assert browser.get(KEYS).json() == []


def test_what_may_be_anything_is_not_repeated(staffed):
    refused = staffed.browser("owner@x.org").post(KEYS, {"name": "bot", "a secret, pasted": 1})
    assert refused.status_code == 400
    assert "secret" not in refused.text


@pytest.mark.parametrize(
    "body",
    [
        '{"data_policy": {"retention_days": 30, "retention_days": 90}}',
        '{"data_policy": {"retention_days": 30, "retention\\u005fdays": 90}}',
        '{"data_policy": {"retention_days": 30}, "data_policy": {}}',
    ],
)
def test_of_two_equal_names_none_wins(staffed, body):
    browser = staffed.browser("owner@x.org")
    before = browser.get(SETTINGS).json()
    refused = sent_raw(browser, "PUT", SETTINGS, body)
    assert refused.status_code == 400
    assert "stands twice" in refused.json()["error"]["message"]
    assert browser.get(SETTINGS).json() == before


@pytest.mark.parametrize("body", ["[" * 19_000, '{"name": ' + "[" * 19_000 + "]" * 19_000 + "}", '{"a":' * 19_000 + "1" + "}" * 19_000])
def test_what_nests_too_deep_is_refused(staffed, body):
    for browser, path in ((staffed.browser("owner@x.org"), KEYS), (staffed.browser(), "/api/session")):
        refused = sent_raw(browser, "POST", path, body)
        assert refused.status_code == 400
        assert "nests too deep" in refused.json()["error"]["message"]


def test_a_character_that_one_database_cannot_hold_is_refused_by_both(staffed: Control):
    owner = staffed.browser("owner@x.org")
    for path, body in ((KEYS, {"name": "a\0b"}), ("/api/accounts/default/members", {"email": "a\0@x.org", "role": "member"})):
        assert owner.post(path, body).status_code == 400
    stranger = staffed.browser()
    assert stranger.post("/api/session", {"email": "a\0@x.org", "password": PASSWORD}).status_code == 400


MANY = {
    "numbers": '{"x": [' + "0," * 21_000 + "0]}",
    "lists": "[" * 100_000,
    "objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "names": "{" + ",".join(f'"n{number}":0' for number in range(21_000)) + ',"n1":0}',
    "quotes in a text without end": "[" + "0," * 21_000 + '"' + '\\"' * 400_000,
}


@pytest.mark.parametrize("name", MANY)
def test_what_holds_very_many_values_is_refused_unread(staffed, name):
    """It is read on the event loop, and anybody may send it."""
    begun = time.monotonic()
    refused = sent_raw(staffed.browser(), "POST", "/api/session", MANY[name])
    assert refused.status_code == 400
    assert "more than 20000 values" in refused.json()["error"]["message"]
    assert time.monotonic() < begun + 1.0


def test_commas_in_a_text_are_no_values(staffed):
    refused = staffed.browser().post("/api/session", {"email": "a,[{" * 30_000, "password": PASSWORD})
    assert refused.status_code == 401


def test_a_name_that_stands_twice_among_many_is_found_at_once(staffed):
    body = "{" + ",".join(f'"n{number}":0' for number in range(19_000)) + ',"n18999":1}'
    begun = time.monotonic()
    refused = sent_raw(staffed.browser(), "POST", "/api/session", body)
    assert "`n18999` stands twice" in refused.json()["error"]["message"]
    assert time.monotonic() < begun + 1.0, "each was looked for among all others"
