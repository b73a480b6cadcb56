import base64
import json

import pytest

from anyapi.simulator.call import Parts, Rejected, Tool
from anyapi.simulator.gemini_read import read_request
from anyapi.simulator.seal import seal
from anyapi.simulator.wire import Target

HELLO = {"role": "user", "parts": [{"text": "Hello"}]}
USE = {"role": "user", "parts": [{"text": "use the tools"}]}
TOOLS = [
    {"functionDeclarations": [{"name": "one", "parameters": {"type": "OBJECT"}}]},
    {"functionDeclarations": [{"name": "two"}]},
    {"googleSearch": {}},
]
CALL, RESPONSE = (
    {"functionCall": {"name": "one", "args": {"snake_case": 1}}},
    {"functionResponse": {"name": "one", "response": {"result": "ij"}}},
)


def read(*contents, target=Target("m"), **fields):
    return read_request(json.dumps({"contents": list(contents) or [HELLO], **fields}).encode(), target)


def test_all_text_counts_and_attachments_are_counted():
    image, document = {"inlineData": {"mimeType": "image/png", "data": ""}}, {"fileData": {"mimeType": "application/pdf", "fileUri": "x"}}
    thought = {"text": "not counted", "thought": True, "thoughtSignature": seal("x")}
    contents = [
        {"parts": [{"text": "cd"}, image, document]},
        {"role": "model", "parts": [thought, {"text": "ef"}, CALL]},
        {"role": "user", "parts": [RESPONSE]},
    ]
    call = read(*contents, systemInstruction={"parts": [{"text": "ab"}]})
    assert call.prompt_bytes == len("abcdefij")
    assert call.parts == Parts(images=1, documents=1, tool_results=1)


@pytest.mark.parametrize(
    ("contents", "calling", "names"),
    [
        ([HELLO], {}, []),
        ([USE], {}, ["one", "two"]),
        ([USE], {"mode": "NONE"}, []),
        ([USE], {"mode": "VALIDATED"}, ["one", "two"]),
        ([HELLO], {"mode": "ANY"}, ["one"]),
        ([HELLO], {"mode": "ANY", "allowedFunctionNames": ["two"]}, ["two"]),
        ([HELLO], {"mode": "ANY", "allowed_function_names": ["two"]}, ["two"]),
        ([USE, {"role": "model", "parts": [CALL]}, {"role": "user", "parts": [RESPONSE]}], {}, []),
    ],
)
def test_tools(contents, calling, names):
    call = read(*contents, tools=TOOLS, toolConfig={"functionCallingConfig": calling})
    assert [tool.name for tool in call.uses] == names


def test_a_tools_schema_in_either_spelling():
    declared = [{"name": "one", "parametersJsonSchema": {"type": "string"}}]
    assert read(USE, tools=[{"functionDeclarations": declared}]).uses == (Tool("one", {"type": "string"}),)


def test_generation():
    config = {
        "maxOutputTokens": 3,
        "stopSequences": ["x"],
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 4,
        "responseMimeType": "application/json",
        "responseSchema": {"type": "STRING", "snake_case": 1},
        "thinkingConfig": {"include_thoughts": True},
        "topK": 40,
    }
    call = read(generationConfig=config)
    assert (call.max_tokens, call.stops, call.choices, call.logprobs, call.json_object) == (3, ("x",), 2, 4, True)
    assert call.schema == {"type": "STRING", "snake_case": 1}
    assert (call.reasoning, call.hide_reasoning) == (True, False)
    assert read(generationConfig={"responseJsonSchema": {"type": "null"}}).schema == {"type": "null"}


@pytest.mark.parametrize(
    ("config", "reasons", "hidden"), [({}, True, True), ({"thinkingBudget": 0}, False, True), ({"thinkingLevel": "LOW"}, True, True)]
)
def test_thinking(config, reasons, hidden):
    call = read(generationConfig={"thinkingConfig": config})
    assert (call.reasoning, call.hide_reasoning) == (reasons, hidden)
    assert not read().reasoning


def test_the_path_decides():
    call = read(target=Target("gemini-x", stream=True))
    assert (call.model, call.stream) == ("gemini-x", True)


def test_counting_takes_the_request_in_either_form():
    wrapped = {"generateContentRequest": {"model": "models/m", "contents": [HELLO], "systemInstruction": {"parts": [{"text": "abc"}]}}}
    assert read_request(json.dumps(wrapped).encode(), Target("m", count=True)).prompt_bytes == 8
    assert read(target=Target("m", count=True)).prompt_bytes == 5


@pytest.mark.parametrize(
    "mark", [seal("x"), "skip_thought_signature_validator", base64.b64encode(b"skip_thought_signature_validator").decode()]
)
def test_marks_that_come_back(mark):
    assert read(HELLO, {"role": "model", "parts": [{"text": "a", "thoughtSignature": mark}]}, HELLO).model == "m"


@pytest.mark.parametrize(
    ("contents", "fields", "word"),
    [
        ([], {"contents": []}, "at least one"),
        ([{"role": "assistant", "parts": [{"text": "x"}]}], {}, "valid role"),
        ([{"role": "user", "parts": []}], {}, "must not be empty"),
        ([HELLO], {"temperature": 1}, "unknown field `temperature`"),
        ([HELLO], {"generationConfig": {"max_tokens": 1}}, "unknown field `maxTokens`"),
        ([HELLO], {"cachedContent": "cachedContents/x"}, "nothing is kept"),
        ([HELLO], {"generationConfig": {"candidateCount": 9}}, "candidateCount"),
        ([HELLO, {"role": "model", "parts": [{"text": "a", "thoughtSignature": "AAAA"}]}], {}, "signature"),
        ([USE, {"role": "model", "parts": [CALL, CALL]}, {"role": "user", "parts": [RESPONSE]}], {}, "number of function response parts"),
        ([{"role": "user", "parts": [RESPONSE]}], {}, "number of function response parts"),
    ],
)
def test_what_google_would_refuse(contents, fields, word):
    with pytest.raises(Rejected) as caught:
        read(*contents, **fields)
    assert caught.value.status in {400, 403}
    assert word in caught.value.message
