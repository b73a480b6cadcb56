"""Signing in through a real OpenID provider, over HTTP: who may enter, as whom, and what comes back from there is worth once."""

import json
import time

import pytest
from tests.signin.openid import SECRET, Jar, asked_of, oidc_toml, provider, to_the_return
from tests.tools.gateway import running_gateway

from anyapi.domain.people import Role
from anyapi.storage.people_rows import MemberRow, PersonRow
from anyapi.storage.rows import AccountRow
from anyapi.storage.sql_people import SqlPeople

JOIN = '[[control.oidc.join]]\ndomain = "corp.example"\naccount = "default"\nrole = "auditor"\n'


class Place:
    """A gateway whose sign-in service is the provider; its people are put into the store directly."""

    def __init__(self, gateway, issuer):
        self.gateway, self.issuer, self.url = gateway, issuer, gateway.control_url()

    def person(self, email, *roles, operator=False, disabled_at=None):
        row = PersonRow(f"per_{email}", email, "Known", None, operator, time.time(), disabled_at)
        with SqlPeople(self.gateway.home) as people:
            people.add_person(row)
            for account, role in roles:
                people.put_member(MemberRow(account, row.id, role, time.time()))

    def enter(self, who, jar=None):
        """Sign in; gives where it ends and who the page says is signed in."""
        jar = jar or Jar()
        ends = jar.goes_to("GET", to_the_return(jar, self.url, who)).removeprefix(self.url)
        return ends, self.me(jar)

    def me(self, jar):
        return json.loads(jar.send("GET", f"{self.url}/api/session")[2])["signed_in"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with provider() as openid:
        environment = {"ANYAPI_OIDC_CLIENT_SECRET": SECRET}
        with running_gateway(
            tmp_path_factory.mktemp("signin"), oidc_toml(openid.issuer, JOIN), environment=environment, control=True
        ) as gateway:
            found = Place(gateway, openid.issuer)
            openid.serve(f"{found.url}/api/session/oidc/return")
            assert found.enter("first@corp.example")[0] == "/?problem=first_run", "nobody becomes the first person in this way"
            with gateway.store() as store:
                store.add_account(AccountRow("other", "Other", time.time()))
            found.person("ada@x.org", ("default", Role.OWNER))
            yield found


def test_a_known_person_with_a_verified_address_enters_as_themselves(place):
    ends, me = place.enter("ada@x.org")
    assert (ends, me["email"], me["accounts"], me["operator"]) == ("/", "ada@x.org", {"default": "owner"}, False)


def test_the_question_to_the_provider_has_state_nonce_and_a_challenge_that_differ_each_time(place):
    first, second = (asked_of(Jar().goes_to("GET", f"{place.url}/api/session/oidc")) for _ in range(2))
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert first["redirect_uri"] == f"{place.url}/api/session/oidc/return"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
    assert len({first["state"], first["nonce"], first["code_challenge"]}) == 3


def test_an_unverified_address_enters_nowhere(place):
    assert place.enter("ada@x.org#unverified") == ("/?problem=unverified", None)
    assert place.enter("new@corp.example#unverified") == ("/?problem=unverified", None)


def test_nobody_unknown_enters_unless_their_domain_may_join(place):
    for who in ("eve@elsewhere.example", "eve@sub.corp.example", "eve@notcorp.example", "eve@corp.example.org", "corp.example@x.org"):
        assert place.enter(who) == ("/?problem=not_a_member", None)
    ends, me = place.enter("new@CORP.example")
    assert (ends, me["email"], me["accounts"], me["operator"]) == ("/", "new@corp.example", {"default": "auditor"}, False)
    assert me["name"] == "Person of new@CORP.example"
    with SqlPeople(place.gateway.home) as people:
        assert [change.what for change in people.changes("default", 1e12)] == ["member_joined"]
        assert people.person_by_email("new@corp.example").password is None


def test_who_was_removed_or_shut_out_stays_out(place):
    place.enter("gone@corp.example")
    with SqlPeople(place.gateway.home) as people:
        people.remove_member("default", people.person_by_email("gone@corp.example").id)
    assert place.enter("gone@corp.example") == ("/?problem=not_a_member", None)
    place.person("out@x.org", ("default", Role.ADMIN), disabled_at=1.0)
    assert place.enter("out@x.org") == ("/?problem=not_a_member", None)
    place.person("former@corp.example")
    assert place.enter("former@corp.example") == ("/?problem=not_a_member", None), "joining is for those who are not known yet"


def test_an_address_that_passed_to_somebody_else_opens_nothing(place):
    place.person("shared@x.org", ("other", Role.MEMBER))
    assert place.enter("shared@x.org")[0] == "/"
    assert place.enter("shared@x.org#2") == ("/?problem=another_person", None)
    assert place.enter("shared@x.org")[1]["accounts"] == {"other": "member"}


def test_what_comes_back_is_good_once_and_in_one_browser(place):
    jar, stranger = Jar(), Jar()
    back = to_the_return(jar, place.url, "ada@x.org")
    assert stranger.goes_to("GET", back) == f"{place.url}/?problem=again", "no cookie"
    stranger.goes_to("GET", f"{place.url}/api/session/oidc")
    assert stranger.goes_to("GET", back) == f"{place.url}/?problem=again", "the cookie of another flow"
    kept = dict(jar.cookies[back.split("/")[2]])
    assert jar.goes_to("GET", back) == f"{place.url}/"
    for again in (kept, {}):
        thief = Jar({back.split("/")[2]: dict(again)})
        assert thief.goes_to("GET", back) == f"{place.url}/?problem=again"
        assert place.me(thief) is None


def test_a_changed_state_code_or_issuer_is_refused(place):
    for name, value, problem in (("state", "x" * 43, "again"), ("code", "x" * 43, "again"), ("iss", "http://127.0.0.1:1", "failed")):
        jar = Jar()
        back = to_the_return(jar, place.url, "ada@x.org")
        assert asked_of(back)["iss"] == place.issuer
        changed = back.replace(f"{name}={asked_of(back)[name]}" if name != "iss" else back[back.index("iss=") :], f"{name}={value}")
        assert changed != back
        assert jar.goes_to("GET", changed) == f"{place.url}/?problem={problem}", name
        assert place.me(jar) is None


def test_leaving_the_provider_ends_on_the_sign_in_page(place):
    jar = Jar()
    assert jar.goes_to("GET", to_the_return(jar, place.url, "")) == f"{place.url}/?problem=cancelled"


def test_a_new_session_begins_and_the_old_one_ends(place):
    jar = Jar()
    place.enter("ada@x.org", jar)
    host = place.url.removeprefix("http://")
    old = dict(jar.cookies[host])
    place.enter("ada@x.org", jar)
    assert jar.cookies[host] != old
    assert set(jar.cookies[host]) == {"anyapi-session"}, "the flow's cookie is gone"
    assert place.me(Jar({host: old})) is None
    assert place.me(jar) is not None


def test_neither_secret_nor_address_is_in_the_log_or_secrets_in_the_store(place):
    log = place.gateway.log()
    assert "event=sign_in_refused code=not_a_member" in log
    assert "event=sign_in_refused code=issuer_of_answer" in log
    for word in (SECRET, "@", "Person of"):
        assert word not in log
    stored = b"".join(path.read_bytes() for path in place.gateway.home.glob("anyapi.db*"))
    assert SECRET.encode() not in stored
