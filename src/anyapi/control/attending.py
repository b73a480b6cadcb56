"""What the control plane does by itself from time to time: tell accounts, send what is due, delete old requests. One thread, no loop."""

import threading

import msgspec

from anyapi.control.delivering import Ways, deliver
from anyapi.control.privacy_requests import purge
from anyapi.control.request_mail import Later, send_request_mail
from anyapi.control.services import Services
from anyapi.control.telling import tell_updates, tell_what_is_due
from anyapi.errors import StorageError
from anyapi.storage.driver import code_of
from anyapi.storage.events import EventKind, FailureState, WriterEvent
from anyapi.telemetry.log import Event, log

PAUSE_SECONDS = 2.0
HOUR = 3600.0
CLOSE_SECONDS = 2.0


class Attendant:
    """What failed is tried again after a pause: nothing is lost, it waits in the store.

    Of a store, a mail server or the operator's own webhook that fails one line is logged, and one when that is over.
    """

    def __init__(self, services: Services, ways: Ways, pause: float = PAUSE_SECONDS) -> None:
        """Begin. `pause` in seconds between two rounds."""
        watched = {"mailing": FailureState("mail", _report), "hooking": FailureState("privacy_webhook", _report)}
        self._services, self._ways, self._pause = services, msgspec.structs.replace(ways, **watched), pause
        self._later = Later()
        self._failure = FailureState("attendant", _report)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attendant", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. A mail server that does not answer is not waited for.

        What was not noted as sent is tried again some minutes later, after the next start or by another process.
        """
        self._stop.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        looked_at = float("-inf")
        while not self._stop.is_set():
            try:
                looked_at = attend_once(self._services, self._ways, looked_at, self._later)
                self._failure.succeeded()
            except StorageError as error:
                self._failure.failed(code_of(error))
            except Exception as error:  # noqa: BLE001 - a background loop
                if not self._stop.is_set():
                    log(Event.INTERNAL_ERROR, kind=type(error).__name__)
            self._stop.wait(self._pause)


def _report(event: WriterEvent) -> None:
    log(Event.WRITER_FAILED if event.kind is EventKind.FAILED else Event.WRITER_RECOVERED, writer=event.writer, code=event.code)


def attend_once(services: Services, ways: Ways, looked_at: float, later: Later) -> float:
    """One round; `looked_at` is when it was last looked for what is due by the calendar, and so is what is given. Raises `StorageError`."""
    now = services.clock()
    hourly = not 0.0 <= now - looked_at < HOUR  # also where the clock was put back
    if hourly:
        purge(services)  # first: what is kept no longer goes even where nobody can be told anything
    tell_updates(services)
    if hourly:
        tell_what_is_due(services)
        looked_at = now
    deliver(services, ways)
    send_request_mail(services, ways, later)
    return looked_at
