"""Several models asked for at once: those that there are, and where the others stand.

A name that is no model's is the caller's own text. INVARIANT: it gets into no memo, no error and no header; its place does.
"""

from collections.abc import Iterator, Mapping

import msgspec

from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import AUTO, ModelId
from anyapi.gateway.formats.openai_chat import ChatRequest, read_model
from anyapi.policy.names import resolved
from anyapi.policy.unknown import listed, no_such, skipped

_decode_texts = msgspec.json.Decoder(list[str]).decode


def known_models(request: ChatRequest, names: Mapping[str, ModelId], catalogue: Catalogue) -> tuple[ModelId, ...]:
    """The models that a request is about, under their ids, and on the request what is passed over. Raises `ModelNotFound` if all are."""
    meant, known = resolved(request.models, names), catalogue.models
    found = tuple(model for model in meant if model == AUTO or model in known)
    if not found:
        raise no_such(request.models, catalogue)
    if len(found) < len(meant) and not request.skipped:
        request.skipped = skipped(_places(request), names, catalogue)
        request.adjusted += tuple(one.field for one in request.skipped)
    return found


def _places(request: ChatRequest) -> Iterator[tuple[str, str]]:
    """Every name that was asked for, and where it stands in the request, where one that stands twice is not yet taken as one."""
    if "model" in request.fields:
        yield "model", read_model(request.fields)
    yield from listed(_decode_texts(request.policy["models"]))
