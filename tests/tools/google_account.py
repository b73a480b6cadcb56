"""A Google service account for tests: its key file, and what a simulated provider knows of it."""

import functools
import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@functools.cache
def account(email: str = "gateway@sim-project.iam.gserviceaccount.com") -> tuple[str, str]:
    """The private key in PEM form, and the key of a simulated provider that takes tokens of this account."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return pem, f"{email}:{key.public_key().public_numbers().n:x}"


def key_file(token_uri: str, **changes: str) -> str:
    """The JSON that Google gives people for the account."""
    pem, known = account()
    fields = {
        "type": "service_account",
        "project_id": "sim-project",
        "private_key_id": "kid-1",
        "private_key": pem,
        "client_email": known.partition(":")[0],
        "token_uri": token_uri,
    }
    return json.dumps(fields | changes, indent=2)
