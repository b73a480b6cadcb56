"""What a caller hears whose key is not known here. Nothing of the key is repeated."""

from anyapi.crypto.api_keys import PREFIX, PROVISIONING_PREFIX
from anyapi.errors import AuthenticationFailed

NONE_SENT = f"No API key was sent. Send it as `Authorization: Bearer {PREFIX}...` or in x-api-key."
OF_OTHERS = f"This API key is not known here: this gateway's own begin with {PREFIX}, and a provider's key is not for callers to send."
OURS = {
    PREFIX.encode(): "This API key is not known here: it is mistyped, revoked, disabled, or of another gateway.",
    PROVISIONING_PREFIX.encode(): "This is a provisioning key, which manages API keys on the control plane. "
    f"Call models with an API key ({PREFIX}...).",
}


def refusal_of(credential: bytes | None) -> AuthenticationFailed:
    """The refusal, by what kind of key it looks like."""
    if not credential:
        return AuthenticationFailed(NONE_SENT)
    return AuthenticationFailed(next((text for prefix, text in OURS.items() if credential.startswith(prefix)), OF_OTHERS))
