"""The words and forms that catalogue records and operator files may use. Tables only; says nothing about what they mean for a decision."""

import re

import msgspec

from anyapi.domain.catalogue import Auth
from anyapi.policy.wire_values import REGION as ASKED_REGION


class Form(msgspec.Struct, frozen=True):
    """How a text has to look, and the words that say so to people."""

    pattern: re.Pattern[str]
    description: str

    def fits(self, text: str) -> bool:
        """Whether the whole text has this form."""
        return self.pattern.fullmatch(text) is not None


def _form(pattern: str, description: str) -> Form:
    return Form(re.compile(pattern), description)


PROVIDER_ID = _form(r"[a-z0-9][a-z0-9-]{0,63}", "lower-case letters, digits and hyphens, at most 64")
MODEL_ID = _form(r"[a-z0-9][a-z0-9-]{0,63}/[a-z0-9][a-z0-9._-]{0,127}", "`author/slug` in lower case")
UPSTREAM_MODEL = _form(r"[A-Za-z0-9@][A-Za-z0-9._:@/-]{0,199}", "letters, digits and `._:@/-`, at most 200")
ALIAS = _form(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}", "letters, digits and `._:@-` without a slash, at most 128")
MODEL_GLOB = _form(r"[A-Za-z0-9*?._:@/\[\]!-]{1,200}", "a model id or a glob with `*`")
CREDENTIAL_ID = _form(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", "letters, digits and `._:-`, at most 128")
REFERENCE = _form(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}", "letters, digits and `._:/-`, at most 128")
WORD = _form(r"[a-z0-9][a-z0-9._-]{0,63}", "lower-case letters, digits and `._-`, at most 64")
REGION = _form(ASKED_REGION.pattern, "a country of two small letters, or eu, eea, us, apac, global, local")
"""The same words as in a request: a region that nobody can ask for would never be allowed."""
COUNTRY = _form(r"[A-Z]{2}", "an ISO 3166 country code of two capitals (quote it in YAML)")
ENVIRONMENT_NAME = _form(r"[A-Z_][A-Z0-9_]{0,127}", "the name of an environment variable in capitals, not its value")
PLACEHOLDER = _form(r"[a-z][a-z0-9_]{0,31}", "lower-case letters, digits and `_`")
API_VERSION = _form(r"[a-z0-9][a-z0-9-]{0,31}", "a version such as 2024-10-21")
PLACEHOLDER_VALUE = _form(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", "letters, digits, `_` and `-`")
TEXT = _form(r"[^\x00-\x08\x0b-\x1f\x7f]{1,4000}", "printable text of at most 4000 characters")
PATH = _form(r"[^\x00-\x1f\x7f]{1,1000}", "a path of at most 1000 characters")
PAGE_URL = _form(r"https?://[^\s/?#@]+([/?#][^\s]*)?", "an http or https URL without user name")
BASE_URL = _form(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9{][A-Za-z0-9._{}-]*)(:[0-9]{1,5})?(/[A-Za-z0-9._~{}-]+)*",
    "an http or https URL without user name, query, fragment or final slash",
)

PROTOCOLS = frozenset(
    {
        "openai-chat", "anthropic-messages", "gemini", "vertex", "vertex-anthropic", "vertex-openai", "vertex-mistral", "bedrock",
        "azure-openai", "azure-anthropic", "cohere",
    }
)  # fmt: skip
"""What may be spoken at a provider's base URL, or at one endpoint below it. Which of them have an adapter is known elsewhere."""
NOT_SERVED = frozenset({"vertex-mistral", "azure-anthropic"})
"""Those of them without an adapter: records of the catalogue may say them, and nobody is advised to. Tests hold it to the adapters."""
ALSO_SPOKEN = PROTOCOLS | {"openai-responses", "ollama"}

CERTIFICATION_LEVELS = frozenset({"primary", "secondary", "mixed"})

SECONDARY_FIELDS = frozenset(
    {"training", "retention", "retention.kind", "retention.days", "human_review", "zero_retention", "certifications"}
)

AUTH_WORDS: dict[str, tuple[Auth, bool]] = {
    "Authorization: Bearer": (Auth.BEARER, False),
    "Authorization: Bearer (optional)": (Auth.BEARER, True),
    "Authorization: Bearer (OAuth access token)": (Auth.SERVICE_ACCOUNT, False),
    "AWS SigV4, or Authorization: Bearer with a Bedrock API key": (Auth.SIGV4, False),
    "x-api-key (plus anthropic-version)": (Auth.X_API_KEY, False),
    "api-key (or Entra ID bearer token)": (Auth.API_KEY, False),
    **{auth.value: (auth, auth is Auth.NONE) for auth in Auth},
    "bearer-optional": (Auth.BEARER, True),
}
"""How the source says a credential travels; the second value says that none is needed."""
