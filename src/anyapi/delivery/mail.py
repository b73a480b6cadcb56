"""Sends one e-mail by the operator's mail server. Blocking: call it in a thread. Plain text of metadata; no images, no tracking."""

import contextlib
import datetime as dt
import smtplib
import ssl
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from anyapi.config_values import Smtp, SmtpSecurity
from anyapi.delivery.checked_http import NotReached

SECONDS = 20.0


class Mail(msgspec.Struct, frozen=True):
    """What is written to whom, when (Unix seconds).

    `identity` makes its Message-ID, so that one that is sent twice is known to be the same.
    """

    to: str
    subject: str
    text: str
    identity: str
    at: float

    def __repr__(self) -> str:
        """The identity only."""
        return f"<Mail {self.identity}>"


def send(smtp: Smtp, mail: Mail) -> None:
    """Hand it to the mail server. Raises `NotReached`, whose code says what stood in the way, never in the server's words."""
    message = _message(smtp, mail)
    try:
        with _connect(smtp) as server:
            if smtp.username is not None and smtp.password is not None:
                server.login(smtp.username, smtp.password.reveal())
            server.send_message(message, smtp.sender, [mail.to])
    except smtplib.SMTPAuthenticationError:
        raise NotReached("mail_sign_in_refused", "the mail server refused the user name or password") from None
    except smtplib.SMTPRecipientsRefused:
        raise NotReached("mail_recipient_refused", "the mail server refused the recipient") from None
    except smtplib.SMTPNotSupportedError:
        raise _not_offered(mail) from None
    except ssl.SSLError:
        raise NotReached("tls_failed", "the mail server's certificate was refused, or it does not speak TLS there") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        code = "mail_refused" if isinstance(error, smtplib.SMTPResponseException) else "mail_unreachable"
        raise NotReached(code, "the mail server could not be reached, or did not take the mail") from None


def _connect(smtp: Smtp) -> smtplib.SMTP:
    if smtp.security is SmtpSecurity.TLS:
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=SECONDS, context=ssl.create_default_context())
    with contextlib.ExitStack() as stack:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=SECONDS)
        stack.callback(server.close)
        if smtp.security is SmtpSecurity.STARTTLS:
            server.starttls(context=ssl.create_default_context())
        stack.pop_all()
    return server


def _not_offered(mail: Mail) -> NotReached:
    """Of what the server does not offer: letters of the address, or what protects the way there."""
    if not mail.to.isascii():
        return NotReached("mail_recipient_refused", "the mail server sends to no address of other letters than English ones")
    return NotReached("mail_not_protected", "the mail server does not offer what `smtp.security` asks for")


def _message(smtp: Smtp, mail: Mail) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address("AnyAPI", addr_spec=smtp.sender)
    try:
        message["To"] = Address(addr_spec=mail.to)
    except (ValueError, MessageError):
        raise NotReached("mail_recipient_refused", "no mail can be sent to an address of that form") from None
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(dt.datetime.fromtimestamp(mail.at, dt.UTC))
    message["Message-ID"] = f"<{mail.identity}@{smtp.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message
