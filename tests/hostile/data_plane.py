"""An OpenAPI description of the data plane, for schemathesis alone: loose about what goes in, strict about the envelope of errors."""

from typing import Any

Json = dict[str, Any]
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer"}
ANY: Json = {"type": "object"}


def of(properties: Json, *required: str) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


POLICY = of(
    {
        "training_allowed": {"type": "boolean"},
        "retention_days": {"type": "number"},
        "paid_only": {"type": "boolean"},
        "data_class": {"enum": ["public", "internal", "confidential", "regulated"]},
        "providers": of({"only": {"type": "array", "items": TEXT}, "ignore": {"type": "array", "items": TEXT}}),
    }
)
MODEL: Json = {"enum": ["anthropic/claude-3.5-sonnet", "openai/gpt-4o-mini", "anyapi/auto", "unknown/model"]}
TURNS: Json = {"type": "array", "items": of({"role": {"enum": ["user", "assistant"]}, "content": TEXT}, "role", "content"), "minItems": 1}
ASKED: Json = {"model": MODEL, "data_policy": POLICY, "tags": {"type": "array", "items": TEXT}, "models": {"type": "array", "items": MODEL}}
OPENAI_ERROR = of(
    {"error": of({"code": COUNT, "type": TEXT, "message": TEXT, "metadata": ANY}, "code", "type", "message", "metadata")}, "error"
)
ANTHROPIC_ERROR = of({"type": {"const": "error"}, "error": of({"type": TEXT, "message": TEXT}, "type", "message")}, "type", "error")
BODIES: dict[str, Json] = {
    "chat/completions": of({**ASKED, "messages": TURNS, "max_tokens": COUNT, "temperature": {"type": "number"}}, "model", "messages"),
    "responses": of({**ASKED, "input": {"anyOf": [TEXT, TURNS]}, "store": {"type": "boolean"}, "instructions": TEXT}, "model", "input"),
    "embeddings": of(
        {"model": MODEL, "input": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]}, "data_policy": POLICY}, "model", "input"
    ),
    "explain": of({**ASKED}, "model"),
    "messages": of({**ASKED, "messages": TURNS, "max_tokens": COUNT, "system": TEXT}, "model", "messages", "max_tokens"),
    "messages/count_tokens": of({"model": MODEL, "messages": TURNS, "data_policy": POLICY}, "model", "messages"),
}
ANSWERS: dict[str, Json] = {
    "chat/completions": of({"id": TEXT, "choices": {"type": "array"}, "usage": ANY}, "id", "choices"),
    "responses": of({"id": TEXT, "output": {"type": "array"}, "status": TEXT}, "id", "output", "status"),
    "embeddings": of({"data": {"type": "array"}, "model": TEXT}, "data"),
    "messages": of({"id": TEXT, "content": {"type": "array"}, "role": {"const": "assistant"}}, "id", "content", "role"),
    "messages/count_tokens": of({"input_tokens": COUNT}, "input_tokens"),
    "models": of({"data": {"type": "array"}}, "data"),
    "privacy": of({"content_stored": {"const": False}, "stored": {"type": "array"}}, "content_stored", "stored"),
}
REFUSALS = (400, 401, 403, 404, 405, 413, 429)


def responses(name: str, *, public: bool) -> Json:
    error = ANTHROPIC_ERROR if name.startswith("messages") else OPENAI_ERROR
    wrong = {str(status): {"description": "refused", "content": {"application/json": {"schema": error}}} for status in REFUSALS}
    if public:
        del wrong["401"]
    return {"200": {"description": "done", "content": {"application/json": {"schema": ANSWERS.get(name, ANY)}}}, **wrong}


def description() -> Json:
    """The whole of it."""
    paths: Json = {}
    for name, body in BODIES.items():
        operation = {
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": responses(name, public=False),
        }
        paths[f"/v1/{name}"] = {"post": operation}
    for name in ("models", "key", "privacy"):
        operation = {"responses": responses(name, public=name == "privacy"), "parameters": []}
        if name == "privacy":
            operation["security"] = []
        if name == "models":
            operation["parameters"] = [{"name": "eligible", "in": "query", "schema": TEXT}]
        paths[f"/v1/{name}"] = {"get": operation}
    part = [{"name": each, "in": "path", "required": True, "schema": TEXT} for each in ("author", "slug")]
    paths["/v1/models/{author}/{slug}/endpoints"] = {"get": {"parameters": part, "responses": responses("endpoints", public=False)}}
    schemes = {"key": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "The data plane", "version": "0"},
        "paths": paths,
        "components": {"securitySchemes": schemes},
        "security": [{"key": []}],
    }
