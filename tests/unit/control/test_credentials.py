"""Providers' keys over the control API: added, replaced, signed for, revoked; shown without the secret, and to nobody else."""

import datetime as dt
import json

import msgspec
import pytest

from anyapi.control.credentials import NewCredential, NewSecret
from anyapi.crypto.envelope import unseal
from anyapi.crypto.sealed import Binding, CannotOpen, Sealed
from anyapi.domain.snapshot import Agreement, Credential

URL = "/api/accounts/default/credentials"
SECRET, OTHER = "sk-live-0123456789abcdef", "sk-live-fedcba9876543210"
ZERO = {"document": "order form 17", "valid_from": "2026-01-01", "valid_until": "2027-01-01", "retention": {"kind": "zero", "days": 0}}
DATES = (dt.date(2026, 1, 1), dt.date(2027, 1, 1))


@pytest.fixture
def admin(staffed):
    return staffed.browser("admin@x.org")


def added(browser, **more):
    answer = browser.post(URL, {"provider": "openai", "secret": SECRET, "tier": "paid", "name": "ours", **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def opened(control, row):
    bound = Binding(row.account, row.provider, row.id, row.version)
    return unseal(Sealed(row.key_id, row.wrapped, row.ciphertext), bound, control.config.root_keys).reveal()


def listed(browser):
    return browser.get(URL).json()["credentials"]


def test_it_is_sealed_for_the_account_and_in_no_answer(staffed, admin):
    made = added(admin, agreements=[ZERO])
    assert made["snapshot"] == staffed.snapshot.version == 2
    (row,) = staffed.store.credentials("default")
    assert opened(staffed, row) == SECRET
    shown = made["credential"]
    assert (shown["id"], shown["tier"], shown["name"], shown["own"], shown["state"]) == (row.id, "paid", "ours", True, "active")
    (agreement,) = shown["agreements"]
    assert (agreement["state"], agreement["agreement"]["attested_by"]) == ("in_force", "Admin"), "whoever says so, unless named"
    assert listed(admin) == [shown]
    assert all(SECRET not in answer.text for answer in (admin.get(URL), admin.get("/api/accounts/default/changes")))


def test_who_may(staffed):
    for role in ("member", "auditor"):
        browser = staffed.browser(f"{role}@x.org")
        assert browser.post(URL, {"provider": "openai", "secret": SECRET}).status_code == 403
        assert browser.get(URL).status_code == 200
    name = added(staffed.browser("owner@x.org"))["credential"]["id"]
    stranger = staffed.browser("stranger@x.org")
    for base in (URL, "/api/accounts/other/credentials"):
        assert stranger.send("PUT", f"{base}/{name}/secret", {"secret": OTHER}).status_code == 404
        assert stranger.send("PUT", f"{base}/{name}/agreements", {"agreements": []}).status_code == 404
        assert stranger.send("DELETE", f"{base}/{name}").status_code == 404
    assert listed(staffed.browser("owner@x.org"))[0]["state"] == "active"
    assert stranger.get("/api/accounts/other/credentials").json()["credentials"] == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"provider": "nobody"}, "no provider of that id"),
        ({"provider": "ollama"}, "takes no key"),
        ({"provider": "azure"}, "cannot be used"),
        ({"provider": "azure", "variables": {"resource": "evil.example/"}}, "resource must be"),
        ({"variables": {"zone": "b"}}, "it has none"),
        ({"secret": "short"}, "shorter than"),
        ({"secret": "changeme"}, "placeholder"),
        ({"secret": "two words"}, "spaces"),
        ({"provider": "google-vertex", "secret": "{}", "variables": {"project": "p", "location": "europe-west4"}}, "service account"),
        ({"region": "Europe"}, "region must be"),
        ({"deployments": {"gpt-5": "a b"}}, "deployments must be pairs"),
        ({"name": "n" * 101}, "100 characters"),
        ({"agreements": [{**ZERO, "valid_until": "2025-01-01"}]}, "valid_until"),
        ({"agreements": [{**ZERO, "retention": None}]}, "states no fact"),
        ({"agreements": [{**ZERO, "documnt": "x"}]}, "unknown field"),
        ({"agreements": [{**ZERO, "provider": "anthropic", "accounts": ["other"]}]}, "this key alone"),
        ({"agreements": [ZERO] * 21}, "at most 20"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words_that_help(staffed, admin, fields, said):
    answer = admin.post(URL, {"provider": "openai", "secret": SECRET, **fields})
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["error"]["message"]
    assert SECRET not in answer.text
    assert staffed.store.credentials() == []


def test_a_body_of_the_wrong_form_is_not_repeated(admin):
    for body in (
        {"provider": 5, "secret": SECRET},
        {"provider": "openai", "secret": [SECRET]},
        {"provider": "openai", "secret": SECRET, "tier": SECRET},
    ):
        answer = admin.post(URL, body)
        assert answer.status_code == 400
        assert SECRET not in answer.text


def test_another_secret_takes_its_place_and_the_old_seal_opens_nowhere(staffed, admin):
    name = added(admin)["credential"]["id"]
    before = staffed.store.credential(name)
    answer = admin.send("PUT", f"{URL}/{name}/secret", {"secret": OTHER})
    assert answer.status_code == 200
    after = staffed.store.credential(name)
    assert opened(staffed, after) == OTHER
    assert (answer.json()["credential"]["times_replaced"], answer.json()["snapshot"]) == (1, 3)
    with pytest.raises(CannotOpen):
        opened(staffed, msgspec.structs.replace(after, wrapped=before.wrapped, ciphertext=before.ciphertext))
    assert admin.send("PUT", f"{URL}/{name}/secret", {"secret": "short"}).status_code == 400
    assert opened(staffed, staffed.store.credential(name)) == OTHER


def test_what_is_declared_of_it_comes_back(staffed, admin):
    declared = {"provider": "azure", "region": "eu", "variables": {"resource": "acme-eu"}, "deployments": {"gpt-5": "acme-gpt-5"}}
    shown = added(admin, **declared)["credential"]
    assert {name: shown[name] for name in declared} == declared
    (row,) = staffed.store.credentials("default")
    assert (row.declared.region, row.declared.variables, row.declared.deployments) == ("eu", declared["variables"], declared["deployments"])


def test_agreements_are_replaced_whole_and_written_down(staffed, admin):
    name = added(admin, agreements=[ZERO])["credential"]["id"]
    later = {**ZERO, "id": "zdr-2", "attested_by": "Grace", "valid_from": "2026-12-01"}
    shown = admin.send("PUT", f"{URL}/{name}/agreements", {"agreements": [later]}).json()["credential"]["agreements"]
    assert [(one["agreement"]["id"], one["agreement"]["attested_by"], one["state"]) for one in shown] == [("zdr-2", "Grace", "not_yet")]
    assert admin.send("PUT", f"{URL}/{name}/agreements", {"agreements": []}).json()["credential"]["agreements"] == []
    assert staffed.store.credential(name).declared.agreements == ()
    changes = admin.get("/api/accounts/default/changes").json()
    assert [one["what"] for one in changes] == ["agreements", "agreements", "credential_added"]
    assert changes[0]["before"][0]["document"] == "order form 17"


def test_an_agreement_that_somebody_ended_meanwhile_is_not_brought_back(admin):
    made = added(admin, agreements=[ZERO])["credential"]
    where, read = f"{URL}/{made['id']}/agreements", [one["agreement"] for one in made["agreements"]]
    assert admin.send("PUT", where, {"agreements": [], "instead_of": read}).status_code == 200
    stale = admin.send("PUT", where, {"agreements": [ZERO], "instead_of": read})
    assert (stale.status_code, stale.json()["error"]["type"]) == (409, "conflict")
    (now,) = [one for one in admin.get(URL).json()["credentials"] if one["id"] == made["id"]]
    assert now["agreements"] == []


def test_a_revoked_one_is_gone_with_its_seal_and_stays_in_the_list(staffed, admin):
    name = added(admin)["credential"]["id"]
    for _ in range(2):
        answer = admin.send("DELETE", f"{URL}/{name}")
        assert (answer.status_code, answer.json()["credential"]["state"]) == (200, "revoked")
    row = staffed.store.credential(name)
    assert (row.wrapped, row.ciphertext) == (b"", b"")
    assert admin.send("PUT", f"{URL}/{name}/secret", {"secret": OTHER}).status_code == 400
    assert admin.send("PUT", f"{URL}/{name}/agreements", {"agreements": []}).status_code == 400
    assert [one["what"] for one in admin.get("/api/accounts/default/changes").json()] == ["credential_revoked", "credential_added"]


def test_one_that_the_gateway_cannot_use_says_why(staffed, admin):
    name = added(admin)["credential"]["id"]
    staffed.services.unusable()[name] = "no_root_key"
    assert listed(admin)[0]["state"] == "no_root_key"


def test_the_operators_are_shown_with_what_covers_the_account(staffed, admin):
    agreements = tuple(
        Agreement(f"a{place}", "openai", "Op", "msa", *period, retention=None, accounts=frozenset(accounts))
        for place, (accounts, period) in enumerate([((), DATES), (("default", "third"), DATES), (("other",), DATES)])
    )
    context = msgspec.structs.replace(
        staffed.snapshot.context, credentials={"openai": (Credential("env:OPENAI_API_KEY", "openai"),)}, agreements=agreements
    )
    staffed.snapshot = msgspec.structs.replace(staffed.snapshot, context=context)
    (shown,) = listed(admin)
    assert (shown["id"], shown["own"], shown["state"]) == ("env:OPENAI_API_KEY", False, "active")
    assert [one["agreement"]["id"] for one in shown["agreements"]] == ["a0", "a1"]
    assert "third" not in json.dumps(shown), "whom else it covers is nobody's business"


def test_without_a_root_key_it_says_what_the_operator_has_to_do(staffed, admin):
    staffed.config = msgspec.structs.replace(staffed.config, root_keys=type(staffed.config.root_keys)())
    answer = admin.post(URL, {"provider": "openai", "secret": SECRET})
    assert answer.status_code == 400
    assert "ANYAPI_ROOT_KEY_FILE" in answer.json()["error"]["message"]


def test_the_page_learns_what_an_address_needs_besides_the_key(admin):
    takers = {one["id"]: one["variables"] for one in admin.get(URL).json()["takers"]}
    assert takers["openai"] == []
    assert "resource" in takers["azure"]
    assert "ollama" not in takers


def test_what_holds_a_secret_does_not_print_it():
    assert SECRET not in f"{NewCredential('openai', SECRET)!r} {NewSecret(SECRET)!r}"
