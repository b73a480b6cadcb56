"""The log: events with fields of an allow-list, as `key=value` on standard error. There is no call that takes free text.

INVARIANT: a field may hold a number, a flag, or a short word of our own making; content and secrets have no field to go into.
"""

import contextlib
import enum
import logging
import sys
import threading
import time


class Event(enum.StrEnum):
    """Everything that is ever logged."""

    STARTED = "started"
    CONTROL_STARTED = "control_started"
    METRICS_STARTED = "metrics_started"
    TRACES_STARTED = "traces_started"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SNAPSHOT = "snapshot"
    WRITER_FAILED = "writer_failed"
    WRITER_RECOVERED = "writer_recovered"
    ROWS_LOST = "rows_lost"
    STORE_FAILED = "store_failed"
    INTERNAL_ERROR = "internal_error"
    UNKNOWN_ROWS = "unknown_rows"
    CREDENTIALS_UNUSABLE = "credentials_unusable"
    SIGN_IN_REFUSED = "sign_in_refused"
    CATALOGUE_UNUSABLE = "catalogue_unusable"
    WORKER_ENDED = "worker_ended"
    EVIDENCE_CONTRADICTS = "evidence_contradicts"
    PROVIDER_UNREACHABLE = "provider_unreachable"
    PROVIDER_REACHED = "provider_reached"
    RANKING_RELEASED = "ranking_released"
    RANKING_FAILED = "ranking_failed"


FIELDS = frozenset(
    {
        "listen",
        "version",
        "scrubbing",
        "keys",
        "kind",
        "code",
        "count",
        "writer",
        "seconds",
        "connections",
        "endpoint",
        "credential",
        "host",
        "decision",
        "week",
    }
)


def log(event: Event, **fields: str | float) -> None:
    """Write one line. Raises `ValueError` for a field that is not on the list: that is a bug, found by the tests."""
    if not fields.keys() <= FIELDS:
        raise ValueError("a log field is not on the allow-list")
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    words = [f"{name}={_word(value)}" for name, value in fields.items()]
    with contextlib.suppress(OSError):  # a log that cannot be written must not cost a request its answer
        print(" ".join((stamp, f"event={event.value}", *words)), file=sys.stderr, flush=True)  # noqa: T201


class _Libraries(logging.Handler):
    """What libraries log is free text, which may hold anything: of an error its logger's name is told, of the rest nothing."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            log(Event.INTERNAL_ERROR, kind=record.name)


def silence_libraries() -> None:
    """Have no library write to standard error, nor Python: it prints warnings there where nobody takes them, and texts of exceptions."""
    logging.getLogger().handlers[:] = [_Libraries()]
    threading.excepthook = _say_kind
    sys.unraisablehook = _say_kind


def _say_kind(args: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    """What ended a thread, or came where nothing can be raised (a finalizer): its kind, never its text, which may hold content."""
    log(Event.INTERNAL_ERROR, kind=args.exc_type.__name__)


def _word(value: str | float) -> str:
    text = str(value)[:128]
    return text if text.isprintable() and " " not in text and '"' not in text else "?"
