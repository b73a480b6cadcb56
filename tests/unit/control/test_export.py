"""An account's archive over the control API: asked for, followed, fetched; by its owner alone."""

import io
import json
import zipfile

from tests.conformance.whole_account import fill

from anyapi.control.export import MOST_AT_ONCE, MOST_KEPT
from anyapi.control.services import Export, ExportState
from anyapi.domain.people import Role

PATH = "/api/accounts/CANARY/exports"


def owner_of_all(staffed):
    fill(staffed.backend, "CANARY", at=staffed.now)
    staffed.person("boss@x.org", Role.OWNER, "CANARY")
    return staffed.browser("boss@x.org")


def test_an_owner_asks_follows_and_fetches(staffed):
    owner = owner_of_all(staffed)
    export = owner.post(PATH).json()
    assert (export["state"], export["done"]) == ("waiting", 0)
    fetched = owner.get(f"{PATH}/{export['id']}/archive")
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/zip")
    assert fetched.headers["content-disposition"] == 'attachment; filename="anyapi-CANARY.zip"'
    assert fetched.headers["cache-control"] == "no-store"
    bundle = zipfile.ZipFile(io.BytesIO(fetched.content))
    assert bundle.testzip() is None
    assert json.loads(bundle.read("accounts.json"))[0]["name"] == "CANARY name"
    shown = owner.get(f"{PATH}/{export['id']}").json()
    assert (shown["state"], shown["done"]) == ("done", shown["rows"])
    assert "account_exported" in [one["what"] for one in owner.get("/api/accounts/CANARY/changes").json()]


def test_nobody_else_does(staffed):
    owner = owner_of_all(staffed)
    export = owner.post(PATH).json()["id"]
    for email, status in (("stranger@x.org", 404), ("owner@x.org", 404)):
        browser = staffed.browser(email)
        assert browser.post(PATH).status_code == status
        assert browser.get(f"{PATH}/{export}/archive").status_code == status
    assert staffed.browser("owner@x.org").get(f"/api/accounts/default/exports/{export}/archive").status_code == 404
    for role in (Role.ADMIN, Role.MEMBER, Role.AUDITOR):
        browser = staffed.browser(f"{role}@x.org")
        assert browser.post("/api/accounts/default/exports").status_code == 403
        assert browser.get(f"/api/accounts/default/exports/{export}/archive").status_code == 403
    assert staffed.browser("operator@x.org").get(f"{PATH}/{export}/archive").status_code == 200
    assert owner.get(f"{PATH}/exp_none").status_code == 404


def test_few_are_made_at_once_and_few_are_remembered(staffed):
    owner = staffed.browser("owner@x.org")
    path = "/api/accounts/default/exports"
    first = owner.post(path).json()["id"]
    others = "exp_of_others"
    staffed.services.exports[others] = Export(others, "elsewhere", 0.0, 1, 0, "", ExportState.WAITING)
    for accounts in (["elsewhere"] * MOST_AT_ONCE, ["default"]):
        running = [Export(f"exp_{number}", account, staffed.now, 1, 0, "", ExportState.RUNNING) for number, account in enumerate(accounts)]
        staffed.services.exports.update({one.id: one for one in running})
        assert owner.get(f"{path}/{first}/archive").status_code == 429, "as many as there may be, or one of this account already"
        for one in running:
            one.state = ExportState.DONE
    staffed.services.exports[others].state = ExportState.RUNNING
    assert owner.get(f"{path}/{first}/archive").status_code == 200, "who reads slowly elsewhere keeps nobody out"
    for export in staffed.services.exports.values():
        export.state = ExportState.DONE
    assert owner.get(f"{path}/{first}/archive").status_code == 200
    for _ in range(MOST_KEPT):
        last = owner.post(path).json()["id"]
    assert len([one for one in staffed.services.exports.values() if one.account == "default"]) == MOST_KEPT
    assert owner.get(f"{path}/{first}").status_code == 404
    assert others in staffed.services.exports, "of another account, whatever this one asks for"
    assert owner.get(f"{path}/{last}").status_code == 200
