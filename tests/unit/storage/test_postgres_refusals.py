"""Why a connection was not opened, by a real server's and libpq's own words; none of them is told on."""

import pytest
from tests.tools import postgres

from anyapi.crypto.secret import Secret
from anyapi.errors import StorageError
from anyapi.storage.driver import code_of
from anyapi.storage.postgres_driver import PostgresDriver
from anyapi.storage.postgres_refusals import UNREACHABLE, refusal_of

ASIDE = "secret-canary"


@pytest.fixture(scope="module")
def server():
    with postgres.run().database() as url:
        yield url


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda url: f"{url}-{ASIDE}", "3D000", "no database of that name"),
        (lambda url: url.replace("//anyapi", f"//{ASIDE}"), "28000", "no user of the URL's name"),
        (lambda url: f"{url}?sslmode=require", "08000", "does not speak TLS"),
        (lambda url: f"{url}?sslmode={ASIDE}", "08001", "not one that libpq reads"),
        (lambda url: f"{url}?{ASIDE}=1", "08001", "not one that libpq reads"),
        (lambda _: "postgresql://anyapi@127.0.0.1:1/x", "08000", "nothing listens"),
        (lambda _: f"postgresql://anyapi@/x?host=/nowhere/{ASIDE}", "08000", "nothing listens"),
        (lambda _: f"postgresql://anyapi:{ASIDE}/@127.0.0.1/x", "08001", "%40"),
        (lambda _: f"postgresql://anyapi:{ASIDE}%@127.0.0.1/x", "08001", "not one that libpq reads"),
        (lambda _: f"postgresql://anyapi@{ASIDE}.invalid/x", "08001", "host of the URL is not known"),
    ],
)
def test_each_reason_has_words_of_its_own_and_nothing_of_the_url_is_in_them(server, change, code, said):
    with pytest.raises(StorageError, match=said) as caught:
        PostgresDriver(Secret(change(server))).state()
    assert code_of(caught.value) == f"SQLSTATE_{code}"
    assert ASIDE not in f"{caught.value!r} {caught.value.metadata}"


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ('connection failed: FATAL:  password authentication failed for user "gateway"', "28P01"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.4", user "gateway", database "gateway", no encryption', "28000"),
        ("FATAL:  sorry, too many clients already", "53300"),
        ("FATAL:  the database system is starting up", "57P03"),
        ("SSL error: certificate verify failed", "08000"),
        ('root certificate file "root.crt" does not exist', "08000"),
        ("connection timeout expired", "08000"),
    ],
)
def test_words_that_a_test_cannot_bring_about_so_soon(words, state):
    found = refusal_of(words)
    assert found.state == state
    assert found is not UNREACHABLE


def test_other_words_say_only_that_it_cannot_be_reached():
    assert refusal_of("le serveur a fermé la connexion") is UNREACHABLE
