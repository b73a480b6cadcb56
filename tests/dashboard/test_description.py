"""The description of the control API that the dashboard's types are made from is the one that the app gives."""

import json
import re
from pathlib import Path

from litestar.serialization import encode_json

from anyapi.control.app import create_app
from anyapi.control.describe import described
from anyapi.domain.call import Tag
from anyapi.domain.decision import OutcomeKind, ReasonCode

ROOT = Path(__file__).resolve().parents[2]


def test_the_checked_in_description_is_the_apps():
    given = json.loads(encode_json(described(create_app(None))))
    kept = json.loads((ROOT / "dashboard/openapi.json").read_text())
    assert kept == given, "run: .venv/bin/python scripts/write_openapi.py"


def test_the_page_has_words_for_every_reason_and_outcome():
    text = (ROOT / "dashboard/src/words/policy.ts").read_text()
    named = set(re.findall(r"^  (\w+): [\"{]", text, re.MULTILINE))
    assert {str(code) for code in (*ReasonCode, *OutcomeKind)} - named == set()


def test_the_page_has_a_word_for_every_tag():
    text = (ROOT / "dashboard/src/words/tags.ts").read_text()
    assert re.findall(r"^  \[\"(\w+)\"", text, re.MULTILINE) == [tag.value for tag in Tag]


def test_the_page_tells_policy_from_availability_as_the_rules_do():
    """Each code is named with its kind where `anyapi.policy` makes it: in the file of availability and ranking, or as a rule."""
    text = (ROOT / "dashboard/src/words/policy.ts").read_text()
    shown = set(re.findall(r"\"(\w+)\"", text[text.index("AVAILABILITY: ReadonlySet") : text.index("export const reason =")]))
    rules = (ROOT / "src/anyapi/policy/rules.py").read_text()
    of_policy = {code.lower() for code in re.findall(r"ReasonCode\.(\w+)", rules)}
    assert shown & of_policy == set()
    assert {str(code) for code in ReasonCode} - shown - of_policy <= {"judging_failed"}
