"""Policy as callers write it: what is not understood is a 400 that names the field and never the value, and nothing is sent.

Whole path: a gateway process in front of simulated providers, whose ledgers tell what reached them.
"""

import json

import pytest
from tests.hostile.talk import CANARY, post, refused, sent, talk
from tests.tools.gateway import SEED, simulated

PLAIN = {name: value for name, value in SEED.items() if name != "data_policy"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("intake") / "gateway") as pair:
        yield pair


# Values in the body

NOT_FLAGS = [None, 0, 1, "false", CANARY, [], [False], {}]
NOT_LISTS = [None, 0, True, CANARY, {}, [1], [None], [["a"]], [CANARY], [""]]
NOT_WORDS = [None, 0, True, CANARY, "", [], {}]
NOT_NUMBERS = [None, True, "30", CANARY, [30], {}, -1, -0.001]
DATA_POLICY = {
    "training_allowed": NOT_FLAGS,
    "human_review_allowed": NOT_FLAGS,
    "paid_only": NOT_FLAGS,
    "retention_days": NOT_NUMBERS,
    "certifications": [*NOT_LISTS, ["SOC2"], ["soc2", CANARY]],
    "regions": [*NOT_LISTS, ["EU"], ["eu "], ["eur"], ["eu", CANARY]],
    "providers": [None, 0, True, CANARY, [], ["sim-zero"], {CANARY + "!": []}, {"only_": ["sim-zero"]}, {"order": ["sim-zero"]}],
    "providers.only": [*NOT_LISTS, ["sim-Zero"], ["sim-zero", CANARY]],
    "providers.ignore": [*NOT_LISTS, [" sim-zero"]],
    "min_confidence": [*NOT_WORDS, "contracted", "Primary", "unknown"],
    "flagged_copies": [*NOT_WORDS, "COUNTED"],
    "data_class": [*NOT_WORDS, "Confidential", "secret", ["confidential"]],
}
PROVIDER = {
    "zdr": NOT_FLAGS,
    "data_collection": [*NOT_WORDS, "DENY", "none"],
    "only": NOT_LISTS,
    "ignore": NOT_LISTS,
    "order": NOT_LISTS,
    "sort": [*NOT_WORDS, "cheapest"],
    "allow_fallbacks": NOT_FLAGS,
    "require_parameters": NOT_FLAGS,
    "max_price": [None, 0, CANARY, [], {"image": 1}, {"prompt": "1"}, {"prompt": None}, {"completion": -1}, {CANARY + " ": 1}],
    "failover_on": [None, CANARY, {}, [1], [CANARY], ["errors"]],
    "unknown": [True],
    "zeroDataRetention": [True],
    "data_policy": [{"training_allowed": False}],
    "ZDR": [True],
    "zdr ": [True],
}
OPTIONS = {
    "zeroDataRetention": NOT_FLAGS,
    "disallowPromptTraining": NOT_FLAGS,
    "zdr": [True],
    "zero_data_retention": [True],
    "ZeroDataRetention": [True],
    "byok": [{}],
}


def nested(path: str, value: object) -> dict:
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def flattened(table: dict) -> list:
    return [(field, value) for field, values in table.items() for value in values]


@pytest.mark.parametrize("field", DATA_POLICY)
def test_a_malformed_data_policy_is_refused(running, field):
    for value in DATA_POLICY[field]:
        refused(running, {**PLAIN, "data_policy": nested(field, value)}, field=f"data_policy.{field}")


@pytest.mark.parametrize("name", ["data_policy", "provider", "providerOptions"])
def test_a_policy_field_that_is_no_object_is_refused(running, name):
    for value in (None, True, False, 0, CANARY, "", [], [{}]):
        refused(running, {**PLAIN, name: value}, field=name)


@pytest.mark.parametrize(
    "name", ["training", "retention", "retention_day", "Retention_Days", "zdr", "", " ", "retention_days\0", CANARY + "~"]
)
def test_an_unknown_field_of_data_policy_is_refused(running, name):
    refused(running, {**PLAIN, "data_policy": {"training_allowed": False, name: 0}}, field="data_policy")


@pytest.mark.parametrize("field", PROVIDER)
def test_the_field_provider_takes_exactly_what_is_named(running, field):
    for value in PROVIDER[field]:
        refused(running, {**PLAIN, "provider": {field: value}}, field="provider")


@pytest.mark.parametrize("field", OPTIONS)
def test_the_gateway_options_take_exactly_what_is_named(running, field):
    for value in OPTIONS[field]:
        refused(running, {**PLAIN, "providerOptions": {"gateway": {field: value}}}, field="providerOptions.gateway")
    for value in (None, True, CANARY, []):
        refused(running, {**PLAIN, "providerOptions": {"gateway": value}}, field="providerOptions.gateway")


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "0x1", "01", "1_0", "+1", ".5", "5."]
)
def test_a_number_of_days_that_is_none_is_refused(running, number):
    body = json.dumps({**PLAIN, "data_policy": {"retention_days": 77}}).replace("77", number)
    refused(running, body.encode())


# Headers

HEADERS = {
    "Data-Class": ["", CANARY, "Confidential", "public;confidential", "public,", ",public", "true"],
    "Training-Allowed": ["", CANARY, "False", "0", "no", "false,true", "null"],
    "Retention-Days": ["", CANARY, "-1", "+1", "1e1", "0x1", "NaN", "inf", "1,0", "1 0", "30d", ".5", "5.", "9" * 10],
    "Paid-Only": ["", CANARY, "1", "TRUE"],
    "Certifications": [CANARY, "soc2,,iso27001", "soc2,", "SOC2", "soc2;iso27001"],
    "Regions": [CANARY, "EU", "eu,", "eu us", "*", "eu;us"],
    "Providers-Only": [CANARY, "sim-zero,", "sim-zero sim-30d", "SIM-ZERO"],
    "Providers-Ignore": [CANARY, ",", "sim-zero;sim-30d"],
    "Human-Review-Allowed": ["", CANARY, "False"],
    "Min-Confidence": ["", CANARY, "contracted", "PRIMARY"],
    "Flagged-Copies": ["", CANARY, "true"],
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_header_is_refused(running, name):
    for value in HEADERS[name]:
        refused(running, PLAIN, {f"X-AnyAPI-{name}": value}, field=f"x-anyapi-{name.lower()}")
        refused(running, {**PLAIN, "data_policy": {"retention_days": 0}}, {f"X-AnyAPI-{name}": value})


@pytest.mark.parametrize(
    "name",
    [
        "Retention",
        "Retention-Day",
        "Retention_Days",
        "RetentionDays",
        "Zdr",
        "Policy",
        "",
        "Data-Class-",
        "-Data-Class",
        "App",
        "App-Idd",
        "Provider",
        "Decision",
    ],
)
def test_an_unknown_header_is_refused_whatever_it_says(running, name):
    for value in ("0", "false", "", CANARY):
        refused(running, SEED, {f"X-AnyAPI-{name}": value}, field="x-anyapi-")


@pytest.mark.parametrize("line", [b"x-anyapi-retention-day: 0", b"X-ANYAPI-RETENTION-DAY: 0", b"X-AnYaPi-Data-Klass: public"])
def test_the_case_of_a_header_changes_nothing(running, line):
    gateway, simulation = running
    before = sent(simulation)
    (answer,) = talk(gateway, post(json.dumps(SEED).encode(), line)).responses()
    assert answer.status == 400
    assert sent(simulation) == before


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_with_bytes_beyond_ascii_is_refused(running, name):
    gateway, simulation = running
    before = sent(simulation)
    for value in ("é".encode(), b"\xff", "０".encode()):
        (answer,) = talk(gateway, post(json.dumps(SEED).encode(), f"X-AnyAPI-{name}: ".encode() + value)).responses()
        assert answer.status == 400
    assert sent(simulation) == before
