"""Whether a provider's error says that it declines what was asked because of its content. Pure; nothing here raises or keeps a word of it.

Codes count, and fields that only such an error has. Words count where a provider has no code for it, and then as the whole of its message,
or beside its code as how it begins: providers repeat what callers wrote in their messages, and that must not make a refusal of any other
error. A wording that changed is none. What is not looked at: the HTTP status.
"""

import re
from collections.abc import Mapping

CODES = frozenset(
    {
        "content_filter",  # OpenAI, Azure, Moonshot
        "contentfilter",
        "content_policy_violation",  # OpenAI, OpenRouter
        "moderation_blocked",
        "bio_policy", "cyber_policy", "image_content_policy_violation", "misalignment_policy_violation",  # OpenAI
        "responsibleaipolicyviolation",  # Azure
        "data_inspection_failed", "datainspectionfailed",  # Alibaba
        "refusal",  # OpenRouter, of a host that declined with an error
    }
)  # fmt: skip
"""In lower case: what an error's code, type, status or reason is then."""
WHOLE = re.compile(
    r"content violates usage guidelines\.?(?: .{0,500}failed check: \w{1,80}\.?)?"  # xAI
    r"|content exists risk(?: \(request[ _]id: [\w-]{1,80}\))?"  # DeepSeek
    r"|(?:input|output) new_sensitive(?: \(102[67]\))?"  # MiniMax
    r"|(?:the model returned the following errors: )?output blocked by content filtering policy\.?",  # Anthropic, Bedrock
    re.DOTALL,
)
"""All of a message, in lower case."""
BEGINNINGS: Mapping[str, tuple[str, ...]] = {
    "invalid_prompt": (
        "invalid prompt: your prompt was flagged as potentially violating our usage policy",
        "invalid prompt: we've limited access to this content for safety reasons",
    ),  # OpenAI's models that reason; the same code says that a prompt is not of the format
    "1301": ("system detected potentially unsafe or sensitive content", "\u7cfb\u7edf\u68c0\u6d4b\u5230"),  # Z.ai, in two languages
}
"""How the message begins that a code stands beside, in lower case."""
BARE = "content violates usage guidelines. "
"""How xAI begins where its error is a mere string, in lower case. The code beside it is the one of a credential that is refused, and what
follows names our account there: it may be worded otherwise, because nobody who writes such errors begins them with what a caller wrote."""
MODERATED = ("flagged_input", "reasons", "patterns")
"""One of these OpenRouter's 403 holds under `metadata` when moderation or a guardrail stopped a prompt; a credential's has none of them."""
FORBIDDEN = 403


def is_said(text: str) -> bool:
    """Whether a message without a code says so."""
    return WHOLE.fullmatch(text.strip().lower()) is not None


def declines(error: object, codes: frozenset[str]) -> bool:
    """Whether an error says so: an object, or a mere string. `codes` are those that it names, in lower case."""
    if isinstance(error, str):
        return is_said(error) or error.strip().lower().startswith(BARE)
    if not isinstance(error, dict):
        return False
    text = error.get("message")
    return bool(codes & CODES) or _moderated(error) or (isinstance(text, str) and (is_said(text) or _begins(text, codes)))


def _moderated(error: dict[str, object]) -> bool:
    metadata = error.get("metadata")
    return error.get("code") == FORBIDDEN and isinstance(metadata, dict) and any(metadata.get(name) for name in MODERATED)


def _begins(text: str, codes: frozenset[str]) -> bool:
    lower = text.strip().lower()
    return any(lower.startswith(BEGINNINGS[code]) for code in codes & BEGINNINGS.keys())
