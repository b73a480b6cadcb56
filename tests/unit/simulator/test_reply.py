from anyapi.simulator.answer import Answer, Choice
from anyapi.simulator.ledger import Outcome
from anyapi.simulator.reply import AWS_EVENTS, EVENTS, JSON, Reply, answered, frame, json_reply
from anyapi.simulator.steps import End, How, Send


def wire(steps):
    return b"".join(step.data for step in steps if isinstance(step, Send))


def test_a_body_has_its_length():
    reply = json_reply({"a": 1}, 201)
    steps = frame(reply, How.KEEP)
    assert wire(steps) == (
        b'HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 7\r\nconnection: keep-alive\r\n\r\n{"a":1}'
    )
    assert steps[-1] == End(How.KEEP)
    assert reply.head_size == len(wire(steps)) - 7


def test_an_event_stream_is_chunked_one_chunk_an_event():
    steps = frame(Reply(200, [Send(b"data: 1\n\n", 1), Send(b"data: 2\n\n", 1)], EVENTS), How.CLOSE)
    assert wire(steps).endswith(b"connection: close\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")
    assert steps[-1] == End(How.CLOSE)
    assert [step.events for step in steps[:-1]] == [0, 1, 1, 0]


def test_a_wrong_length_is_never_negative():
    reply = json_reply(1)
    reply.length_error = -50
    assert b"content-length: 0\r\n" in wire(frame(reply, How.KEEP))


def test_replace_costs_nothing():
    reply = Reply(200, [Send(b"x", 1, 4, usage=True)], prompt_tokens=3, completion_tokens=4, reported=(3, 4))
    reply.replace(500, b"no", Outcome.ERROR)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.reported) == (0, 0, None)
    assert reply.body == [Send(b"no")]


def test_an_answer_brings_its_counts():
    answer = Answer((Choice("abcd", reasoning="efgh"),), 5, cache_read=2, cache_written=1)
    reply = answered(answer, Outcome.ANSWERED)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.reported) == (5, 2, (5, 2))
    assert (reply.cache_read_tokens, reply.cache_written_tokens, reply.reasoning_tokens) == (2, 1, 1)
    reply.replace(500, b"no", Outcome.ERROR)
    assert (reply.cache_read_tokens, reply.cache_written_tokens, reply.reasoning_tokens) == (0, 0, 0)


def test_two_kinds_of_streams():
    kinds = [(Reply(200, [], kind).streamed, Reply(200, [], kind).framed) for kind in (JSON, EVENTS, AWS_EVENTS)]
    assert kinds == [(False, False), (True, False), (True, True)]


def test_content_is_not_printed():
    assert repr(json_reply("secret")) == "<Reply 200>"
