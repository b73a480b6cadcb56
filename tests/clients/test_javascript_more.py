"""The JavaScript SDKs at full size: in front of Gemini, Bedrock and Cohere, and streams that are cut after every event."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from tests.clients.node_sdks import CLOCKS, IDS, KEPT, NAMES, Client, cast, comparable, disguised, tell
from tests.clients.test_anthropic_typescript import CLIENT as ANTHROPIC
from tests.clients.test_anthropic_typescript import FORMS as ANTHROPIC_FORMS
from tests.clients.test_openai_node import CLIENT as OPENAI
from tests.clients.test_openai_node import FORMS as OPENAI_FORMS
from tests.clients.test_vercel_ai_sdk import CLIENTS as VERCEL
from tests.clients.test_vercel_ai_sdk import WORDS as VERCEL_FORMS
from tests.tools.gateway import simulated

from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, WireName

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]

BOTH = (WireName.OPENAI, WireName.ANTHROPIC)
OTHERS = tuple(wire for wire in FORMATS if wire not in BOTH)
STORIES: dict[str, tuple[str, Client, list[str]]] = {
    "openai-node": ("openai", OPENAI, [form for form in OPENAI_FORMS if "embeddings" not in form]),
    "anthropic": ("anthropic", ANTHROPIC, ANTHROPIC_FORMS),
    **{f"vercel {way}": ("vercel", client, VERCEL_FORMS) for way, client in VERCEL.items()},
}
STREAMS = [
    (name, form) for name, (_, _, forms) in STORIES.items() for form in forms if form.endswith("stream") and "structured" not in form
]
EVENTS = 45
"""More than any of the streams has."""
CUT = {
    wire: ProviderSpec(
        f"sim-{wire}-cut",
        wire=wire,
        models=(
            ModelSpec(f"{wire}-uncut/{NAMES[wire]}", NAMES[wire]),
            *(ModelSpec(f"{wire}-cut-{at}/{NAMES[wire]}", f"{NAMES[wire]}@@close/at:{at}/of:events") for at in range(EVENTS)),
        ),
        policy=KEPT,
    )
    for wire in BOTH
}
SPECS = (*cast(BOTH), *disguised((name, wire) for name in BOTH for wire in OTHERS), *CUT.values())
SAID = {
    "text",
    "content",
    "refusal",
    "name",
    "toolName",
    "city",
    "days",
    "arguments",
    "partial_json",
    "finish_reason",
    "finishReason",
    "output",
}
NOT_WORDS = ("reasoning", "thinking", "redacted", "custom", "step-start", "raw")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and simulated providers."""
    with simulated(tmp_path_factory.mktemp("javascript") / "home", SPECS) as place:
        yield place


@pytest.fixture(scope="module", params=STORIES)
def told(request, place):
    """One client's story, straight and at providers of the other formats."""
    story, client, forms = STORIES[request.param]
    targets = [client.through(place[0], str(wire), f"{wire}-as", forms=forms) for wire in OTHERS]
    return client, tell(story, [*targets, client.straight(place[1], forms=forms, threadless=True)])


def words(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """What a transcript says: words, calls with their arguments, why it ended; not how a stream is divided, and not the reasoning."""
    if isinstance(value, dict):
        if not str(value.get("type", "")).startswith(NOT_WORDS):
            for name, part in sorted(value.items()):
                if name != "tools":  # the request's own, repeated
                    yield from words(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from words(part, key)
    elif key in SAID and value not in {None, ""}:
        yield key, str(value)


def joined(value: object) -> list[tuple[str, str]]:
    """Neighbouring pieces of one kind put together."""
    pieces = list(words(comparable(value, IDS | CLOCKS)))
    groups: list[list[str]] = []
    for before, (key, text) in pairwise([("", ""), *pieces]):
        if before[0] == key:
            groups[-1][1] += text
        else:
            groups.append([key, text])
    return [(key, text) for key, text in groups]


@pytest.mark.parametrize("wire", OTHERS)
def test_other_formats_say_the_same_through_every_client(told, wire):
    client, outcomes = told
    for form, outcome in outcomes[client.called("through", str(wire))].items():
        assert "value" in outcome, (form, outcome)
        said = joined(outcome["value"])
        assert said == joined(outcomes[client.called("straight")][form]["value"]), form
        assert said, form


@pytest.mark.parametrize(("name", "form"), STREAMS)
def test_a_stream_that_is_cut_anywhere_throws(place, name, form):
    """Or the application has had the whole of it."""
    story, client, _ = STORIES[name]
    cuts = [client.through(place[0], str(at), f"{client.wire}-cut-{at}", forms=[form]) for at in range(EVENTS)]
    outcomes = tell(story, [*cuts, client.straight(place[1], forms=[form])])
    whole = comparable(outcomes[client.called("straight")][form], CLOCKS)
    found = [outcomes[client.called("through", str(at))][form] for at in range(EVENTS)]
    thrown = ["raised" in outcome for outcome in found]
    assert all(comparable(outcome, CLOCKS) == whole for outcome in found if "value" in outcome)
    assert thrown == sorted(thrown, reverse=True), "a longer piece was taken for the whole, or a shorter one"
    assert 8 < sum(thrown) < EVENTS
