"""The start-up lines: what works, which classes are satisfied, what a bare key counts as."""

import datetime as dt
import json

import pytest

from anyapi.bootstrap import SERVED_PROTOCOLS
from anyapi.cli.welcome import models_left, start_lines, tier_words
from anyapi.config import load_config, not_served_yet, policy_context
from anyapi.domain.requirement import DataClass
from anyapi.domain.snapshot import Credential, Snapshot, Tier


def lines_for(tmp_path, env):
    file = tmp_path / "anyapi.toml"
    file.write_text(f"[storage]\ndata_dir = {json.dumps(str(tmp_path))}\n")
    config = load_config(file, env, dt.datetime.now(dt.UTC))
    snapshot = Snapshot(1, policy_context(config, config.catalogue, SERVED_PROTOCOLS), config.presets)
    return snapshot, list(start_lines(snapshot, config.notices, not_served_yet(config, SERVED_PROTOCOLS)))


def test_without_a_key_it_says_what_to_do(tmp_path):
    _, lines = lines_for(tmp_path, {})
    assert "OPENAI_API_KEY" in lines[0]
    assert any("anyapi keys create" in line for line in lines)


def test_a_key_brings_models_and_classes(tmp_path):
    snapshot, lines = lines_for(tmp_path, {"OPENAI_API_KEY": "sk-0123456789abcdef0123"})
    assert any(line.strip().startswith("OpenAI: ") for line in lines)
    left = {data_class: models_left(snapshot, data_class) for data_class in DataClass}
    assert left[DataClass.PUBLIC] > 0
    assert left[DataClass.PUBLIC] >= left[DataClass.INTERNAL] >= left[DataClass.CONFIDENTIAL]
    for data_class, count in left.items():
        assert f"  data class {data_class.value}: {count} models" in lines


def test_a_key_of_a_provider_that_is_not_served_is_named(tmp_path):
    _, lines = lines_for(tmp_path, {"GEMINI_API_KEY": "AIza0123456789abcdef0123"})
    assert any("not served yet" in line and "GEMINI_API_KEY" in line for line in lines)


@pytest.mark.parametrize(
    ("tier", "has_free_tier", "words"),
    [
        (Tier.PAID, True, "paid"),
        (Tier.FREE, True, "free"),
        (Tier.UNDECLARED, True, "counts as free"),
        (Tier.UNDECLARED, False, "no free tier"),
    ],
)
def test_what_a_credential_counts_as(tier, has_free_tier, words):
    assert words in tier_words(Credential("c", "p", tier), has_free_tier=has_free_tier)
