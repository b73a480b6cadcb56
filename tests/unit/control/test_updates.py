"""Updates over the control API: everybody sees what changed, the operator alone brings one."""

import msgspec
from tests.tools.catalogue_site import Keys, Site, edited
from tests.unit.control.test_telling import next_catalogue

from anyapi.catalogue.canonical import encode
from anyapi.config_review import _key
from anyapi.control.app import create_app

BRING, LIST = "/api/gateway/catalogue", "/api/catalogue/updates"


def text(found):
    return encode(found).decode()


def test_an_uploaded_catalogue_is_in_force_when_the_call_returns(staffed):
    operator = staffed.browser("operator@x.org")
    found = next_catalogue(staffed.config.base)
    answer = operator.post(BRING, {"file": text(found)})
    assert answer.json() == {"update": 2, "version": found.version, "moved": [], "snapshot": staffed.snapshot.version}
    assert staffed.snapshot.context.catalogue.version == found.version
    assert operator.post(BRING, {"file": text(found)}).json()["update"] is None
    shown = staffed.browser("auditor@x.org").get(LIST).json()
    assert shown["from_url"] is False
    assert (shown["rows"][0]["source"], shown["rows"][0]["version"]) == ("dashboard", found.version)
    assert any("cohere" in line and "retention" in line for line in shown["rows"][0]["lines"])
    changes = operator.get("/api/gateway/changes").json()
    assert (changes[0]["what"], changes[0]["after"]) == ("catalogue", found.version)


def test_nobody_but_the_operator_brings_one(staffed):
    for who in ("owner", "admin", "member", "auditor", "stranger"):
        assert staffed.browser(f"{who}@x.org").post(BRING, {"file": "{}"}).status_code == 403


def test_how_many_accounts_there_are_is_told_to_the_operator_alone(staffed):
    staffed.review.note_progress(staffed.review.updates()[0].number, 7, 3, None)
    shown = [staffed.browser(f"{who}@x.org").get("/api/catalogue/updates").json()["rows"][0] for who in ("operator", "owner")]
    assert [(row["accounts"], row["told"]) for row in shown] == [(7, 3), (None, 0)]


def test_what_is_not_taken_says_why(staffed):
    operator = staffed.browser("operator@x.org")
    base = staffed.config.base
    for file, words in (
        ("{}", "not a compiled catalogue"),
        (text(edited(base, -1)), "older than the one in force"),
        (None, "no address for updates"),
    ):
        answer = operator.post(BRING, {"file": file})
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
    assert staffed.review.newest_update().number == 1


def test_from_the_address_with_a_signature_alone(staffed, tmp_path):
    site, keys = Site(), Keys(tmp_path)
    updating = msgspec.structs.replace(staffed.services.updating, update_url=f"{site.url}/catalogue.json", public_keys=(_key(keys.public),))
    services = msgspec.structs.replace(staffed.services, updating=updating)
    staffed.app, staffed._client = create_app(services), None
    operator = staffed.browser("operator@x.org")
    site.offer(next_catalogue(staffed.config.base), Keys(tmp_path, "stranger"))
    refused = operator.post(BRING, {})
    assert (refused.status_code, "signature" in refused.json()["error"]["message"]) == (400, True)
    site.offer(next_catalogue(staffed.config.base), keys)
    assert operator.post(BRING, {}).json()["update"] == 2
    assert operator.get(LIST).json()["from_url"] is True
    site.close()
    assert operator.post(BRING, {}).status_code == 400
