"""`store` and `metadata`: what a client asks to have kept. Neither leaves as it came, in any format."""

import msgspec

from anyapi.domain.call import App
from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import refuse_large
from anyapi.gateway.formats.strict_json import FALSE, NULL, TRUE, Fields, policy_value
from anyapi.policy.parse import parse_app


def take_off(fields: Fields, *, unread: frozenset[str] = frozenset()) -> tuple[App | None, list[str]]:
    """Take both off. Gives the app fields that `metadata` held, and the names of those that asked for something.

    `unread` are names inside `metadata` that are not looked at. Raises `BadRequest` naming the field.
    """
    store = bytes(fields.pop("store", msgspec.Raw(NULL)))
    if store not in (TRUE, FALSE, NULL):
        raise BadRequest("store must be true or false.", "store")
    adjusted = ["store"] if store == TRUE else []
    metadata = fields.pop("metadata", msgspec.Raw(NULL))
    if bytes(metadata) == NULL:
        return None, adjusted
    refuse_large(metadata, "metadata")
    value = policy_value(metadata, "metadata")
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if name not in unread}
    return parse_app(value), [*adjusted, "metadata"]
