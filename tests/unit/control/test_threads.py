"""The loop is the data plane's too: the control plane waits for no disk on it."""

import asyncio

import msgspec
import pytest
from tests.unit.control.test_permissions import address, routes

from anyapi.control.app import create_app
from anyapi.control.permissions import TOUCH_SECONDS
from anyapi.control.threads import in_thread
from anyapi.crypto.api_keys import PROVISIONING_PREFIX, generate
from anyapi.storage.database import Database
from anyapi.storage.rows import ProvisioningKeyRow


def on_a_loop():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.fixture
def calls(monkeypatch):
    """What the store was asked to do, each with whether that was on a loop."""
    found = []

    def watch(name):
        plain = getattr(Database, name)

        def watched(self, doing, *rest):
            found.append((doing, on_a_loop()))
            return plain(self, doing, *rest)

        monkeypatch.setattr(Database, name, watched)

    for name in ("_read", "_write", "_transaction"):
        watch(name)
    return found


def test_a_handler_runs_off_the_loop():
    assert asyncio.run(in_thread(on_a_loop)()) is False


def test_no_call_waits_for_the_store_on_the_loop(staffed, calls):
    async def reload():
        return 1  # the snapshot that a change asks for is read on the loop, by the data plane

    staffed.app = create_app(msgspec.structs.replace(staffed.services, reload=reload))
    browser = staffed.browser("operator@x.org")
    staffed.now += TOUCH_SECONDS + 1
    for name, _ in routes(staffed.app):
        method, path = name.split(" ")
        if method.startswith("GET"):
            browser.get(address(path, "default"))
    made = browser.post("/api/accounts/default/keys", {"name": "new"}).json()["key"]["id"]
    browser.post(f"/api/accounts/default/keys/{made}/rotation", {})
    browser.send("DELETE", f"/api/accounts/default/keys/{made}")
    parts = generate(PROVISIONING_PREFIX)
    staffed.store.add_provisioning_key(ProvisioningKeyRow(parts.id, parts.prefix, parts.sha256, "default", staffed.now))
    bearer = {"authorization": f"Bearer {parts.secret}"}
    made = browser.send("POST", "/api/v1/keys", {"name": "new"}, **bearer).json()["data"]["hash"]
    for method, path, body in (
        ("GET", "", None),
        ("GET", f"/{made}", None),
        ("PATCH", f"/{made}", {"name": "n"}),
        ("DELETE", f"/{made}", None),
    ):
        assert browser.send(method, f"/api/v1/keys{path}", body, **bearer).status_code == 200
    settings = {"data_policy": {"retention_days": 0}}
    browser.post("/api/accounts/default/settings/account/default/preview", settings)
    browser.send("PUT", "/api/accounts/default/settings/account/default", settings)
    browser.post("/api/accounts/default/members", {"email": "new@x.org", "role": "member"})
    browser.post("/api/accounts/default/explain", {"models": ["openai/gpt-4o-mini"]})
    browser.send("DELETE", "/api/session")
    assert {
        "read the session",
        "note the session",
        "add the key",
        "replace the key",
        "change the key",
        "revoke the key",
        "note the change",
    } <= dict(calls).keys()
    assert "read the provisioning key" in dict(calls)
    assert [doing for doing, on_the_loop in calls if on_the_loop] == []
