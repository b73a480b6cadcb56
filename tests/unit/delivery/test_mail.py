"""E-mail to a real mail server (aiosmtpd): protected, signed in, plain text; and what is said when it does not go."""

import contextlib
import socket
import ssl

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from anyapi.config_values import Smtp, SmtpSecurity
from anyapi.crypto.secret import Secret
from anyapi.delivery.checked_http import NotReached
from anyapi.delivery.mail import Mail, send

MAIL = Mail("ada@example.org", "AnyAPI: records changed", "Lines.\n\nÜber.", "ntc_1", 1795780800.0)


class Box:
    """Keeps what arrives, with who signed in."""

    def __init__(self, refuse=""):
        self.mails, self.refuse = [], refuse

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse == "recipient":
            return "550 no such person, and here is a long story about ada@example.org"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.refuse == "data":
            return "451 not now"
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content, session.ssl is not None, session.authenticated))
        return "250 OK"


class Listening(Controller):
    """On a port of the system's choice."""

    def __init__(self, handler, **more):
        self.socket = socket.create_server(("127.0.0.1", 0))
        super().__init__(handler, "127.0.0.1", self.socket.getsockname()[1], ready_timeout=10, **more)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.socket, ssl=self.ssl_context)


@contextlib.contextmanager
def mail_server(box, context=None, *, implicit=False, letters=True):
    def sign_in(server, session, envelope, mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"gate", b"the password"), handled=False)

    more = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": context is not None}
    more["enable_SMTPUTF8"] = letters
    controller = Listening(
        box, authenticator=sign_in, auth_required=context is not None and not implicit, auth_require_tls=not implicit, **more
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def authority(tmp_path, monkeypatch):
    """A certificate for localhost that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def smtp(port, security, **more):
    fields = {"host": "localhost", "sender": "gate@example.org", "username": "gate", "password": Secret("the password"), **more}
    return Smtp(port=port, security=security, **fields)


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
def test_a_mail_arrives_protected_and_signed_in(authority, security):
    box = Box()
    with mail_server(box, authority, implicit=security is SmtpSecurity.TLS) as port:
        send(smtp(port, security), MAIL)
    ((sender, recipients, content, protected, signed_in),) = box.mails
    assert (sender, recipients, signed_in) == ("gate@example.org", ["ada@example.org"], True)
    assert protected or security is SmtpSecurity.TLS
    text = content.decode()
    assert "Subject: AnyAPI: records changed" in text
    assert "Date: Fri, 27 Nov 2026 12:00:00 +0000" in text
    assert "Message-ID: <ntc_1@example.org>" in text
    assert "Auto-Submitted: auto-generated" in text
    assert "text/plain" in text


def test_without_protection_on_this_machine_alone():
    box = Box()
    with mail_server(box) as port:
        send(smtp(port, SmtpSecurity.NONE, username=None, password=None, host="127.0.0.1"), MAIL)
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    ("refuse", "changes", "code"),
    [
        ("recipient", {}, "mail_recipient_refused"),
        ("data", {}, "mail_refused"),
        ("", {"password": Secret("another one")}, "mail_sign_in_refused"),
    ],
)
def test_what_stood_in_the_way_is_said_in_our_words(authority, refuse, changes, code):
    with mail_server(Box(refuse), authority) as port, pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.STARTTLS, **changes), MAIL)
    assert caught.value.code == code
    assert "ada@" not in caught.value.message
    assert "story" not in caught.value.message


def test_a_certificate_of_a_stranger_is_refused(authority, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    box = Box()
    with mail_server(box, authority) as port, pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.STARTTLS), MAIL)
    assert (caught.value.code, box.mails) == ("tls_failed", [])


def test_a_server_without_starttls_gets_nothing():
    box = Box()
    with mail_server(box) as port, pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.STARTTLS), MAIL)
    assert (caught.value.code, box.mails) == ("mail_not_protected", [])
    with pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.STARTTLS), MAIL)
    assert caught.value.code == "mail_unreachable"


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org\r\nBcc: eve@example.org",
        "no address",
        "ada@@example.org",
        "ada@b@example.org",
        "<ada@example.org>",
        "zoë@example.org",
    ],
)
def test_an_address_cannot_add_a_header_and_one_that_is_none_is_refused_for_good(address):
    """Whoever invites may write anything that has an @: what is raised here otherwise would end a round of deliveries, again and again."""
    box = Box()
    mail = Mail(address, "s", "t", "ntc_1", 1795780800.0)
    with mail_server(box) as port, pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.NONE, username=None, password=None, host="127.0.0.1"), mail)
    assert caught.value.code == "mail_recipient_refused"
    assert box.mails == []


def test_an_address_that_a_mail_server_knows_no_letters_of():
    box, mail = Box(), Mail("ada@zoë.example", "s", "t", "ntc_1", 1.0)
    with mail_server(box, letters=False) as port, pytest.raises(NotReached) as caught:
        send(smtp(port, SmtpSecurity.NONE, username=None, password=None, host="127.0.0.1"), mail)
    assert (caught.value.code, box.mails) == ("mail_recipient_refused", [])


def test_a_mail_does_not_print():
    assert repr(MAIL) == "<Mail ntc_1>"
