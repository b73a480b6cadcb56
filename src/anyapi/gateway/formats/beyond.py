"""Fields by which a provider would send content further, keep it, or choose who answers: judged alike in every client format.

A field that nobody here knows passes on, so that nothing new is lost; these are known, and a decision would not have seen them.
"""

import msgspec

from anyapi.domain.call import Facts
from anyapi.errors import BadRequest
from anyapi.gateway.formats.strict_json import Fields, policy_value

REFUSED = {
    "plugins": "has the provider send content to services that no decision saw",
    "data_sources": "has the provider ask a host that no decision saw",
    "mcp_servers": "has the provider send content to hosts that no decision saw",
    "preset": "names settings that are stored at a provider",
    "deferred": "has the provider keep the answer until somebody fetches it",
    "enable_code_interpreter": "has the provider run code in a place that no decision saw",
    **dict.fromkeys(
        ("fallback_models", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks"),
        "lets the provider choose a model that no decision saw",
    ),
    **dict.fromkeys(("api_base", "base_url", "user_config"), "has a proxy send content to a host that no decision saw"),
    **dict.fromkeys(
        ("kv_transfer_params", "bootstrap_host"),
        "has a server hand what it made of the prompt to a host that no decision saw",
    ),
    "inference_geo": "chooses where it runs, which no decision saw",
    "container": "has the provider keep files",
    "thread": "has the provider keep the conversation",
}
SEARCHING = frozenset(
    {"search_parameters", "search_settings", "web_search_options", "enable_search", "venice_parameters", "compound_custom"}
)
"""Fields that have the provider search the web, or fetch pages: rules see it as `web_search`."""
SWITCHES = frozenset({"enable_search"})
"""Of these, those that false switches off."""
KEEPING, CACHING = "prompt_cache_retention", "prompt_cache_options"
"""Have the provider keep the prompt for longer: not sent, as far as they do."""
KEPT = frozenset({KEEPING, CACHING})
SHORT, SHORTEST = b'"in_memory"', "30m"
"""What keeps it no longer than where nothing is said. OpenAI keeps it for 24 hours then, for most."""
COMPARED = "comparison_response_id"
"""Of the options: an answer that is stored at the provider."""
MODALITIES = frozenset({"modalities", "output_modalities", "response_modalities", "responseModalities"})
"""Fields that list what an answer may hold."""
NO_IMAGES, NO_AUDIO = frozenset({"text", "audio"}), frozenset({"text", "image"})
"""What they may list without asking for images, or for speech, in any case. Whatever else stands there may be either."""
PICTURING = frozenset(
    {
        "image_config",
        "imageConfig",
        "image_generation",
        "return_images",
        "media_response",
    }
)
"""Fields that say how images are made or have them sent along (OpenRouter, Perplexity)."""
SETTINGS = frozenset({"generation_config", "generationConfig", "google"})
"""Settings of another API, that may ask for images, and for speech."""
IMAGE_ASKING = PICTURING | SETTINGS
NOTHING = frozenset({b"null", b"[]", b"{}", b"false"})
NULLS = frozenset({b"null"})

_decode_words = msgspec.json.Decoder(list[str] | None).decode


def searches(fields: Fields) -> bool:
    """Whether a field has the provider search the web. Raises `BadRequest` for a field that reaches where no rule looks."""
    for name in REFUSED.keys() & fields.keys():
        if bytes(fields[name]) not in NOTHING:
            raise BadRequest(f"{name} {REFUSED[name]}. Leave it out.", name)
    return any(bytes(fields[name]) not in (NOTHING if name in SWITCHES else NULLS) for name in SEARCHING & fields.keys())


def pictures(fields: Fields) -> bool:
    """Whether a field asks for images in the answer, as far as anybody can tell: what cannot be read does."""
    return _says(fields, IMAGE_ASKING) or _lists_more(fields, NO_IMAGES)


def speaks(fields: Fields) -> bool:
    """The same of speech."""
    return _says(fields, SETTINGS) or _lists_more(fields, NO_AUDIO)


def _says(fields: Fields, names: frozenset[str]) -> bool:
    return any(bytes(fields[name]) not in NOTHING for name in names & fields.keys())


def _lists_more(fields: Fields, known: frozenset[str]) -> bool:
    return any(_has_more(fields[name], known) for name in MODALITIES & fields.keys())


def _has_more(raw: msgspec.Raw, known: frozenset[str]) -> bool:
    try:
        return not known.issuperset(map(str.lower, _decode_words(raw) or ()))
    except (msgspec.DecodeError, RecursionError):
        return True


def seen(facts: Facts, fields: Fields, *, searches_by_tool: bool = False) -> Facts:
    """The facts of a request with what its fields reach. Raises `BadRequest` for a field that reaches where no rule looks."""
    search, images, audio = searches(fields) or searches_by_tool, pictures(fields), speaks(fields)
    if not (search or images or audio):
        return facts
    return msgspec.structs.replace(facts, web_search=search, image_output=images, audio_output=audio)


def take_keeping(fields: Fields, *, short: bool = False) -> tuple[str, ...]:
    """Take off what would have the prompt kept; the names of what was taken and said something. Raises `BadRequest`.

    `short`: the format has the field, and what shortens the time stays.
    """
    raw = bytes(fields.pop(KEEPING, b"null"))
    if short and raw == SHORT:
        fields[KEEPING] = msgspec.Raw(raw)
        raw = b"null"
    return ((KEEPING,) if raw != b"null" else ()) + (_take_options(fields) if CACHING in fields else ())


def _take_options(fields: Fields) -> tuple[str, ...]:
    """Of the options of a cache, take off the time and what is stored."""
    options = policy_value(fields[CACHING], CACHING)  # refuses a key that stands twice
    if options is None:
        return ()
    if not isinstance(options, dict):
        raise BadRequest(f"{CACHING} must be an object.", CACHING)
    taken = [name for name, harmless in (("ttl", (None, SHORTEST)), (COMPARED, (None,))) if options.get(name) not in harmless]
    if taken:
        fields[CACHING] = msgspec.Raw(msgspec.json.encode({name: value for name, value in options.items() if name not in taken}))
    return tuple(f"{CACHING}.{name}" for name in taken)
