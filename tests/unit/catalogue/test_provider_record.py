import datetime as dt

import pytest
from tests.unit.catalogue.sample import LOCAL, PROVIDER

from anyapi.catalogue.provider_record import API_FIELDS, host_of, is_private_host, read_provider
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.vocabulary import NOT_SERVED
from anyapi.domain.catalogue import Auth
from anyapi.domain.data_policy import Confidence

DAY = dt.date(2026, 11, 24)


def read(record):
    problems = Problems()
    return read_provider(Table(record, problems, "f", "r"), DAY), [problem.field for problem in problems.found]


def test_a_record_has_its_own_dates_or_the_given_one():
    provider, problems = read({**PROVIDER, "verified_at": "2026-12-01", "valid_until": "2027-01-01"})
    assert (provider.provenance.verified_at, provider.provenance.valid_until) == (dt.date(2026, 12, 1), dt.date(2027, 1, 1))
    assert problems == []
    assert read(PROVIDER)[0].provenance.verified_at == DAY


def test_confidence_that_is_not_stated_is_none_but_primary_for_a_local_server():
    assert read({**PROVIDER, "confidence": None})[0].provenance.confidence is Confidence.NONE
    assert read(LOCAL)[0].provenance.confidence is Confidence.PRIMARY


def test_an_optional_bearer_is_a_key_that_may_be_missing():
    provider, problems = read({**LOCAL, "api": {**LOCAL["api"], "auth": "Authorization: Bearer (optional)"}})
    assert (provider.api.auth, provider.api.key_optional, problems) == (Auth.BEARER, True, [])


def test_ollama_as_a_protocol_is_refused_with_the_way_out():
    problems = Problems()
    read_provider(Table({**LOCAL, "api": {**LOCAL["api"], "protocol": "ollama"}}, problems, "f", "r"), DAY)
    assert "openai-chat" in problems.found[0].message


@pytest.mark.parametrize(
    ("base_url", "variables", "good"),
    [
        ("https://{resource}.example/v1", {"resource": "A_RESOURCE"}, True),
        ("https://{resource}.example/v1", {}, True),
        ("https://{resource}.example/v1", {"other": "A_OTHER"}, False),
        ("https://{Bad}.example/v1", {}, False),
        ("https://{open.example/v1", {}, False),
        ("http://10.1.2.3/v1", {}, True),
        ("http://localhost:8080/v1", {}, True),
        ("http://8.8.8.8/v1", {}, False),
    ],
)
def test_base_urls(base_url, variables, good):
    api = {**PROVIDER["api"], "base_url": base_url, "variables": variables}
    assert (read({**PROVIDER, "api": api})[1] == []) is good


def said_of(record):
    problems = Problems()
    read_provider(Table(record, problems, "f", "r"), DAY)
    return {problem.field: problem.message for problem in problems.found}


def test_fields_of_the_api_that_stand_beside_it_are_told_where_they_belong():
    rest = {name: value for name, value in PROVIDER.items() if name != "api"}
    said = said_of({**rest, "base_url": "https://a.example/v1", "protocol": "openai-chat"})
    assert said == {
        name: f"belongs into `api`: write `api = {{ {name} = ... }}`, with whatever else `api` holds" for name in ("base_url", "protocol")
    }
    assert list(said_of({**PROVIDER, "env": "MINE"})) == ["env"]
    assert "base_url" in said_of(rest)["api"]


def test_the_api_holds_the_fields_that_are_told_so():
    said = said_of({**PROVIDER, "api": {**PROVIDER["api"], "unheard_of": 1}})["api.unheard_of"]
    assert sorted(API_FIELDS) == said.removeprefix("unknown field; known here: ").split(", ")


def test_a_protocol_that_nobody_knows_is_answered_with_those_that_are_served():
    said = said_of({**PROVIDER, "api": {**PROVIDER["api"], "protocol": "openai"}})["api.protocol"]
    assert said.endswith("; did you mean openai-chat?")
    assert not [name for name in NOT_SERVED if name in said]
    assert said_of({**PROVIDER, "api": {**PROVIDER["api"], "protocol": "vertex-mistral"}}) == {}


def test_an_api_is_required():
    assert "api" in read({**PROVIDER, "api": None})[1]


@pytest.mark.parametrize(
    ("url", "host", "private"),
    [
        ("https://api.openai.com/v1", "api.openai.com", False),
        ("http://localhost:1/v1", "localhost", True),
        ("http://[::1]:1/v1", "::1", True),
        ("http://169.254.169.254", "169.254.169.254", True),
        ("http://100.64.0.1", "100.64.0.1", True),
        ("https://1.1.1.1/v1", "1.1.1.1", False),
        ("nonsense", "", False),
    ],
)
def test_hosts(url, host, private):
    assert host_of(url) == host
    assert is_private_host(host) is private
