"""Path to operation. Both `/v1` and `/api/v1` serve the data plane; what belongs elsewhere is said so.

A header named `X-AnyAPI-*` that nobody here reads is refused, whatever the path. Nothing else happens here.
"""

from functools import partial

from anyapi.errors import AnyAPIError, MethodNotAllowed, NotFound
from anyapi.gateway import pages, rankings
from anyapi.gateway.call import Call
from anyapi.gateway.client import Connection
from anyapi.gateway.error_envelope import render_for
from anyapi.gateway.operations import chat_completions, embeddings, messages, responses
from anyapi.gateway.pages import Operation
from anyapi.gateway.plane import DataPlane
from anyapi.gateway.receipts import receipt
from anyapi.gateway.render import error_of
from anyapi.policy.parse import KNOWN_HEADERS, refuse_unlisted
from anyapi.wire.tasks import Driven

PREFIXES = ("/v1/", "/api/v1/")
POST: dict[str, Operation] = {
    "chat/completions": chat_completions,
    "messages": messages,
    "messages/count_tokens": pages.count_tokens,
    "responses": responses,
    "embeddings": embeddings,
    "explain": pages.explain_request,
}
GET: dict[str, Operation] = {
    "models": pages.models,
    "key": pages.key,
    "privacy": pages.privacy,
    "rankings": rankings.rankings,
}
SERVED = frozenset({*POST, *GET})
PLAIN: dict[str, Operation] = {
    "/": pages.status,
    "/healthz": pages.healthz,
    "/readyz": pages.readyz,
    "/.well-known/anyapi-privacy.json": pages.privacy,
}
PLANNED = frozenset({"completions"})
STORED = frozenset(
    {"files", "uploads", "batches", "assistants", "threads", "conversations", "vector_stores", "containers", "skills", "agents"}
)
"""What keeps something at a provider, so that there is nothing of it here."""
KEPT = ("responses/resp", "chat/completions/chatcmpl", "messages/batches")
"""How paths begin that ask for an answer again, by its id, or for a batch of them."""
LISTED = frozenset(name.encode() for name in KNOWN_HEADERS)
"""Headers of ours that there are, by lower-case name."""


class Router:
    """Finds the operation of a call and answers errors in the caller's format."""

    __slots__ = ("_fast", "plane")

    def __init__(self, plane: DataPlane) -> None:
        """`plane` is handed to every operation."""
        self.plane = plane
        self._fast: dict[bytes, Operation] = {
            f"{prefix}{name}".encode(): operation for prefix in PREFIXES for name, operation in POST.items()
        }

    def handle(self, call: Call, reply: Connection) -> Driven:
        """What answers one call; what it raises is for `failed`."""
        operation = self._fast.get(call.path) if call.method == b"POST" else None
        if call.policy and not LISTED.issuperset([name for name, _ in call.policy]):
            operation = _refuse_headers
        return (operation or self._find(call))(call, self.plane, reply)

    def failed(self, error: Exception, call: Call, reply: Connection) -> None:
        """Answer a call with the error that it came to: whatever failed, the caller gets an answer."""
        if not isinstance(error, AnyAPIError):
            call.close_after = True
            reply.report(error)
        elif "decision" not in error.metadata:  # else its usage row tells of it
            self.plane.outlets.refused(str(error_of(error)[1]["type"]))
        if reply.streaming:
            reply.abort()
            return
        reply.send(*render_for(error, call))

    def _find(self, call: Call) -> Operation:
        try:
            return find(call, self.plane.disclosure.control_url)
        except AnyAPIError as error:
            return partial(_refuse, error)


async def _refuse(error: AnyAPIError, *_: object) -> None:
    raise error


async def _refuse_headers(call: Call, *_: object) -> None:
    refuse_unlisted(name for name, _ in call.policy_headers())


def find(call: Call, control_url: str | None = None) -> Operation:
    """The operation of a call that is not the common one. Raises `NotFound` or `MethodNotAllowed`."""
    path = call.path.decode("latin-1")
    name = next((path[len(prefix) :] for prefix in PREFIXES if path.startswith(prefix)), None)
    by_method = methods_of(path, name)
    if not by_method:
        raise missing(path, name, control_url)
    allowed = "POST, OPTIONS" if "POST" in by_method else "GET, HEAD, OPTIONS"
    if call.method == b"OPTIONS":
        return pages.options(allowed)
    operation = by_method.get("GET" if call.method == b"HEAD" else call.method.decode("latin-1"))
    if operation is None:
        raise MethodNotAllowed(f"This path takes {allowed}.", {"allow": allowed})
    return operation


def methods_of(path: str, name: str | None) -> dict[str, Operation]:
    """The operations of a path, by method; `name` is the path below the version prefix, if it has one."""
    if name is None:
        return {"GET": PLAIN[path]} if path in PLAIN else {}
    if name in POST:
        return {"POST": POST[name]}
    if name in GET:
        return {"GET": GET[name]}
    if name.startswith("receipts/"):
        return {"GET": receipt}
    return {"GET": pages.model_endpoints} if name.startswith("models/") else {}


def missing(path: str, name: str | None, control_url: str | None = None) -> NotFound:
    """What to say about a path that is not served. The path itself is not repeated: it is the caller's text."""
    if f"{path}/".startswith("/api/v1/keys/"):
        if control_url is None:
            return NotFound("API keys are managed on the control plane, which this server does not run. Use `anyapi keys` on the server.")
        where = f"{control_url}/api/v1/keys"
        return NotFound(f"API keys are managed on the control plane: {where}, with a provisioning key.", {"control_url": where})
    if (astray := _astray(path, name or "")) is not None:
        return astray
    first = "" if name is None else name.split("/", 1)[0]
    if first in STORED or (name is not None and name.startswith(KEPT)):
        return NotFound(
            "Nothing is stored here, and no provider is asked to store anything: there are no files, batches, assistants, conversations, "
            "and no answers to fetch, list, cancel or delete later. Send what the model needs with each request."
        )
    if first in PLANNED:
        return NotFound("This operation is not served yet. POST /v1/chat/completions, /v1/messages, /v1/responses and /v1/embeddings are.")
    return NotFound(
        "No such path. Served are /v1/chat/completions, /v1/messages, /v1/responses, /v1/embeddings, /v1/models, /v1/explain, /v1/key, "
        "/v1/receipts/{decision}, /v1/privacy, /v1/rankings and a status page at /."
    )


def _astray(path: str, name: str) -> NotFound | None:
    """What to say where a client's base URL has one /v1 too little or too many, or more than that."""
    if path[1:] in SERVED:
        return NotFound("This is served below /v1: let the base URL that the client was given end in /v1.")
    if name.startswith("v1/") and name[3:] in SERVED:
        return NotFound("This client adds /v1 to its base URL by itself: let the one that it was given end before that.")
    if any(name.startswith(f"{one}/") and name.endswith(f"/{one}") for one in POST):
        return NotFound(
            "This client adds the path to its base URL by itself: let the one that it was given end in /v1, or for Anthropic's before."
        )
    return None
