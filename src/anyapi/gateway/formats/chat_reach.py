"""What in a chat completion's messages and tools reaches beyond the request: files stored at a provider, tools that a provider runs.

Only kinds and names of keys are looked at. Messages pass byte for byte: they are walked only where they hold the name of such a file.
"""

import msgspec

from anyapi.errors import BadRequest
from anyapi.gateway.formats.strict_json import Fields, policy_value
from anyapi.gateway.formats.tool_lists import tools_in, unknown_tool

FILE_KEY, ESCAPES = b'"file_id"', (b"\\u005", b"\\u006")
"""Without this key no part names a stored file: it is written plainly, or some of its letters are escaped."""
OWN = frozenset({"function", "custom"})
"""Kinds of tools that the client runs."""
SEARCH = "web_search"
_decode_text = msgspec.json.Decoder(str).decode


def refuse_stored_files(body: bytes, messages: msgspec.Raw) -> None:
    """Raise `BadRequest` where a part of the messages names a file that is stored at a provider; a doubled key there is refused too."""
    if _may_name(body):
        where = _stored_file(policy_value(messages, "messages"))
        if where is not None:
            raise BadRequest(
                f"{where} names a file stored at a provider, which this gateway never uses. Send the file itself, as file_data.", where
            )


def _may_name(body: bytes) -> bool:
    """Whether a part may name a stored file. Parts stand in a list inside the list of messages: most bodies have no second bracket.

    That is found out several times faster than that a text does not hold a word (measured), and so is the word from the end.
    """
    if body.find(b"[", body.find(b"[") + 1) < 0:
        return False
    return body.rfind(FILE_KEY) >= 0 or any(escape in body for escape in ESCAPES)


def _stored_file(messages: object) -> str | None:
    """Where the first one is named."""
    for at, message in enumerate(messages if isinstance(messages, list) else []):
        parts = message.get("content") if isinstance(message, dict) else None
        for number, part in enumerate(parts if isinstance(parts, list) else []):
            for holder in (part, *part.values()) if isinstance(part, dict) else ():
                if isinstance(holder, dict) and holder.get("file_id") is not None:
                    return f"messages[{at}].content[{number}]"
    return None


def has_web_search(tools: msgspec.Raw) -> bool:
    """Whether a tool searches the web. Raises `BadRequest` for one that no rule knows. What is no list of tools counts as a search."""
    found = tools_in(tools)
    if found is None:
        return True
    said = [_searches(fields, number) for number, fields in enumerate(found)]  # every one, to refuse what stands behind a search too
    return any(said)


def _searches(fields: Fields, number: int) -> bool:
    kind = _kind(fields)
    if kind.startswith(SEARCH):
        return True
    if kind not in OWN:
        raise unknown_tool(number)
    return False


def _kind(fields: Fields) -> str:
    """Its type; a tool that states none is taken for a function."""
    try:
        return _decode_text(fields["type"]) if "type" in fields else "function"
    except msgspec.DecodeError:
        return ""
