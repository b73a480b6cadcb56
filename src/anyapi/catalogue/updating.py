"""What must be true of a catalogue before it replaces the one in force: who signed it, that it is whole, and that it is no older one.

Checks bytes and values; opens no connection and changes nothing. The signature is Ed25519 (RFC 8032) over the file's bytes, in base64.
"""

import base64
import binascii
from collections.abc import Collection, Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from anyapi.catalogue.addresses import moved
from anyapi.catalogue.canonical import encode, version_of, with_version
from anyapi.catalogue.check import Place, check_models, check_providers
from anyapi.catalogue.model_record import read_model
from anyapi.catalogue.provider_record import read_provider
from anyapi.catalogue.reading import Problems, Table
from anyapi.catalogue.written import endpoint_source, provider_source
from anyapi.domain.catalogue import Catalogue, Model
from anyapi.errors import CatalogueError

LARGEST = 16 * 1024 * 1024
"""Bytes of a compiled catalogue that is taken from outside."""
LARGEST_SIGNATURE = 256
_DECODER = msgspec.json.Decoder(Catalogue)


class UpdateRefused(CatalogueError):
    """A catalogue that is not put into force; the text says why and what to do."""


def check_signature(data: bytes, signature: bytes, public_keys: Sequence[bytes], file: str) -> None:
    """Raise `UpdateRefused` unless one of the keys (32 bytes each) signed the data. No key: nothing is signed by anybody."""
    try:
        raw = base64.b64decode(b"".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UpdateRefused("the signature is not base64: nothing was changed", file=file) from None
    for key in public_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(raw, data)
        except InvalidSignature:
            continue
        return
    raise UpdateRefused("the signature is not by a key of `catalogue.public_keys`: nothing was changed", file=file)


def read_compiled(data: bytes, file: str) -> Catalogue:
    """Read a compiled catalogue from outside as strictly as a source. Raises `CatalogueError` that lists everything wrong."""
    if len(data) > LARGEST:
        raise UpdateRefused(f"is larger than {LARGEST // 2**20} MiB", file=file)
    try:
        found = _DECODER.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise UpdateRefused(
            "is not a compiled catalogue that this version of AnyAPI reads (`anyapi catalogue compile`)", file=file
        ) from None
    if version_of(data, found.version) != found.version or encode(with_version(found)) != data:
        raise UpdateRefused("its content is not what its version names: it was changed after it was compiled", file=file)
    problems = Problems()
    for provider in found.providers.values():
        if read_provider(Table(provider_source(provider), problems, file, provider.id), found.compiled) != provider:
            problems.note(file, provider.id, None, "is not as a source would be read")
    for model in found.models.values():
        if read_model(Table(_model_source(model), problems, file, model.id)) != model:
            problems.note(file, model.id, None, "is not as a source would be read")
    _check_names(found, problems, file)
    problems.raise_catalogue_error()
    check_providers(found.providers.values(), found.providers, found.models, problems, Place(file))
    check_models(found.models.values(), found.providers, found.models, problems, Place(file))
    problems.raise_catalogue_error()
    return found


def _check_names(found: Catalogue, problems: Problems, file: str) -> None:
    """A record under another's name would be judged by another's facts."""
    for name, provider in found.providers.items():
        if name != provider.id:
            problems.note(file, provider.id, "id", "stands under another name")
    for identity, model in found.models.items():
        if identity != model.id:
            problems.note(file, model.id, "id", "stands under another name")


def _model_source(model: Model) -> dict[str, object]:
    return {
        "id": model.id,
        "name": model.name,
        "author": model.author,
        "open_weights": model.open_weights,
        "endpoints": [endpoint_source(endpoint) for endpoint in model.endpoints],
        "aliases": [*model.aliases],
    }


def check_newer(new: Catalogue, current: Catalogue, installed_before: Collection[str], file: str) -> None:
    """Refuse what is older than the catalogue in force or was in force before: replaying an old file would bring its facts back.

    Raises `UpdateRefused`.
    """
    if new.compiled < current.compiled:
        raise UpdateRefused(
            f"is of {new.compiled}, older than the one in force ({current.compiled}). To go back to it, say so: --allow-older", file=file
        )
    if new.version in installed_before and new.version != current.version:
        raise UpdateRefused("was in force before and has been replaced since. To go back to it, say so: --allow-older", file=file)


def check_addresses(new: Catalogue, current: Catalogue, file: str) -> None:
    """Refuse a catalogue that sends a known provider's keys elsewhere. Raises `UpdateRefused`."""
    names = moved(current, new)
    if names:
        raise UpdateRefused(
            f"changes where or how {', '.join(names[:10])} is reached, so that keys would go elsewhere. Look at it "
            "(`anyapi catalogue diff`), then say so: --allow-addresses",
            file=file,
        )
