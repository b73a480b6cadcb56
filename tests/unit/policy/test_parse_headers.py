"""Policy headers and app fields."""

import pytest

from anyapi.domain.call import App
from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.errors import BadRequest
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.policy.parse_headers import (
    COMMITMENT_SALT,
    KNOWN_HEADERS,
    POLICY_HEADERS,
    is_policy,
    parse_app,
    parse_app_headers,
    parse_policy_headers,
    refuse_unlisted,
)
from anyapi.policy.wire_values import Known

KNOWN = Known(frozenset({"openai", "groq"}), frozenset({"soc2", "iso27001"}))


def read(*pairs):
    return parse_policy_headers(pairs, KNOWN)


def refusal(*pairs):
    with pytest.raises(BadRequest) as caught:
        read(*pairs)
    return caught.value.message, caught.value.field


def test_the_eleven_policy_headers_the_five_app_headers_and_the_salt():
    assert set(POLICY_HEADERS) == {
        "data-class",
        "training-allowed",
        "retention-days",
        "paid-only",
        "certifications",
        "regions",
        "providers-only",
        "providers-ignore",
        "human-review-allowed",
        "min-confidence",
        "flagged-copies",
    }
    assert len(KNOWN_HEADERS) == 17
    assert all(name.startswith("x-anyapi-") for name in KNOWN_HEADERS)
    assert sum(map(is_policy, KNOWN_HEADERS)) == 11
    assert is_policy(f"{COMMITMENT_SALT}s")  # known or not: what is none of the others may be a policy, misspelt


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("data-class", "internal", Settings(data_class=DataClass.INTERNAL)),
        ("data-class", "public", Settings(data_class=DataClass.PUBLIC)),
        ("training-allowed", "false", Settings(training_allowed=False)),
        ("training-allowed", " true ", Settings()),
        ("retention-days", "30", Settings(retention_days=30)),
        ("retention-days", " 0 ", Settings(retention_days=0)),
        ("retention-days", "0.5", Settings(retention_days=0.5)),
        ("paid-only", "true", Settings(paid_only=True)),
        ("paid-only", "false", Settings()),
        ("certifications", "soc2, iso27001", Settings(certifications=frozenset({"soc2", "iso27001"}))),
        ("certifications", "", Settings()),
        ("regions", "eu,us", Settings(regions=frozenset({"eu", "us"}))),
        ("regions", " ", Settings(regions=frozenset())),
        ("providers-only", "groq", Settings(providers_only=frozenset({"groq"}))),
        ("providers-only", "", Settings(providers_only=frozenset())),
        ("providers-ignore", "groq,openai", Settings(providers_ignore=frozenset({"groq", "openai"}))),
        ("human-review-allowed", "false", Settings(human_review_allowed=False)),
        ("min-confidence", "secondary", Settings(min_confidence=Confidence.SECONDARY)),
        ("flagged-copies", "counted", Settings(flagged_copies_counted=True)),
        ("flagged-copies", "shown", Settings()),
    ],
)
def test_each_header(name, value, expected):
    assert read((f"x-anyapi-{name}", value)) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data-class", ""),
        ("data-class", "secret"),
        ("data-class", "internal,"),
        ("training-allowed", "False"),
        ("training-allowed", "0"),
        ("training-allowed", ""),
        ("retention-days", "-1"),
        ("retention-days", "1e3"),
        ("retention-days", "nan"),
        ("retention-days", "inf"),
        ("retention-days", ""),
        ("retention-days", "1_0"),
        ("retention-days", "٣"),
        ("retention-days", "1234567890"),
        ("retention-days", "1."),
        ("paid-only", "yes"),
        ("certifications", "soc2,"),
        ("certifications", "odd"),
        ("regions", "EU"),
        ("regions", "eu,,us"),
        ("providers-only", "odd"),
        ("providers-ignore", "odd"),
        ("human-review-allowed", "no"),
        ("min-confidence", "contracted"),
        ("flagged-copies", "true"),
    ],
)
def test_a_malformed_value_is_refused_and_the_header_named(name, value):
    message, field = refusal((f"x-anyapi-{name}", value))
    assert field == f"x-anyapi-{name}"
    assert message.startswith(f"`x-anyapi-{name}")


def test_texts():
    assert refusal(("x-anyapi-paid-only", "SECRET")) == ("`x-anyapi-paid-only` must be `true` or `false`.", "x-anyapi-paid-only")
    assert refusal(("x-anyapi-retention-days", "SECRET")) == (
        "`x-anyapi-retention-days` must be a number of days of at least 0, in plain digits.",
        "x-anyapi-retention-days",
    )


def test_the_limits_of_a_number_of_days():
    assert read(("x-anyapi-retention-days", "123456789.123456789")).retention_days == 123456789.123456789
    assert refusal(("x-anyapi-retention-days", "1.1234567890"))


def test_other_headers_and_app_headers_are_not_looked_at():
    assert read() == Settings()
    assert read(("accept", "*"), ("x-anyapi", "1"), ("x-other-retention-days", "x")) == Settings()
    assert read(*((f"x-anyapi-app-{name}", "\x00") for name in ("id", "name", "version", "user-id", "session-id"))) == Settings()
    assert read(("accept", "*"), ("x-anyapi-paid-only", "true")) == Settings(paid_only=True)
    assert read(("x-anyapi-app-id", "a"), ("x-anyapi-paid-only", "true")) == Settings(paid_only=True)


def test_an_unknown_header_is_refused_with_the_near_name():
    assert refusal(("x-anyapi-retention-day", "30")) == (
        "The header `x-anyapi-retention-day` is unknown. Did you mean `x-anyapi-retention-days`?",
        "x-anyapi-retention-day",
    )
    assert "Did you mean `x-anyapi-app-id` or " in refusal(("x-anyapi-app-ids", "30"))[0]
    message, field = refusal(("x-anyapi-!", "30"))
    assert field == "x-anyapi-..."
    assert message.startswith("The header `x-anyapi-...` is unknown. ")
    message, _ = refusal(("x-anyapi-" + "z" * 50, "30"))
    assert message.endswith(f" is unknown. Known: {', '.join(KNOWN_HEADERS)}.")
    assert refusal(("x-anyapi-", "30"))
    assert refusal(("x-anyapi-paid-only", "true"), ("x-anyapi-odd", "1"))


def test_whatever_is_not_listed_is_refused_by_name():
    refuse_unlisted(KNOWN_HEADERS)
    for name in ("x-anyapi-app-foo", "x-anyapi-app-", "x-anyapi-retention-day", "x-anyapi-", "x-anyapi-decision"):
        with pytest.raises(BadRequest, match=f"The header `{name}` is unknown|`x-anyapi-...` is unknown") as caught:
            refuse_unlisted([*KNOWN_HEADERS, name])
        assert caught.value.field in {name, "x-anyapi-..."}


def test_repeated_headers_are_met():
    assert read(("x-anyapi-training-allowed", "false"), ("x-anyapi-training-allowed", "true")).training_allowed is False
    assert read(("x-anyapi-retention-days", "30"), ("x-anyapi-retention-days", "7")).retention_days == 7
    assert read(("x-anyapi-regions", "eu,us"), ("x-anyapi-regions", "us")).regions == {"us"}
    assert read(("x-anyapi-regions", "eu"), ("x-anyapi-regions", "us")).regions == frozenset()
    assert read(("x-anyapi-certifications", "soc2"), ("x-anyapi-certifications", "iso27001")).certifications == {"soc2", "iso27001"}


def test_several_classes_are_all_in_force_with_their_presets_met_in_once():
    pairs = ("x-anyapi-data-class", "internal"), ("x-anyapi-data-class", "regulated"), ("x-anyapi-data-class", "internal")
    asked = read(*pairs)
    assert asked == Settings(data_class=DataClass.INTERNAL, more_classes=frozenset({DataClass.REGULATED}))
    assert read(("x-anyapi-data-class", "regulated, internal")) == asked
    one_by_one = merge([(Layer.REQUEST, read(pair)) for pair in pairs], DEFAULT_PRESETS)
    assert merge([(Layer.REQUEST, asked)], DEFAULT_PRESETS) == one_by_one


def test_all_headers_together_keep_every_setting():
    asked = read(
        ("x-anyapi-training-allowed", "false"),
        ("x-anyapi-retention-days", "3"),
        ("x-anyapi-paid-only", "true"),
        ("x-anyapi-certifications", "soc2"),
        ("x-anyapi-regions", "eu"),
        ("x-anyapi-providers-only", "groq"),
        ("x-anyapi-providers-ignore", "openai"),
        ("x-anyapi-human-review-allowed", "false"),
        ("x-anyapi-min-confidence", "primary"),
        ("x-anyapi-flagged-copies", "counted"),
    )
    assert asked == Settings(
        training_allowed=False,
        retention_days=3,
        paid_only=True,
        certifications=frozenset({"soc2"}),
        regions=frozenset({"eu"}),
        providers_only=frozenset({"groq"}),
        providers_ignore=frozenset({"openai"}),
        human_review_allowed=False,
        min_confidence=Confidence.PRIMARY,
        flagged_copies_counted=True,
    )


FULL = App(id="a.b", name="My_App", version="1:2", user_id="u@x", session_id="s-1")


def test_app_headers():
    pairs = [
        ("x-anyapi-app-id", "a.b"),
        ("x-anyapi-app-name", " My_App "),
        ("x-anyapi-app-version", "1:2"),
        ("x-anyapi-app-user-id", "u@x"),
        ("x-anyapi-app-session-id", "s-1"),
        ("x-anyapi-paid-only", "true"),
        ("id", "\x00"),
    ]
    assert parse_app_headers(pairs) == FULL
    assert parse_app_headers([("accept", "*"), *pairs]) == FULL
    assert parse_app_headers([]) == App()


def test_an_unknown_app_header_is_refused_too():
    with pytest.raises(BadRequest, match="^The header `x-anyapi-app-nam` is unknown. Did you mean `x-anyapi-app-name`") as caught:
        parse_app_headers([("x-anyapi-app-nam", "a")])
    assert caught.value.field == "x-anyapi-app-nam"


def test_app_metadata():
    value = {"app_id": "a.b", "app_name": "My_App", "app_version": "1:2", "user_id": "u@x", "session_id": "s-1", "other": {"x": None}}
    assert parse_app(value) == FULL
    assert parse_app({}) == parse_app(None) == App()


def refused(call, *args):
    with pytest.raises(BadRequest) as caught:
        call(*args)
    return caught.value.message, caught.value.field


@pytest.mark.parametrize("value", ["", "a b", "a" * 129, "ü", "a\n", "<x>"])
def test_malformed_app_fields(value):
    text = "must have 1 to 128 characters of A-Z a-z 0-9 . _ : @ -"
    assert refused(parse_app, {"app_id": value}) == (f"`metadata.app_id` {text}", "metadata.app_id")
    if value != "a\n":  # a header is stripped first
        pairs = [("x-anyapi-app-user-id", value)]
        assert refused(parse_app_headers, pairs) == (f"`x-anyapi-app-user-id` {text}", "x-anyapi-app-user-id")


def test_limits_of_app_fields():
    assert parse_app({"user_id": "a" * 128}).user_id == "a" * 128
    assert refused(parse_app, {"user_id": 7}) == ("`metadata.user_id` must be a string, not a number.", "metadata.user_id")
    assert refused(parse_app, {"session_id": None})[1] == "metadata.session_id"
    assert refused(parse_app, []) == ("`metadata` must be an object.", "metadata")
    twice = [("x-anyapi-app-id", "a"), ("x-anyapi-app-id", "a")]
    assert refused(parse_app_headers, twice) == ("The header `x-anyapi-app-id` is given twice.", "x-anyapi-app-id")
