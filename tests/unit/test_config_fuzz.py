"""Whatever a TOML file holds, reading it ends in values or in noted problems, never in another exception."""

import datetime as dt
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.reading import Problems, Table
from anyapi.config import _read, packaged_alone

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
WORDS = st.sampled_from(
    [
        "",
        "openai",
        "vllm",
        "zero",
        "never",
        "limited",
        "eu",
        "local",
        "host",
        "https://a.example/v1",
        "http://[::1",
        "a/b",
        "{x}",
        "10.0.0.0/8",
    ]
)
KEYS = st.sampled_from(
    (
        "id provider model models endpoints api base_url protocol auth env env_alternatives variables policy retention kind days purpose training "
        "human_review policy_exceptions applies_to override features note regions compliance confidence verified_at price input capabilities free "
        "status successor valid_from valid_until attested_by document listen limits tls certificate key max_headers private_addresses internal "
        "retention_days providers only data_class openai own key_file tier x"
    ).split()
)
LEAVES = st.one_of(
    WORDS,
    st.text(max_size=8),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0.5, math.inf, math.nan, -1.0]),
    st.dates(),
    st.datetimes(),
    st.times(),
)
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)), max_leaves=20)
SECTIONS = st.sampled_from(
    "server storage policy classes catalogue providers models credentials agreements network usage scrub privacy other".split()
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(SECTIONS, VALUES, max_size=6))
def test_any_tables(tables):
    problems = Problems()
    config, _ = _read(Table(tables, problems, "anyapi.toml"), None, {"HOME": "/home/ada"}, NOW, packaged_alone)
    if "other" in tables:
        assert any(problem.field == "other" for problem in problems.found)
    if not problems.found:
        assert set(load_catalogue().providers) <= set(config.catalogue.providers)


SOUND = {
    "server": {"listen": "127.0.0.1:1", "tls": {"certificate": "c", "key": "k"}, "limits": {"max_headers": 3}, "cors_origins": ["*"]},
    "policy": {"retention_days": 3, "providers": {"only": ["openai"]}},
    "classes": {"internal": {"regions": ["eu"]}},
    "catalogue": {"span_days": 3},
    "network": {"private_addresses": ["10.0.0.0/8"]},
    "providers": {
        "own": {
            "kind": "local",
            "api": {"base_url": "http://10.0.0.1/v1", "protocol": "openai-chat", "auth": "none", "variables": {"a": "A"}},
            "policy": {"training": "never", "retention": {"kind": "zero", "days": 0}, "zero_retention_available": "default"},
            "free_tier": {"training": "unknown"},
            "policy_exceptions": [{"applies_to": {"models": ["openai/*"]}, "override": {"training": "never"}}],
            "compliance": ["soc2"],
            "verified_at": dt.date(2027, 1, 1),
        },
        "openai": {"policy": {"retention": {"kind": "limited", "days": 3}}, "api": {"env": "OTHER"}},
    },
    "models": [
        {"id": "lab/own", "endpoints": [{"provider": "own", "model": "m", "price": {"input": 1}, "capabilities": {"tools": True}}]},
        {"id": "openai/gpt-4o", "endpoints": [{"provider": "openai", "model": "gpt-4o", "price": {"input": 1}}]},
    ],
    "credentials": [{"id": "c", "provider": "openai", "env": "K", "variables": {"a": "b"}, "terms": ["t"]}],
    "agreements": [
        {
            "id": "a",
            "provider": "openai",
            "attested_by": "x",
            "document": "d",
            "valid_from": dt.date(2027, 1, 1),
            "valid_until": dt.date(2028, 1, 1),
            "retention": {"kind": "zero"},
            "credentials": ["c"],
        }
    ],
    "privacy": {"contact": "a@b.example"},
}
WRONG = ["no such \x00", math.nan, True, [3], {"x": 1}, dt.time(1)]


def places(value, path=()):
    """Every place inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def with_value(value, path, wrong):
    """A copy with another value at one place."""
    if not path:
        return wrong
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_value(value[path[0]], path[1:], wrong)
    return copy


def test_every_place_of_a_sound_file_with_every_wrong_value(monkeypatch):
    catalogue = load_catalogue()
    monkeypatch.setattr("anyapi.config.load_catalogue", lambda: catalogue)
    clean = Problems()
    _read(Table(SOUND, clean, "anyapi.toml"), None, {"HOME": "/home/ada"}, NOW, packaged_alone)
    assert {problem.field for problem in clean.found} == {"server.tls.certificate", "server.tls.key"}
    count = 0
    for path in places(SOUND):
        for wrong in WRONG:
            problems = Problems()
            _read(Table(with_value(SOUND, path, wrong), problems, "anyapi.toml"), None, {"HOME": "/home/ada"}, NOW, packaged_alone)
            count += bool(problems.found)
    assert count > 300
