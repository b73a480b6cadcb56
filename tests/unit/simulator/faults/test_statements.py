import json

import pytest
from tests.unit.simulator.raw_client import ask, chat, stream

from anyapi.simulator import read_fault as fault
from anyapi.simulator.event_stream import encode, payload_of
from anyapi.simulator.faults.statements import States
from anyapi.simulator.reply import AWS_EVENTS, Reply
from anyapi.simulator.steps import Send

SAYS = '{"kind":"states","headers":{"x-zero-data-retention":"false"},"fields":{"provider":"DeepSeek","store":true}}'


def scripted(sim, *faults):
    sim.script("sim-zero", [list(faults)])
    return sim.simulation["sim-zero"].port


def test_headers_and_fields_of_a_whole_answer(sim):
    answer = ask(scripted(sim, fault(SAYS)), chat())
    assert b"x-zero-data-retention: false" in answer.head
    assert (answer.json["provider"], answer.json["store"]) == ("DeepSeek", True)
    assert answer.json["choices"][0]["message"]["content"]


def test_every_event_of_a_stream(sim):
    plain = ask(scripted(sim), stream()).events
    events = ask(scripted(sim, fault(SAYS)), stream()).events
    assert len(events) == len(plain)
    assert {event["provider"] for event in events[:-1]} == {"DeepSeek"}


def test_a_text_of_a_hostile_size(sim):
    port = scripted(sim, fault('{"kind":"states","headers":{"x-note":"ab"},"fields":{"provider":"xy","store":1},"times":5000}'))
    answer = ask(port, chat())
    assert b"x-note: " + b"ab" * 5000 + b"\r\n" in answer.head
    assert (answer.json["provider"], answer.json["store"]) == ("xy" * 5000, 1)


def test_within_the_response_of_an_event_of_responses():
    event = b'event: response.created\ndata: {"type":"response.created","response":{"store":false}}\n\n'
    reply = Reply(200, [Send(event, 1), Send(b"data: [DONE]\n\n", 1)], b"text/event-stream; charset=utf-8", headers=[])
    States(fields={"store": b"true"}).on_reply(reply, None)
    assert json.loads(reply.body[0].data.split(b"data: ")[1])["response"] == {"store": True}
    assert reply.body[0].data.startswith(b"event: response.created\ndata: ")
    assert reply.body[1].data == b"data: [DONE]\n\n"


def test_frames_too():
    reply = Reply(200, [Send(encode({":event-type": "x"}, b'{"a":1}'), 1)], AWS_EVENTS, headers=[])
    States(fields={"provider": b'"x"'}).on_reply(reply, None)
    assert json.loads(payload_of(reply.body[0].data)) == {"a": 1, "provider": "x"}


@pytest.mark.parametrize("status", [400, 500])
def test_an_error_gets_the_headers_only(sim, status):
    answer = ask(scripted(sim, fault(f'{{"kind":"status","status":{status}}}'), fault(SAYS)), chat())
    assert answer.status == status
    assert b"x-zero-data-retention: false" in answer.head
    assert "provider" not in answer.json


def test_the_statement_is_not_printed():
    assert "canary" not in repr(fault('{"kind":"states","fields":{"provider":"canary"}}'))
