"""Events as Anthropic writes them."""

from tests.unit.upstream.translate.anthropic_events import events_of, joined

from anyapi.upstream.translate.anthropic_event_writer import EventWriter


def test_a_message():
    writer = EventWriter()
    assert (writer.take(), writer.blocks) == (b"", 0)
    for _ in range(2):
        writer.begin("msg_1", "m", {"input_tokens": 0, "output_tokens": 0})
    writer.begin_block(b'{"type":"thinking","thinking":"","signature":""}')
    writer.thinking("h\u00e9")
    writer.signature("S")
    writer.end_block()
    writer.begin_block(b'{"type":"text","text":""}')
    writer.text(b'"a\\n"')
    writer.end_block()
    first = writer.take()
    assert writer.take() == b""
    writer.begin_block(b'{"type":"tool_use","id":"t","name":"f","input":{}}')
    writer.arguments('{"a":')
    writer.arguments("1}")
    writer.end_block()
    writer.end("tool_use", {"output_tokens": 3})
    released = first + writer.take()
    assert writer.blocks == 3
    assert [event["type"] for event in events_of(released)].count("message_start") == 1
    message, ended = joined(released)
    assert ended
    assert message == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "h\u00e9", "signature": "S"},
            {"type": "text", "text": "a\n"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 3},
    }
