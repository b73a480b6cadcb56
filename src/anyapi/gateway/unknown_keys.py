"""What a caller hears whose key is not known here. Nothing of the key is repeated."""

from anyapi.errors import AuthenticationFailed

NONE_SENT = "No API key was sent. Send it as `Authorization: Bearer anyapi_sk_...` or in x-api-key."
OF_OTHERS = "This API key is not known here: this gateway's own begin with anyapi_sk_, and a provider's key is not for callers to send."
OURS = {
    b"anyapi_sk_": "This API key is not known here: it is mistyped, revoked, disabled, or of another gateway.",
    b"anyapi_pk_": "This is a provisioning key, which manages API keys on the control plane. Call models with an API key (anyapi_sk_...).",
}


def refusal_of(credential: bytes | None) -> AuthenticationFailed:
    """The refusal, by what kind of key it looks like."""
    if not credential:
        return AuthenticationFailed(NONE_SENT)
    return AuthenticationFailed(next((text for prefix, text in OURS.items() if credential.startswith(prefix)), OF_OTHERS))
