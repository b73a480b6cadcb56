"""Why an address cannot be listened on, in words that say what to do; and what callers' TLS needs."""

import datetime as dt
import errno
import importlib
import os
import socket
import ssl
from pathlib import Path

from anyapi.config_values import Listen, Tls
from anyapi.errors import ConfigError

SOON_DAYS = 14
_PRIVILEGED = 1024
_ENCRYPTED = "the key is encrypted: give it without a passphrase (`openssl pkey -in KEY -out PLAIN`), readable by this user alone"
_ANOTHER = "the key is not that of the certificate: its own certificate comes first in the file, and those that signed it behind it"
_REASONS = {
    "KEY_VALUES_MISMATCH": _ANOTHER,
    "KEY_TYPE_MISMATCH": _ANOTHER,
    "EE_KEY_TOO_SMALL": "the certificate's key is too short for TLS today: make a new one",
    "CA_MD_TOO_WEAK": "the certificate is signed with a hash that TLS no longer takes: make a new one",
}


def cannot_listen(where: Listen, error: OSError, field: str, busy: str) -> ConfigError:
    """The error of a start that could not listen; `busy` is the advice where another process has the address."""
    return ConfigError(f"cannot listen on {where}: {_why(where, error, busy)}", field=field)


def _why(where: Listen, error: OSError, busy: str) -> str:
    if isinstance(error, socket.gaierror):
        return "no address of that name is known here; write an address"
    reason = os.strerror(error.errno) if error.errno else "it is refused"
    advice = _of_a_socket(where, error, busy) if where.socket is not None else _of_a_port(where, error, busy)
    return f"{reason}. {advice}" if advice else reason


def _of_a_socket(where: Listen, error: OSError, busy: str) -> str:
    if error.errno == errno.EADDRINUSE:
        stands = where.socket is not None and where.socket.exists() and not where.socket.is_socket()
        return "There is a file of that name that is no socket; name another" if stands else busy
    return {
        errno.ENOENT: "Its directory is not there: make it",
        errno.EACCES: "Its directory cannot be written by this user",
        errno.EPERM: "Its directory cannot be written by this user",
    }.get(error.errno or 0, "")


def _of_a_port(where: Listen, error: OSError, busy: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return busy
    if error.errno == errno.EADDRNOTAVAIL:
        return "This machine has no such address; 0.0.0.0 stands for all it has"
    if error.errno == errno.EACCES and 0 < (where.port or 0) < _PRIVILEGED:
        return f"Ports below {_PRIVILEGED} need a privilege (CAP_NET_BIND_SERVICE): take another, with a proxy before it"
    return ""


def ending_of(certificate: Path, now: dt.datetime) -> str | None:
    """A warning where a listener's own certificate has ended or ends within `SOON_DAYS`; None for others, and what is none."""
    x509 = importlib.import_module("cryptography.x509")  # for a start with TLS alone: it takes a while
    try:
        ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None
    if ends > now + dt.timedelta(days=SOON_DAYS):
        return None
    words = f"ends on {ends:%Y-%m-%d}" if ends > now else f"ended on {ends:%Y-%m-%d}, and callers refuse it"
    return f"Warning: the certificate in {certificate} {words}. Put a new one there, then restart: it is read at the start."


def server_tls(tls: Tls, field: str) -> ssl.SSLContext:
    """The context of a listener. Raises `ConfigError`, in words that say which file is at fault."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def no_passphrase() -> str:  # else OpenSSL would ask for it at the terminal, and wait
        raise ConfigError(_ENCRYPTED, field=f"{field}.key")

    for name, file in (("certificate", tls.certificate), ("key", tls.key)):
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise ConfigError(f"cannot be read ({error.strerror})", field=f"{field}.{name}") from None
    try:
        context.load_cert_chain(tls.certificate, tls.key, no_passphrase)
    except ssl.SSLError as error:
        unread = "no PEM text of a certificate and of its key: look whether the two are swapped, or in another form (DER, PKCS #12)"
        raise ConfigError(_REASONS.get(error.reason or "", unread), field=field) from None
    context.set_alpn_protocols(["http/1.1"])
    return context
