"""The control API over a real store, in process: one person of each role, and a clock that tests move."""

import contextlib
import dataclasses
import datetime as dt
import functools

import pytest
from litestar.testing import TestClient
from tests.conformance.stores import enter_changes, postgresql, sqlite

from anyapi.audit.notes import SigningKey
from anyapi.bootstrap_publisher import Publisher
from anyapi.catalogue.load import load_catalogue
from anyapi.config import catalogue_over, load_config
from anyapi.control.app import create_app
from anyapi.control.current import Current
from anyapi.control.passwords import Attempts, hashed
from anyapi.control.services import Services, Updating
from anyapi.control.tokens import new_person_id, new_token, sha256_of
from anyapi.crypto.root_keys import RootKeys
from anyapi.domain.people import Role
from anyapi.gateway.privacy import stored
from anyapi.gateway.rankings import shown
from anyapi.own_credentials import Keeper
from anyapi.storage.audit_reader import AuditReader
from anyapi.storage.audit_receipts import Receipts
from anyapi.storage.drivers import driver_for
from anyapi.storage.people_rows import LinkKind, LinkRow, MemberRow, PersonRow
from anyapi.storage.rows import AccountRow
from anyapi.storage.sql_holdings import SqlHoldings
from anyapi.storage.sql_logs import SqlLogs
from anyapi.storage.sql_people import SqlPeople
from anyapi.storage.sql_ranking import SqlRanking
from anyapi.storage.sql_requests import SqlRequests
from anyapi.storage.sql_review import SqlReview
from anyapi.storage.sql_store import SqlStore
from anyapi.storage.sqlite import SqliteStore
from anyapi.upstream.dialer import Dialer

PASSWORD = "correct horse battery staple"
HASH = hashed(PASSWORD)
"""Made once: it is slow on purpose."""
ROOT_KEYS = RootKeys([bytes(range(32))])
LOG_KEY = SigningKey("test/log", bytes(range(32)))
NOW = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


@dataclasses.dataclass
class Browser:
    """A cookie jar of its own before a client that all share; sends what the page would send."""

    client: TestClient
    cookies: dict[str, str] = dataclasses.field(default_factory=dict)
    csrf: str = ""

    def get(self, path):
        return self.send("GET", path)

    def send(self, method, path, json=None, **headers):
        sent = {"x-csrf-token": self.csrf, "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        answer = self.client.request(method, path, json=json, headers=sent, follow_redirects=False)
        self.cookies |= dict(answer.cookies)
        self.client.cookies.clear()
        return answer

    def post(self, path, json=None):
        return self.send("POST", path, json)

    def sign_in(self, email, password=PASSWORD):
        answer = self.post("/api/session", {"email": email, "password": password})
        if answer.status_code == 200:
            self.csrf = answer.json()["csrf"]
        return answer


@functools.cache
def shared_app(*, secure):
    """Routes and guards without services. Made once: it takes five times as long as the rest; one for each description."""
    return create_app(None)


class Entering:
    """The gateway's audit writer, at work only while it is waited for."""

    def __init__(self, driver):
        self.driver = driver

    def forget(self, accounts):
        pass

    def flush(self):
        enter_changes(self.driver)


class Control:
    """A control plane of its own, with its store, clock and people."""

    def __init__(self, directory, *, secure=False, oidc=None, driver=None):
        self.now = NOW.timestamp()
        self.config = load_config(None, {"HOME": str(directory), "ANYAPI_ROOT_KEY": bytes(range(32)).hex()}, NOW)
        self.driver = driver or driver_for(directory)
        self.store, self.people = SqlStore(self.driver, self.clock), SqlPeople(self.driver)
        self.requests, self.holdings, self.review = SqlRequests(self.driver), SqlHoldings(self.driver), SqlReview(self.driver)
        self.logs = SqlLogs(self.driver)
        self.ranking = SqlRanking(self.people)
        current = Current(
            self.review,
            (self.config.base, self.config.catalogue),
            functools.partial(catalogue_over, self.config),
            self.clock,
            self.config.span_days,
        )
        self.publisher = Publisher(self.config, self.store, sinks=(Entering(self.driver),), current=current, ranking=self.ranking)
        self.publisher.clock = self.clock
        self.snapshot = self.publisher.build()
        self.publisher.publish = lambda snapshot: setattr(self, "snapshot", snapshot)
        self.services = Services(
            store=self.store,
            people=self.people,
            requests=self.requests,
            holdings=self.holdings,
            logs=self.logs,
            attempts=Attempts(self.clock),
            review=self.review,
            ranking=self.ranking,
            receipts=Receipts(self.driver, lambda: enter_changes(self.driver, lambda: LOG_KEY), self.clock),
            audit=lambda: AuditReader(self.driver),
            rankings=lambda week: shown(self.snapshot.releases, week, sampling=True),
            updating=Updating(
                load_catalogue,
                functools.partial(catalogue_over, self.config),
                Dialer(["127.0.0.0/8", "10.0.0.0/8"]).allows,
                Dialer(["127.0.0.0/8"]).allows,
                root_keys=ROOT_KEYS,
            ),
            in_force=lambda: self.snapshot,
            reload=self.publisher.reload,
            floor=self.config.policy,
            inventory=lambda: {"content_stored": False, "stored": stored(90.0)},
            clock=self.clock,
            secure=secure,
            data_plane_url="http://127.0.0.1:8080",
            default_account="default",
            oidc=oidc,
            keeper=lambda: Keeper(self.config),
            unusable=lambda: self.publisher.unusable,
        )
        self._client = None

    @functools.cached_property
    def app(self):
        """The app of all tests, with the services of this one."""
        app = shared_app(secure=self.services.secure)
        app.state.services = self.services
        return app

    def clock(self):
        return self.now

    def person(self, email, role=None, account="default", *, operator=False):
        row = PersonRow(new_person_id(), email, email.partition("@")[0].title(), HASH, operator, self.now)
        self.people.add_person(row)
        if role is not None:
            self.people.put_member(MemberRow(account, row.id, role, self.now))
        return row

    def browser(self, email=None):
        if self._client is None:
            self._client = TestClient(self.app, raise_server_exceptions=False)
            self._client.__enter__()
        browser = Browser(self._client)
        if email is not None:
            assert browser.sign_in(email).status_code == 200
        return browser

    def link(self, kind=LinkKind.FIRST_RUN, account=None, role=None, email="", seconds=60.0):
        token = new_token()
        self.people.add_link(LinkRow(sha256_of(token), kind, self.now + seconds, account, role, email))
        return token

    def stored(self):
        """All that is in the store, as bytes."""
        if not self.driver.shared:
            return b"".join(path.read_bytes() for path in self.driver.path.parent.iterdir() if path.is_file())
        with contextlib.closing(self.driver.connect(everybody=True)) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            rows = [row for (table,) in tables for row in connection.execute(f"SELECT * FROM {table}").fetchall()]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)

    def close(self):
        if self._client is not None:
            self._client.__exit__(None, None, None)
        self.requests.close()
        self.holdings.close()
        self.logs.close()
        self.people.close()
        self.review.close()
        self.ranking.close()
        self.store.close()


@pytest.fixture(params=[sqlite, pytest.param(postgresql, marks=pytest.mark.long)], ids=lambda backend: backend.__name__)
def control(request, tmp_path):
    """Nobody is known yet."""
    with request.param(tmp_path) as backend, contextlib.closing(Control(tmp_path, driver=backend.driver)) as made:
        made.backend = backend
        yield made


@pytest.fixture
def staffed(control):
    """A person of each role in `default`, an operator without one, and an owner of another account."""
    control.store.add_account(AccountRow("other", "Other", control.now))
    for role in Role:
        control.person(f"{role}@x.org", role)
    control.person("operator@x.org", operator=True)
    control.person("stranger@x.org", Role.OWNER, "other")
    return control


@pytest.fixture
def review(tmp_path):
    """What is kept of the catalogue and its review, without a control plane."""
    with SqliteStore(tmp_path), SqlReview(tmp_path) as opened:
        yield opened
