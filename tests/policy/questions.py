"""Requests in every client format, written from the same words, and what the oracle is asked about them.

A request is a dict: `form`, `models`, `features` (what it uses), `stream`, `tags`, `data_policy`, `provider`, `seed` (of the order of its
fields). Imports nothing of the product.
"""

import itertools
import json
import random

FEATURES = ("tools", "reasoning", "schema", "image", "file", "audio", "search", "pictures", "speech", "long", "limit")
ABILITY = {"tools": "tools", "reasoning": "reasoning", "schema": "structured_outputs", "image": "vision", "file": "pdf_input", "audio": "audio_input"}  # fmt: skip
SEARCH = {
    "chat": {"type": "web_search"},
    "messages": {"type": "web_search_20250305", "name": "web_search"},
    "responses": {"type": "web_search"},
}
TOOL = {
    "chat": {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
    "messages": {"name": "f", "input_schema": {"type": "object"}},
    "responses": {"type": "function", "name": "f", "parameters": {"type": "object"}},
}
FIELDS = {
    "reasoning": {"chat": {"reasoning_effort": "high"}, "messages": {"thinking": {"type": "adaptive"}}, "responses": {"reasoning": {"effort": "low"}}},
    "schema": {
        "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}},
        "messages": {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
        "responses": {"text": {"format": {"type": "json_schema", "name": "a", "schema": {}}}},
    },
    "pictures": dict.fromkeys(("chat", "messages", "responses"), {"modalities": ["image", "text"]}),
    "speech": dict.fromkeys(("chat", "messages", "responses"), {"output_modalities": ["text", "audio"]}),
    "limit": {"chat": {"max_completion_tokens": 4097}, "messages": {"max_tokens": 4097}, "responses": {"max_output_tokens": 4097}},
}  # fmt: skip
PART = {
    "image": {"chat": {"type": "image_url", "image_url": {"url": "https://example.com/a"}}, "messages": {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}}, "responses": {"type": "input_image", "image_url": "https://example.com/a"}},
    "file": {"chat": {"type": "file", "file": {"file_data": "d"}}, "messages": {"type": "document", "source": {"type": "url", "url": "https://example.com/a"}}, "responses": {"type": "input_file", "file_url": "https://example.com/a"}},
    "audio": {"chat": {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "responses": {"type": "input_audio", "input_audio": {}}},
}  # fmt: skip
WORDS = "The lamp is replaced free of charge. "


def body_of(asked: dict) -> dict:
    """The request as a client of its format writes it, its fields in some order."""
    form, features = asked["form"], [name for name in asked["features"] if name != "audio" or asked["form"] != "messages"]
    first, *rest = asked["models"]
    body: dict = {"model": first}
    if rest:
        body["models"] = rest
    text = WORDS * (1500 if "long" in features else 1)
    if form == "embeddings":
        body["input"] = text
    else:
        parts = [PART[name][form] for name in features if name in PART]
        words = {"type": "input_text" if form == "responses" else "text", "text": text}
        body["input" if form == "responses" else "messages"] = [{"role": "user", "content": [words, *parts] if parts else text}]
        tools = [TOOL[form]] * ("tools" in features) + [SEARCH[form]] * ("search" in features)
        body |= {"tools": tools} if tools else {}
        body |= {"max_tokens": 16} if form == "messages" else {}
        for name in features:
            body |= FIELDS.get(name, {}).get(form, {})
        body["stream"] = asked["stream"]
    for name in ("data_policy", "provider"):
        if asked[name]:
            body[name] = asked[name]
    if asked["tags"]:
        body["tags"] = [f"chat_completions:{tag}" for tag in asked["tags"]]
    return dict(random.Random(asked["seed"]).sample(list(body.items()), len(body)))


def question_of(asked: dict, body: dict) -> dict:
    """The same as the oracle takes it, read from the words and from the sizes of the body's fields alone."""
    features = [name for name in asked["features"] if name != "audio" or asked["form"] != "messages"]
    needed = {ABILITY[name] for name in features if name in ABILITY} | ({"tools"} if "search" in features else set())
    sent = {name: value for name, value in body.items() if name not in {"data_policy", "provider", "tags", "models"}}
    third = -(-sum(len(json.dumps(value)) for value in sent.values()) // 3)
    limit = 4097 if "limit" in features else 16 if asked["form"] == "messages" else 0
    return {
        "models": asked["models"],
        "needs": needed,
        "stream": asked["stream"],
        "prompt": next(size for size in _sizes() if size >= third),
        "answer": limit,
        "tags": list(asked["tags"]),
        "web_search": "search" in features,
        "image_output": "pictures" in features,
        "audio_output": "speech" in features,
        "operation": "embeddings" if asked["form"] == "embeddings" else "chat_completions",
        "least_tokens": 512 if asked["form"] == "embeddings" and "long" in features else 0,
        "max_price": asked["provider"].get("max_price", {}),
        "require_parameters": asked["form"] != "embeddings" and asked["provider"].get("require_parameters", False),
    }


def _sizes():
    """Every number with at most four binary digits before its zeros."""
    yield from range(16)
    for zeros in itertools.count(1):
        yield from (digits << zeros for digits in range(8, 16))
