"""Names of fields that look like ours and are not, and what is left of other gateways' fields.

A field that nobody here knows passes on, so that nothing new is lost. That must not hold for a policy whose name is misspelt, or that
stands one level too high: it would be passed over without a word, and the prompt with it.
"""

import difflib

import msgspec

from anyapi.errors import BadRequest
from anyapi.gateway.formats.extent import LONG, refuse_large
from anyapi.gateway.formats.field_names import OBJECTS, PLAIN
from anyapi.gateway.formats.strict_json import Fields, policy_value
from anyapi.policy.parse import DATA_POLICY, GATEWAY_OPTIONS, PROVIDER
from anyapi.policy.wire_values import is_field_name

WRAPPERS = ("extra_body", "extra_headers")
"""Arguments of SDKs. One that does not know them sends them as they are, and a policy inside would be lost without a word."""
COMMON = frozenset({"only", "ignore", "order", "sort"})
"""Names inside `provider` that may mean anything else elsewhere."""
INSIDE = {
    "data_policy": DATA_POLICY,
    "provider": tuple(name for name in PROVIDER if name not in COMMON),
    "providerOptions.gateway": GATEWAY_OPTIONS,
}
ELSEWHERE = ("route", "transforms")
"""Other gateways' words that mean nothing here."""
SPACERS = str.maketrans("", "", "_-. ")
LONGEST = 40
MOST_OPTIONS = 100
"""Providers that `providerOptions` may name."""
SURE = 0.8
"""How alike a name and one of ours must be to be taken for a slip."""


def _plain(name: str) -> str:
    """A name as it is told from others here: without case and what stands between its words."""
    return name.lower().translate(SPACERS)


MEANT = {_plain(name): name for name in OBJECTS} | {_plain(name): f"{where}.{name}" for where, names in INSIDE.items() for name in names}
"""By its plain form, the field that is meant by a name that is not the field's own, or stands in the wrong place."""
NEAR = {_plain(name): name for name in OBJECTS if name != "provider"}


def refuse_misspelt(fields: Fields) -> None:
    """Raise `BadRequest` for a name by which a policy would be passed over in silence."""
    for name in fields.keys() - PLAIN:
        if name in WRAPPERS:
            raise BadRequest(f"{name} is an argument of SDKs, not a field: nothing in it is read. Send what it holds beside model.", name)
        if name not in OBJECTS and len(name) <= LONGEST:
            _refuse_like_ours(name)


def _refuse_like_ours(name: str) -> None:
    plain = _plain(name)
    meant = MEANT.get(plain)
    if meant is None:
        close = difflib.get_close_matches(plain, NEAR, 1, SURE) if plain[:1] in ("d", "p") else []
        if not close:
            return
        meant = NEAR[close[0]]
    shown = name if is_field_name(name) else "body"
    raise BadRequest(f"`{shown}` is no field here, and what it asks for would be passed over. Did you mean `{meant}`?", shown)


def take_foreign(policy: Fields) -> tuple[str, ...]:
    """Leave of other gateways' fields what is read here. Gives the names of those that said something else. Raises `BadRequest`."""
    for name, raw in policy.items():
        refuse_large(raw, name, *((LONG,) if name == "providerOptions" else ()))
    left_out = [name for name in ELSEWHERE if bytes(policy.get(name, b"null")) != b"null"]
    if "providerOptions" in policy and _keep_own_options(policy):
        left_out.append("providerOptions")
    return tuple(left_out)


def _keep_own_options(policy: Fields) -> bool:
    """Of `providerOptions` only the part for a gateway is ours. The rest may be any text, so it must not get into a memo."""
    value = policy_value(policy.pop("providerOptions"), "providerOptions")
    if not isinstance(value, dict):
        raise BadRequest("providerOptions must be an object.", "providerOptions")
    if len(value) > MOST_OPTIONS:
        raise BadRequest(f"providerOptions may name {MOST_OPTIONS} providers.", "providerOptions")
    for name in value:
        if name != "gateway" and len(name) <= LONGEST and difflib.get_close_matches(_plain(name), ("gateway",), 1, SURE):
            raise BadRequest("A name in providerOptions is like `gateway`, and only `gateway` is read.", "providerOptions")
    if "gateway" in value:
        policy["providerOptions"] = msgspec.Raw(msgspec.json.encode({"gateway": value["gateway"]}))
    return any(name != "gateway" and bool(each) for name, each in value.items())
