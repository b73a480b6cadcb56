"""The description says who may call what and how errors look; tests/hostile/test_descriptions.py holds it against a running gateway."""

import pytest

from anyapi.control.app import create_app
from anyapi.control.describe import described


@pytest.fixture(scope="module")
def description():
    return described(create_app(None))


def operations(description):
    return [(path, method, operation) for path, some in description["paths"].items() for method, operation in some.items()]


def test_every_operation_says_who_may_call_it_and_what_it_refuses_with(description):
    for path, method, operation in operations(description):
        public, program = operation["security"] == [], path.startswith("/api/v1/")
        needed = {"provisioning": []} if program else {"session": []} if method == "get" else {"session": [], "page": []}
        assert public or operation["security"] == [needed], path
        statuses = set(operation["responses"])
        assert {"400", "503"} <= statuses
        assert public or "401" in statuses
        assert public or ("403" in statuses) == (not program or method != "get"), path
        for status in statuses - {"200", "201", "303"}:
            assert operation["responses"][status]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_an_archive_is_no_json_and_may_have_to_wait(description):
    responses = description["paths"]["/api/accounts/{account}/exports/{export_id}/archive"]["get"]["responses"]
    assert list(responses["200"]["content"]) == ["application/zip"]
    assert "429" in responses


def test_what_is_public_is_said_to_be(description):
    public = {f"{method} {path}" for path, method, operation in operations(description) if operation["security"] == []}
    assert public == {
        *(
            "get /api/healthz",
            "get /api/privacy",
            "get /api/rankings",
            "get /api/session",
            "post /api/session",
            "get /api/session/oidc",
            "get /api/session/oidc/return",
        ),
        *("get /api/links/{token}", "post /api/links"),
    }


def test_over_tls_the_session_has_the_name_that_it_has_there():
    schemes = described(create_app(None), secure=True)["components"]["securitySchemes"]
    assert schemes["session"]["name"] == "__Host-anyapi-session"


def test_only_our_own_page_of_it_is_described(description):
    assert not [path for path in description["paths"] if "openapi" in path]
