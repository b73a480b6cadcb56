"""The description of the control API (OpenAPI 3.1): what the framework makes of the handlers, with what it cannot know.

That is who may call, by session and page's token or by provisioning key, and the errors in the envelope that `problems.py` writes.
"""

import re
from http import HTTPStatus

from litestar import Litestar

from anyapi.control.permissions import CSRF_HEADER, SAFE, cookie_name, handlers
from anyapi.domain.people import Permission

Json = dict[str, object]
PROBLEM: Json = {
    "title": "Problem",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "type", "message", "metadata"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "type": {"type": "string", "description": "A coded name."},
                "message": {"type": "string", "description": "For people: what happened and what to do."},
                "metadata": {"type": "object"},
            },
        }
    },
}
GUESSED = ("/api/session", "/api/session/password")
"""Where a password is tried: too many tries wait."""


def described(app: Litestar, *, secure: bool = False) -> Json:
    """The whole description. `secure`: as it is over TLS, where the session's cookie has another name."""
    schema = app.openapi_schema.to_schema()
    paths: dict[str, dict[str, Json]] = schema["paths"]
    permissions = {_place(name): handler.opt.get("permission") for name, handler in handlers(app)}
    for path in [path for path in paths if path.startswith("/api/openapi")]:
        del paths[path]
    for path, operations in paths.items():
        for method, operation in operations.items():
            _complete(operation, path, method.upper(), permissions[method.upper(), path])
    components: dict[str, Json] = schema["components"]
    for operations in paths.values():
        for operation in operations.values():
            _close(operation.get("requestBody"), components["schemas"])
    components["schemas"]["Problem"] = PROBLEM
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": cookie_name(secure=secure)},
        "page": {"type": "apiKey", "in": "header", "name": CSRF_HEADER, "description": "With every change; `GET /api/session` says it."},
        "provisioning": {"type": "http", "scheme": "bearer", "description": "`anyapi provisioning create` makes one."},
    }
    return schema


_MAY_BE_MISSING = re.compile(r"\{|/oidc|/rankings$")
"""Paths of what there may be none of."""
_MAY_CONFLICT = re.compile(r"/members|/(keys|rotation|agreements|gateway/settings)$|/\{account\}/settings/[^/]*/\{subject\}$")
"""Paths of changes that what stands there may forbid."""


def _complete(operation: Json, path: str, method: str, permission: object) -> None:
    """`permission`: what the handler asks for; None where anybody may call it."""
    changes, public, provision = method not in SAFE, permission is None, permission is Permission.PROVISION
    operation["security"] = [] if public else [_needed(changes=changes, provision=provision)]
    guessed = path in GUESSED and method == "POST"
    statuses = {
        400: True,
        401: not public or guessed,
        403: changes or not (public or provision),
        404: bool(_MAY_BE_MISSING.search(path)),
        409: changes and bool(_MAY_CONFLICT.search(path)),
        413: "requestBody" in operation,
        429: guessed or path.endswith("/archive"),
        503: True,
    }
    _add_problems(operation, [status for status, comes in statuses.items() if comes])


def _close(part: object, schemas: Json) -> None:
    """A body has no fields but those that are described; the framework leaves that out."""
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        if not isinstance(value, str):
            _close(value, schemas)
            continue
        named = schemas.get(value.rpartition("#/components/schemas/")[2])
        if isinstance(named, dict) and named.get("type") == "object" and "additionalProperties" not in named:
            named["additionalProperties"] = False
            _close(named, schemas)


def _needed(*, changes: bool, provision: bool) -> Json:
    """The credentials of a call that is not open to anybody."""
    if provision:
        return {"provisioning": []}
    return {"session": [], "page": []} if changes else {"session": []}


def _add_problems(operation: Json, statuses: list[int]) -> None:
    responses = operation["responses"]
    if isinstance(responses, dict):
        for status in statuses:
            answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": answer}


def _place(name: str) -> tuple[str, str]:
    """Method and path as the description writes them."""
    methods, _, path = name.partition(" ")
    return next(method for method in methods.split("/") if method != "HEAD"), re.sub(r":\w+}", "}", path)
