"""What a sign-in service may say and what it may not: against one that lies, over a real socket."""

import json

import pytest
from tests.signin.liar import CLIENT, CURVE, RSA, SECRET, STRANGER, b64, curve_jwk, liar, rsa_jwk, signed

from anyapi.control.oidc import AGAIN_SECONDS, KEPT_SECONDS, LEEWAY, NotProven, OidcClient
from anyapi.crypto.secret import Secret
from anyapi.domain.sign_in import SignInService

NOW = 1_800_000_000.0
FLOW = "f" * 43


class World:
    """A service, a client of it and a clock."""

    def __init__(self, service):
        self.service, self.now = service, NOW
        self.client = self.another()

    def another(self, secret=SECRET, **fields):
        known = SignInService("It", **{"issuer": self.service.issuer, "client_id": CLIENT, **fields})
        return OidcClient(known, None if secret is None else Secret(secret), "http://127.0.0.1:8081/back", lambda: self.now)

    def enter(self, flow=FLOW, client=None, **changed):
        client = client or self.client
        _, given = self.service.agree(client.begin(flow), self.now)
        return client.finish(flow, {name: value for name, value in (given | changed).items() if value is not None})

    def refused(self, flow=FLOW, client=None, **changed):
        with pytest.raises(NotProven) as found:
            self.enter(flow, client, **changed)
        assert "@" not in str(found.value)
        return found.value.code


@pytest.fixture
def world():
    with liar() as service:
        yield World(service)


def test_what_a_truthful_service_says_is_believed(world):
    said = world.enter()
    assert (said.issuer, said.subject, said.email, said.name) == (world.service.issuer, "s1", "ada@x.org", "Ada")
    assert repr(said) == "<Said>"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"iss": "HTTP://127.0.0.1"}, "issuer"),
        ({"aud": "another"}, "audience"),
        ({"aud": ["another", "third"]}, "audience"),
        ({"aud": []}, "audience"),
        ({"aud": [CLIENT, "another"]}, "audience"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "audience"),
        ({"azp": "another"}, "audience"),
        ({"exp": NOW - LEEWAY}, "expired"),
        ({"exp": "never"}, "token"),
        ({"exp": ...}, "token"),
        ({"iat": NOW + LEEWAY + 1}, "not_yet"),
        ({"iat": ...}, "token"),
        ({"nbf": NOW + LEEWAY + 1}, "not_yet"),
        ({"nonce": "x" * 43}, "nonce"),
        ({"nonce": ""}, "nonce"),
        ({"nonce": ...}, "token"),
        ({"nonce": ["x"]}, "token"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"sub": 7}, "token"),
        ({"sub": ...}, "token"),
        ({"email": 7}, "token"),
    ],
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(world, claims, code):
    world.service.claims = claims
    assert world.refused() == code


@pytest.mark.parametrize("claims", [{"aud": [CLIENT]}, {"aud": [CLIENT, "another"], "azp": CLIENT}, {"exp": NOW - LEEWAY + 1}])
def test_what_is_unusual_and_allowed_is_believed(world, claims):
    world.service.claims = claims
    assert world.enter().subject == "s1"


@pytest.mark.parametrize("verified", [False, ..., None, "true", 1, "yes", [True]])
def test_only_true_means_verified(world, verified):
    world.service.claims = {"email_verified": verified}
    assert world.enter().email is None


@pytest.mark.parametrize("address", ["\u212aate@x.org", "m\u0130ke@x.org"])
def test_an_address_that_turns_into_anothers_in_lower_case_is_none(world, address):
    """The Kelvin sign becomes a plain k, so that its holder would sign in as Kate."""
    world.service.claims = {"email": address}
    assert world.enter().email is None


@pytest.mark.parametrize("address", ["Kate@X.org", "JOS\u00c9@x.org"])
def test_capital_letters_are_no_others(world, address):
    world.service.claims = {"email": address}
    assert world.enter().email == address.lower()


def test_another_sign_ins_token_is_refused(world):
    """The nonce binds a token to the browser's flow, even where the code does not."""
    kept = []
    world.service.token = lambda claims: kept.append(signed(claims)) or kept[0]
    assert world.enter("first" + FLOW).subject == "s1"
    assert world.refused("second" + FLOW) == "nonce"


@pytest.mark.parametrize(
    "token",
    [
        lambda claims: signed(claims, alg="none"),
        lambda claims: signed(claims, alg="none", kid=None),
        lambda claims: signed(claims, alg="None"),
        lambda claims: signed(claims, alg="nOnE"),
        lambda claims: signed(claims).rsplit(".", 1)[0] + ".",
        lambda claims: signed(claims).rsplit(".", 1)[0],
        lambda claims: signed(claims, json.dumps(rsa_jwk(RSA, "one")).encode(), alg="HS256"),
        lambda claims: signed(claims, SECRET.encode(), alg="HS256"),
        lambda claims: signed(claims, b"", alg="HS256"),
        lambda claims: signed(claims, STRANGER),
        lambda claims: signed(claims, STRANGER, jwk=rsa_jwk(STRANGER, "one")),
        lambda claims: signed(claims, alg="ES256"),
        lambda claims: signed(claims, crit=["exp"]),
        lambda claims: signed(claims, kid=7),
        lambda claims: signed(claims, kid="two"),
        lambda claims: signed(claims, kid="../one"),
        lambda claims: signed(claims)[:-6] + "AAAAAA",
        lambda claims: b64(b"[]") + "." + b64(b"{}") + ".AAAA",
        lambda claims: "a.b.c",
        lambda claims: "",
        lambda claims: "é.é.é",
        lambda claims: b64(b'{"alg":"dir","enc":"A256GCM","kid":"one"}') + "....",
        lambda claims: b64(b"[" * 20_000) + ".e30.AAAA",
    ],
)
def test_a_token_that_no_key_of_the_service_signed_is_refused(world, token):
    world.service.token = token
    assert world.refused() in {"token", "key"}


def test_another_algorithm_with_its_own_key_is_believed(world):
    world.service.keys = [rsa_jwk(RSA, "one"), curve_jwk("two")]
    world.service.token = lambda claims: signed(claims, CURVE, "ES256", kid="two")
    assert world.enter().subject == "s1"


def test_a_key_for_another_purpose_or_of_no_use_signs_nothing(world):
    world.service.keys = [
        rsa_jwk(RSA, "one") | {"use": "enc"},
        {"kty": "oct", "kid": "one", "k": b64(b"x" * 32)},
        {"kty": "RSA", "kid": "one"},
    ]
    assert world.refused() == "key"


def test_without_a_name_the_only_key_is_meant_and_of_two_none(world):
    world.service.token = lambda claims: signed(claims, kid=None)
    assert world.enter().subject == "s1"
    world.service.keys.append(rsa_jwk(STRANGER, "two"))
    world.now += KEPT_SECONDS + 1
    assert world.refused("b" + FLOW) == "key"


def test_new_keys_are_asked_for_when_one_is_unknown_but_not_all_the_time(world):
    world.enter()
    world.service.keys, world.service.token = [rsa_jwk(STRANGER, "new")], lambda claims: signed(claims, STRANGER, kid="new")
    assert world.refused("b" + FLOW) == "key", "asked a moment ago"
    world.now += AGAIN_SECONDS + 1
    assert world.enter("c" + FLOW).subject == "s1"
    for number in range(5):
        world.service.token = lambda claims: signed(claims, STRANGER, kid="unknown")
        assert world.refused(f"{number}" + FLOW) == "key"
    assert world.service.asked.count("/keys") == 2


def test_a_clock_that_was_ahead_and_is_put_right_keeps_nothing_of_the_service_for_longer(world):
    world.now += 1e8
    world.enter()
    world.now -= 1e8
    world.service.keys, world.service.token = [rsa_jwk(STRANGER, "new")], lambda claims: signed(claims, STRANGER, kid="new")
    assert world.enter("b" + FLOW).subject == "s1"
    assert world.service.asked.count("/.well-known/openid-configuration") == 2


def test_state_belongs_to_the_browser(world):
    for changed in ({"state": None}, {"state": ""}, {"state": "x" * 43}, {"state": "é"}):
        assert world.refused(**changed) == "state"
    _, given = world.service.agree(world.client.begin("theirs"), world.now)
    for flow in ("", "mine"):
        with pytest.raises(NotProven, match="state"):
            world.client.finish(flow, given)
    assert "/token" not in world.service.asked, "nobody was asked about any of these"


def test_a_return_is_good_once(world):
    _, given = world.service.agree(world.client.begin(FLOW), world.now)
    world.client.finish(FLOW, given)
    before = len(world.service.asked)
    with pytest.raises(NotProven, match="replayed"):
        world.client.finish(FLOW, given)
    assert len(world.service.asked) == before


def test_a_code_that_was_used_or_is_somebody_elses_is_refused(world):
    code, _ = world.service.agree(world.client.begin("theirs"), world.now)
    assert world.refused(code=code) == "code", "its challenge is another's"
    assert world.refused("b" + FLOW, code=None) == "code"
    assert world.refused("c" + FLOW, client=world.another(secret="not the secret"))


def test_an_answer_of_another_issuer_is_refused(world):
    assert world.refused(iss="https://elsewhere.example") == "issuer_of_answer"
    assert world.enter("b" + FLOW, iss=world.service.issuer).subject == "s1"
    world.service.about["authorization_response_iss_parameter_supported"] = True
    world.now += KEPT_SECONDS + 1
    assert world.refused("c" + FLOW) == "issuer_of_answer", "it says that it always sends it"


@pytest.mark.parametrize(("error", "code"), [("access_denied", "cancelled"), ("server_error", "refused_there")])
def test_what_the_service_refused_is_no_sign_in(world, error, code):
    assert world.refused(error=error) == code
    assert "/token" not in world.service.asked


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"issuer": "https://elsewhere.example"}, "issuer_of_discovery"),
        ({"token_endpoint": "http://127.0.0.1:1/token"}, "host_not_configured"),
        ({"jwks_uri": "http://169.254.169.254/keys"}, "host_not_configured"),
        ({"userinfo_endpoint": "http://user@127.0.0.1/userinfo"}, "host_not_configured"),
        ({"token_endpoint": "file:///etc/passwd"}, "host_not_configured"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "scheme_of_discovery"),
        ({"jwks_uri": 7}, "unavailable"),
    ],
)
def test_a_service_that_names_what_was_not_configured_is_not_gone_to(world, about, code):
    world.service.about |= about
    assert world.refused() == code
    assert world.service.asked == ["/.well-known/openid-configuration"]


def test_another_host_is_asked_where_the_operator_named_it(world):
    with liar() as helper:
        helper.keys = world.service.keys
        world.service.about["jwks_uri"] = f"{helper.issuer}/keys"
        client = world.another(hosts=frozenset({helper.issuer.removeprefix("http://")}))
        assert world.enter(client=client).subject == "s1"
        assert helper.asked == ["/keys"]


def test_the_address_may_come_from_userinfo_of_the_same_person(world):
    world.service.claims = {"email": ..., "email_verified": ...}
    assert world.enter("a" + FLOW).email is None, "there is no userinfo"
    world.service.about["userinfo_endpoint"] = f"{world.service.issuer}/userinfo"
    world.service.person = {"sub": "s1", "email": "ada@x.org", "email_verified": True}
    world.now += KEPT_SECONDS + 1
    assert world.enter("b" + FLOW).email == "ada@x.org"
    world.service.person["sub"] = "s2"
    assert world.refused("c" + FLOW) == "subject_of_userinfo"


def test_the_secret_goes_where_the_service_wants_it(world):
    world.service.about["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert world.enter().subject == "s1"


@pytest.mark.parametrize("status", [302, 403, 500, 503])
def test_a_service_that_does_not_answer_well_signs_nobody_in(world, status):
    world.service.status = status
    assert world.refused() == "unavailable"
    assert "/elsewhere" not in world.service.asked, "no redirect is followed"


def test_a_public_client_proves_itself_with_the_verifier_alone(world):
    asked = world.another(secret=None).begin(FLOW)
    assert "code_challenge_method=S256" in asked
