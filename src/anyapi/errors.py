"""Every error of AnyAPI, in one tree. HTTP status and wire form are chosen in `gateway/render.py`, nowhere else.

AnyAPIError
├── RequestError                 the caller can do something about it; its text is shown to the caller
│   ├── BadRequest               a field is wrong: names it
│   │   ├── RequestTimedOut      the request did not arrive whole in time
│   │   └── ExpectationFailed    an Expect header we cannot meet
│   ├── AuthenticationFailed     no key, or not a valid one
│   ├── PermissionDenied         the key is valid but may not do this
│   ├── NoEligibleEndpoint       policy leaves nothing: lists every endpoint and reason
│   ├── ModelNotFound            unknown model, or none of its endpoints is available
│   ├── NotFound                 unknown path
│   │   └── NotRecorded          the request was not entered into the audit log
│   ├── MethodNotAllowed
│   ├── RequestTooLarge
│   │   └── HeadersTooLarge
│   ├── RateLimited
│   ├── InsufficientQuota        the key's spend cap leaves no room for the request
│   ├── NoEndpointForTags
│   ├── Overloaded               we, or every permitted endpoint, cannot take it now
│   ├── UpstreamFailed           the provider failed in a way that repeating did not mend
│   └── UpstreamTimedOut
├── ConfigError                  the configuration is wrong: names file and field
├── CatalogueError               a record is wrong: names file, record and field
├── SealBroken                   an entry cannot be sealed, or does not open with the identity at hand
├── AuditError                   an entry, note, proof or receipt of the audit log is not what it must be
└── StorageError                 the store cannot take or give what was asked

A text here is written by us. INVARIANT: it never holds request content, a provider's words or a secret. What varies is passed as
`metadata` of ids, numbers and codes.
"""

from typing import ClassVar, TypeAlias

Metadata: TypeAlias = dict[str, object]


class AnyAPIError(Exception):
    """Base of all. `message` is for people: what happened, why, what to do next."""

    def __init__(self, message: str, metadata: Metadata | None = None) -> None:
        """Keep the message and the metadata; neither may hold content."""
        super().__init__(message)
        self.message = message
        self.metadata: Metadata = metadata or {}
        self.in_force: tuple[tuple[str, str], ...] = ()
        """What every answer says of its decision, as the ends of its headers' names and their values; nothing before that."""


class RequestError(AnyAPIError):
    """An error whose text and metadata are shown to the caller. `type` is the name on the wire."""

    type: ClassVar[str] = "bad_request"


class BadRequest(RequestError):
    """A field of the request is wrong."""

    def __init__(self, message: str, field: str | None = None) -> None:
        """`field` is the dotted path of the field, without its value."""
        super().__init__(message, {"field": field} if field else None)
        self.field = field


class RequestTimedOut(BadRequest):
    """The request did not arrive whole in time."""


class ExpectationFailed(BadRequest):
    """The `Expect` header asks for something that is not offered."""


class AuthenticationFailed(RequestError):
    """No API key, or not a valid one."""

    type = "authentication_error"


class PermissionDenied(RequestError):
    """The key may not do this."""

    type = "permission_error"


class NoEligibleEndpoint(RequestError):
    """The data policy in force leaves no endpoint. Nothing was sent."""

    type = "no_eligible_endpoint"


class ModelNotFound(RequestError):
    """The model is unknown, or no endpoint of it is available here."""

    type = "model_not_found"


class NotFound(RequestError):
    """No such path."""

    type = "not_found"


class NotRecorded(NotFound):
    """The operator leaves requests of this class out of the audit log."""

    type = "not_recorded"


class MethodNotAllowed(RequestError):
    """The path exists but not with this method."""

    type = "method_not_allowed"


class RequestTooLarge(RequestError):
    """Body or headers exceed a limit."""

    type = "request_too_large"


class HeadersTooLarge(RequestTooLarge):
    """The head of the request exceeds a limit."""


class RateLimited(RequestError):
    """Too many requests, ours or the provider's limit."""

    type = "rate_limit"

    def __init__(self, message: str, metadata: Metadata | None = None, retry_after: float | None = None) -> None:
        """`retry_after` in seconds, when known."""
        super().__init__(message, metadata)
        self.retry_after = retry_after


class InsufficientQuota(RequestError):
    """What is left of the key's spend cap may not be enough for the request. Nothing was sent."""

    type = "insufficient_quota"


class NoEndpointForTags(RequestError):
    """No endpoint has every ability asked for. Repeating does not help."""

    type = "no_endpoint_for_tags"


class Overloaded(RequestError):
    """This gateway, or every permitted endpoint, cannot take the request now."""

    type = "overloaded"

    def __init__(self, message: str, metadata: Metadata | None = None, retry_after: float | None = None) -> None:
        """`retry_after` in seconds, when known."""
        super().__init__(message, metadata)
        self.retry_after = retry_after


class UpstreamFailed(RequestError):
    """Every attempt at a permitted provider failed."""

    type = "upstream_error"

    def __init__(self, message: str, metadata: Metadata | None = None, *, final: bool = False) -> None:
        """`final`: asking again would end alike until the operator mends something."""
        super().__init__(message, metadata)
        self.final = final


class UpstreamTimedOut(RequestError):
    """The provider did not answer in time."""

    type = "upstream_timeout"


class ConfigError(AnyAPIError):
    """The configuration is wrong; the gateway refuses to start."""

    def __init__(
        self, message: str, *, file: str | None = None, field: str | None = None, problems: tuple["ConfigError", ...] = ()
    ) -> None:
        """`file` and `field` say where; they are part of the printed text. `problems`: every single one, when `message` lists several."""
        where = ": ".join(part for part in (file, field) if part)
        super().__init__(f"{where}: {message}" if where else message)
        self.file, self.field, self.problems = file, field, problems


class CatalogueError(AnyAPIError):
    """A catalogue record is wrong."""

    def __init__(
        self,
        message: str,
        *,
        file: str,
        record: str | None = None,
        field: str | None = None,
        problems: tuple["CatalogueError", ...] = (),
    ) -> None:
        """`record` is the provider or model id, `field` the dotted path inside it.

        `problems`: every single one, when `message` lists several.
        """
        where = ": ".join(part for part in (file, record, field) if part)
        super().__init__(f"{where}: {message}")
        self.file, self.record, self.field, self.problems = file, record, field, problems


class SealBroken(AnyAPIError):
    """A sealed entry that does not open (sealed to other keys, cut off, altered, no age file), or one that cannot be sealed."""


class AuditError(AnyAPIError):
    """Something of the audit log is not what it must be: damaged, changed, of another log, or signed by somebody else."""


class StorageError(AnyAPIError):
    """The store cannot take or give what was asked; new work is refused until it can."""

    retry_after = 1.0
    """Seconds: it mends itself or a person has to, and nobody knows which."""
