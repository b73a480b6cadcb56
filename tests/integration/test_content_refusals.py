"""A provider that declines for content reasons, in every client format at every provider's, whole and streamed.

It goes to the client unless `failover_on` asks for the next endpoint; a stream fails over as long as nobody has been told a word of it.
"""

import pytest
from tests.tools.gateway import simulated

from anyapi.simulator import FORMATS, ModelSpec, ProviderSpec, WireName, read_fault

REFUSES = read_fault('{"kind": "refusal", "style": "content_filter"}')
LATE = read_fault('{"kind": "refusal", "style": "late"}')
FIELD = read_fault('{"kind": "refusal", "style": "field"}')
WORDS = "The other endpoint says this."
SPECS = (
    *(
        ProviderSpec(f"sim-{wire}", wire=wire, models=(ModelSpec(f"acme/{wire}", f"{wire}-1", 1.0, 1.0),), faults=(REFUSES,))
        for wire in FORMATS
    ),
    ProviderSpec("sim-words", models=(ModelSpec("acme/words", "words-1", 1.0, 1.0),), faults=(FIELD,)),
    ProviderSpec(
        "sim-other",
        sentence=WORDS,
        models=tuple(ModelSpec(f"acme/{name}", f"{name}-2", 9.0, 9.0) for name in (*FORMATS, "words")),
    ),
)
BODIES = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 500},
    "/v1/responses": {"input": "Hello"},
}
ENDS = {
    "/v1/chat/completions": ('"finish_reason":"content_filter"', "data: [DONE]"),
    "/v1/messages": ('"stop_reason":"refusal"', '"message_stop"'),
    "/v1/responses": ('"reason":"content_filter"', '"response.incomplete"'),
}
"""What a refusal says in each format, and the end of its stream."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("refusals") / "home", SPECS) as (gateway, simulation):
        yield gateway, simulation


def ask(place, path, model, *, stream, **provider):
    """The answer's text, its status, and its usage row."""
    gateway, _ = place
    before = len(gateway.usage())
    answer = gateway.request("POST", path, {"model": f"acme/{model}", "stream": stream, "provider": provider, **BODIES[path]})
    (row,) = gateway.usage(before + 1)[before:]
    return answer.body.decode().replace('": ', '":'), answer.status, row


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("wire", FORMATS)
def test_the_next_endpoint_answers_where_that_is_asked_for(place, wire, path, stream):
    text, status, row = ask(place, path, wire, stream=stream, order=[f"sim-{wire}"], failover_on=["content_refusal"])
    assert status == 200
    assert WORDS.split()[1] in text
    assert ENDS[path][0] not in text
    assert (row.outcome, row.attempts, row.provider, row.streamed) == ("success", 2, "sim-other", stream)
    assert [endpoint for endpoint, _ in row.sent_to] == [f"sim-{wire}/{wire}-1", f"sim-other/{wire}-2"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("wire", FORMATS)
def test_the_refusal_goes_to_the_client_otherwise_and_costs_nothing(place, wire, path, stream):
    text, status, row = ask(place, path, wire, stream=stream, order=[f"sim-{wire}"])
    assert (row.attempts, row.provider, row.cost) == (1, f"sim-{wire}", 0.0)
    if wire is WireName.COHERE:  # an error with a status of its own
        assert (status, row.outcome) == (400, "bad_request")
        return
    says, end = ENDS[path]
    assert (status, row.outcome, row.streamed) == (200, "content_refused", stream)
    assert says in text
    assert not stream or end in text.rstrip().splitlines()[-1]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("wire", [wire for wire in FORMATS if wire is not WireName.COHERE])
def test_where_every_endpoint_refuses_the_last_refusal_goes_to_the_client(place, wire, path):
    gateway, simulation = place
    simulation.script("sim-other", [[REFUSES]])
    text, status, row = ask(place, path, wire, stream=True, order=[f"sim-{wire}"], failover_on=["content_refusal"])
    simulation.script("sim-other", [])
    says, end = ENDS[path]
    assert says in text
    assert text.count(says) == 1
    assert end in text.rstrip().splitlines()[-1]
    assert (status, row.outcome, row.attempts, row.provider, row.cost) == (200, "content_refused", 2, "sim-other", 0.0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_refusal_in_a_field_of_its_own_fails_over_too(place, path, stream):
    text, status, row = ask(place, path, "words", stream=stream, order=["sim-words"], failover_on=["content_refusal"])
    assert WORDS.split()[1] in text
    assert (status, row.outcome, row.attempts, row.provider, row.streamed) == (200, "success", 2, "sim-other", stream)
    text, status, row = ask(place, path, "words", stream=stream, order=["sim-words"])
    assert "cannot" in text
    assert (status, row.outcome, row.attempts, row.provider, row.streamed) == (200, "content_refused", 1, "sim-words", stream)
    assert row.cost > 0, "its words cost what they cost"


def test_a_stream_whose_client_was_told_words_stays(place):
    """A provider that serves responses itself tells a refusal as it comes."""
    text, status, row = ask(place, "/v1/responses", "words", stream=True, order=["sim-words"], failover_on=["content_refusal"])
    assert WORDS not in text
    assert (status, row.attempts, row.provider) == (200, 1, "sim-words")


@pytest.mark.parametrize("failover", [(), ("content_refusal",)], ids=["as is", "failover asked for"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("wire", [wire for wire in FORMATS if wire is not WireName.COHERE])
def test_a_filter_that_cuts_an_answer_short_is_no_success(place, wire, path, stream, failover):
    """Whole it may be followed by the next endpoint's; of a stream the client has words already, so it stays, with the filter's reason."""
    gateway, simulation = place
    simulation.script(f"sim-{wire}", [[LATE]])
    text, status, row = ask(place, path, wire, stream=stream, order=[f"sim-{wire}"], failover_on=list(failover))
    simulation.script(f"sim-{wire}", [])
    assert status == 200
    if failover and not stream:
        assert (row.outcome, row.attempts, row.provider) == ("success", 2, "sim-other")
        return
    says, end = ENDS[path]
    assert says in text
    assert text.count(says) == 1
    assert not stream or end in text.rstrip().splitlines()[-1]
    assert (row.outcome, row.status, row.attempts, row.provider, row.streamed) == ("content_refused", 200, 1, f"sim-{wire}", stream)
    assert row.tokens.completion > 0
    assert row.cost > 0, "words were said, and are charged as of any answer"
