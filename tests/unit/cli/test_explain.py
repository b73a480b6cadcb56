import datetime as dt
import json

import click
import pytest
from click.testing import CliRunner
from tests.tools.gateway import SEED, add_key, simulated

from anyapi.catalogue.load import load_catalogue
from anyapi.cli import main
from anyapi.cli.explain import answer, assuming_credentials
from anyapi.domain.call import Question
from anyapi.domain.ids import ModelId
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Credential, PolicyContext, Tier
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.storage.rows import AccountRow
from anyapi.storage.sqlite import SqliteStore

SEED_MODEL = SEED["model"]
LLAMA = "meta-llama/llama-3.3-70b-instruct"
DAY = dt.datetime(2026, 12, 1, tzinfo=dt.UTC).timestamp()
CONTEXT = PolicyContext(load_catalogue(), served_protocols=frozenset({"openai-chat", "anthropic-messages"}))


def internal(*models):
    requirement = merge([(Layer.REQUEST, Settings(data_class=DataClass.INTERNAL))], DEFAULT_PRESETS)
    return Question(tuple(map(ModelId, models)), requirement)


def run(*args):
    return CliRunner().invoke(main, ["explain", *args])


def test_every_endpoint_is_permitted_or_has_a_reason_that_the_record_bears_out():
    result, unknown = answer(internal(LLAMA), assuming_credentials(CONTEXT), DAY)
    (model,) = result.models
    assert unknown == []
    listed = [row.endpoint for rows in (model.permitted, model.denied, model.unavailable) for row in rows]
    assert sorted(listed) == sorted(endpoint.id for endpoint in CONTEXT.catalogue.models[LLAMA].endpoints)
    assert model.permitted
    for row in model.permitted:
        assert row.policy.training == "never"
        assert row.policy.retention.kind == "zero" or row.policy.retention.days <= 30
    for row in model.denied:
        codes = {reason.code for reason in row.reasons}
        if "training_unknown" in codes:
            assert row.policy.training == "unknown"
        if "training_by_default" in codes:
            assert row.policy.training == "by_default"
        if "training_opt_out" in codes:
            assert row.policy.training == "opt_out"
        if "retention_unknown" in codes:
            assert row.policy.retention.kind == "unknown"
        if "retention_too_long" in codes:
            assert row.policy.retention.days > 30
        if "retention_endless" in codes:
            assert row.policy.retention.days is None
        assert codes & {"training_unknown", "training_by_default", "training_opt_out"} or any(
            code.startswith("retention") for code in codes
        )
    for row in model.unavailable:
        assert {reason.kind for reason in row.reasons} == {"availability"}


def test_permitted_endpoints_come_cheapest_first_and_unverified_last():
    result, _ = answer(internal(LLAMA), assuming_credentials(CONTEXT), DAY)
    rows = [row for row in result.models[0].permitted if "unverified" not in row.flags and "deprecated" not in row.flags]
    prices = [row.price.input + row.price.output for row in rows]
    assert prices == sorted(prices)
    assert [row.endpoint for row in result.models[0].permitted[: len(rows)]] == [row.endpoint for row in rows]


def test_without_credentials_the_same_endpoints_lack_only_those_in_the_same_order():
    assumed, _ = answer(internal(LLAMA), assuming_credentials(CONTEXT), DAY)
    bare, _ = answer(internal(LLAMA), CONTEXT, DAY)
    assert bare.models[0].permitted == ()
    permitted = [row.endpoint for row in assumed.models[0].permitted]
    missing = [row for row in bare.models[0].unavailable if row.endpoint in permitted]
    assert [row.endpoint for row in missing] == permitted
    assert all([reason.code for reason in row.reasons] == ["no_credential"] for row in missing)
    assert [row.endpoint for row in bare.models[0].unavailable[: len(permitted)]] == permitted


def test_assumed_credentials_are_paid_and_leave_real_ones_alone():
    real = Credential("mine", "openai", tier=Tier.FREE)
    context = assuming_credentials(PolicyContext(load_catalogue(), {"openai": (real,)}))
    assert context.credentials["openai"] == (real,)
    assert {credential.tier for name, (credential,) in context.credentials.items() if name != "openai"} == {Tier.PAID}


def test_unknown_models_are_told_apart_and_alone_they_are_an_error():
    result, unknown = answer(internal("no/such", LLAMA), CONTEXT, DAY)
    assert (result.unknown_models, len(unknown), len(result.models)) == (1, 1, 1)
    with pytest.raises(click.ClickException) as caught:
        answer(internal("llama-3.3-70b-instuct"), CONTEXT, DAY)
    assert f"Similar names: {LLAMA}" in caught.value.message
    for text in (caught.value.message, *unknown):
        assert text.startswith("No such model is in the catalogue. ")
        assert "`anyapi catalogue show PROVIDER`" in text
        assert "GET /v1/models" not in text


def test_what_is_passed_over_is_told_by_its_place(bare):
    text = run("no/such", LLAMA, "nor/this").stdout
    assert "\n2 of the models asked about are in no catalogue: models[0], models[2].\n" in text
    found = json.loads(run("no/such", LLAMA, "--json").stdout)
    assert (found["unknown_models"], found["skipped"]) == (1, [{"field": "models[0]", "reason": "unknown_model"}])


def test_near_names_are_of_all_models_where_none_is_known(bare):
    result = run("openai/gpt-5.22", "llama-3.3-70b-instuct")
    assert result.exit_code == 1
    assert "openai/gpt-5.2" in result.output
    assert LLAMA in result.output


def test_the_command_lists_every_endpoint(bare):
    result = run(LLAMA, "--data-class", "internal")
    assert result.exit_code == 0
    assert all(f"- {endpoint.id}\n" in result.output for endpoint in CONTEXT.catalogue.models[LLAMA].endpoints)
    assert "--assume-credentials" in result.stderr


def test_every_option_reaches_the_requirement(bare):
    options = ["--data-class", "internal", "--retention-days", "7", "--no-training", "--paid-only", "--certification", "soc2"]
    options += [
        "--region",
        "eu",
        "--region",
        "de",
        "--only",
        "scaleway",
        "--ignore",
        "nvidia",
        "--tag",
        "chat_completions:function_calling",
    ]
    options += ["--no-human-review", "--min-confidence", "secondary", "--flagged-copies", "counted"]
    result = run(LLAMA, "--json", *options)
    requirement = json.loads(result.stdout)["requirement"]
    assert {setting["setting"]: setting["value"] for setting in requirement["settings"]} == {
        "training_allowed": False,
        "retention_days": 7.0,
        "paid_only": True,
        "certifications": ["soc2"],
        "regions": ["de", "eu"],
        "providers.only": ["scaleway"],
        "providers.ignore": ["nvidia"],
        "human_review_allowed": False,
        "min_confidence": "secondary",
        "flagged_copies": "counted",
    }
    assert requirement["data_classes"] == ["internal"]


def test_the_tag_of_web_search_stands_for_a_request_that_searches(bare):
    """What the provider searches for it keeps, whatever was signed for the rest."""
    (bare / "anyapi.toml").write_text(
        '[[agreements]]\nid = "zero"\nprovider = "google-vertex"\nattested_by = "Ada"\ndocument = "1"\nvalid_from = 2020-01-01\n'
        'valid_until = 2100-01-01\nretention = { kind = "zero", days = 0 }\n'
    )
    codes = {}
    for tag in ("vision", "web_search", "chat_completions:url_context"):
        result = run("google/gemini-3.5-flash", "--retention-days", "0", "--only", "google-vertex", "--tag", tag, "--json")
        rows = [row for kind in ("permitted", "denied", "unavailable") for row in json.loads(result.stdout)["models"][0][kind]]
        codes[tag] = {reason["code"] for row in rows if row["provider"] == "google-vertex" for reason in row["reasons"]}
    assert "retention_not_zero" not in codes["vision"]
    assert "retention_not_zero" in codes["web_search"] & codes["chat_completions:url_context"]


def test_the_gateways_floor_of_the_configuration_counts(bare):
    (bare / "anyapi.toml").write_text("[policy]\nretention_days = 3")
    result = json.loads(run(LLAMA, "--json", "--retention-days", "7").stdout)
    assert result["requirement"]["settings"] == [{"setting": "retention_days", "value": 3.0, "layers": ["gateway"]}]


def asked_of(gateway, key, body):
    """What the running gateway says to a key."""
    return gateway.request("POST", "/v1/explain", body, {"Authorization": f"Bearer {key}"}).json()


def test_it_says_what_the_gateway_says_to_a_key_of_the_same_layers(bare):
    """It knew the configuration alone, and permitted what the gateway denied."""
    with simulated(bare / "home", control=True) as (gateway, _):
        with gateway.store() as store:
            store.add_account(AccountRow("acme", "Acme", 0.0))
            secrets = {"default": gateway.key, "acme": add_key(store, "acme")}
            store.change_settings(Layer.GATEWAY, "", lambda _: Settings(training_allowed=False), 0.0)
            store.change_settings(Layer.ACCOUNT, "acme", lambda _: Settings(retention_days=0.0), 0.0)
            store.change_settings(Layer.KEY, secrets["acme"][1], lambda _: Settings(providers_only=frozenset({"sim-30d"})), 0.0)
        gateway.stop()
        gateway.start()
        here = ("--config", str(gateway.home / "anyapi.toml"))
        told = {
            "default": json.loads(run(SEED_MODEL, *here, "--json").stdout),
            "acme": json.loads(run(SEED_MODEL, *here, "--json", "--key", secrets["acme"][1]).stdout),
        }
        for name, found in told.items():
            expected = asked_of(gateway, secrets[name] if name == "default" else secrets[name][0], {"model": SEED_MODEL})
            for field in ("requirement", "relaxation", "costs"):
                assert found[field] == expected[field], (name, field)
            for rows in ("permitted", "denied", "unavailable"):
                assert [row["endpoint"] for row in found["models"][0][rows]] == [row["endpoint"] for row in expected["models"][0][rows]]
        assert [row["endpoint"] for row in told["default"]["models"][0]["permitted"]] != []
        assert told["acme"]["models"][0]["permitted"] == []
        assert [(one["layer"], one["from"]) for one in told["acme"]["layers"]] == [
            ("gateway", "configuration"),
            ("gateway", "store"),
            ("account", "store"),
            ("key", "store"),
            ("request", "options"),
        ]
        assert json.loads(run(SEED_MODEL, *here, "--json", "--no-store").stdout)["requirement"]["settings"] == []


def test_the_first_line_says_what_was_taken_in(bare):
    assert run(LLAMA).stdout.splitlines()[0] == (
        f"Taken in: the gateway's policy (configuration; nothing is stored in {bare / '.local/share/anyapi'} yet), the options given here"
    )
    assert list(bare.iterdir()) == [], "no store is made to find out"
    with SqliteStore(bare / "data"):
        pass
    assert run(LLAMA, "--data-dir", str(bare / "data")).stdout.splitlines()[0] == (
        f"Taken in: the gateway's policy (configuration; what is stored in {bare / 'data'}), account default, the options given here"
    )
    assert "the store is left out" in run(LLAMA, "--data-dir", str(bare / "data"), "--no-store").stdout.splitlines()[0]


@pytest.mark.parametrize("args", [["--account", "a", "--key", "b"], ["--no-store", "--account", "default"]])
def test_who_is_meant_is_said_once(bare, args):
    assert run(LLAMA, *args).exit_code == 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([LLAMA, "--key", "key_x"], "Nothing is stored"),
        (["no/such"], "No such model"),
        ([LLAMA, "--tag", "telepathy"], "function_calling"),
        ([LLAMA, "--only", "opnai"], "openai"),
        ([LLAMA, "--region", "europe"], "Did you mean `eu`?"),
        ([LLAMA, "--region", "EU"], "Did you mean `eu`?"),
        ([LLAMA, "--retention-days", "-1"], "retention_days"),
        ([LLAMA, "--certification", "soc9"], "certifications"),
        ([LLAMA, "--config", "missing.toml"], "no such file"),
    ],
)
def test_what_is_wrong_is_said_and_exits_with_1(bare, args, words):
    result = run(*args)
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_model_that_makes_embeddings_is_explained_as_such(bare):
    def codes(*models):
        result = run(*models, "--json", "--assume-credentials")
        assert result.exit_code == 0
        found = json.loads(result.output)["models"][-1]
        return {reason["code"] for rows in (found["denied"], found["unavailable"]) for row in rows for reason in row["reasons"]}

    assert "operation_unsupported" not in codes("openai/text-embedding-3-small")
    assert "operation_unsupported" in codes("openai/gpt-4o", "openai/text-embedding-3-small")


def test_the_choice_of_a_model_is_explained_in_short():
    """Hundreds of endpoints of every model: the first in order, the rest counted by reason."""
    result = run("anyapi/auto", "--data-class", "internal", "--assume-credentials")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "anyapi/auto" in lines
    (permitted,) = [line for line in lines if line.startswith("  Permitted, in this order: ")]
    assert permitted.endswith(", of which the first 20 are")
    assert any(line.startswith("    1. ") and " for " in line for line in lines)
    assert any(line.startswith("    training_by_default: ") for line in lines)
    assert len(lines) < 200
    whole = json.loads(run("anyapi/auto", "openai/text-embedding-3-small", "--assume-credentials", "--json").stdout)
    auto, embedding = whole["models"]
    assert auto["totals"]["permitted"] > 500
    assert len(auto["permitted"]) == 20
    assert embedding["permitted"] == [], "beside a choice of ours the question is about chats"


def test_the_choice_without_credentials_leaves_nothing_and_says_so():
    result = run("anyapi/auto")
    assert result.exit_code == 0
    assert "  Permitted, in this order: 0" in result.stdout
    assert "--assume-credentials" in result.stderr
