"""An account that has rows in every table that can hold something of an account, each with a mark in every name that people chose."""

import asyncio
import contextlib
import hashlib

import msgspec
from tests.conformance.samples import NOON, RECIPIENT, contradiction, credential_row, decision_record, kept, key_row, usage_row

from anyapi.audit.entries import request_entry
from anyapi.domain.call import App
from anyapi.domain.people import Role
from anyapi.domain.prompt_log import Keeps, LogRule
from anyapi.domain.requirement import Layer, Settings
from anyapi.storage.audit_log import AppendedLog
from anyapi.storage.audit_names import LogIds
from anyapi.storage.contract_logs import RecipientRow
from anyapi.storage.people_rows import ChangeRow, IdentityRow, LinkKind, LinkRow, MemberRow, PersonRow, SessionRow
from anyapi.storage.request_rows import MessageRow, NoticeRow, RequestKind, RequestRow, RequestStatus
from anyapi.storage.review_rows import Channel, DeliveryRow, HoldRow, NotificationRow, UpdateRow, UpdateSource
from anyapi.storage.rows import AccountRow, Declared, ProjectRow, ProvisioningKeyRow
from anyapi.storage.usage_sums import add_up, write

REQUESTS, RECORDS = 30, 5


def sha256(text):
    return hashlib.sha256(text.encode()).digest()


def decision_id(mark, number):
    """Ids are the gateway's own and say nothing, so they hold no mark."""
    return "dec_" + hashlib.sha256(f"{mark}{number}".encode()).hexdigest()[:26]


def fill(backend, mark, *, at=NOON):
    """Make the account `mark`. Its owner belongs to it alone; its auditor, `both@x.org`, to `default` too."""
    with backend.store(NOON) as store:
        store.add_account(AccountRow(mark, f"{mark} name", at))
        store.add_project(ProjectRow(f"{mark}-project", mark, f"{mark} project", at))
        key = key_row(1, id=f"key_{mark}", sha256=sha256(mark), account=mark, project=f"{mark}-project", name=f"{mark} key")
        store.add_key(key, Settings(retention_days=1.0))
        store.change_settings(Layer.ACCOUNT, mark, lambda _: Settings(training_allowed=False), at)
        store.change_settings(Layer.PROJECT, f"{mark}-project", lambda _: Settings(paid_only=True), at)
        store.add_provisioning_key(
            ProvisioningKeyRow(f"prv_{mark}", "anyapi_pk_x", sha256(f"provisioning {mark}"), mark, at, f"{mark} provisioning")
        )
        declared = Declared(variables={"resource": f"{mark}-resource"})
        store.add_credential(credential_row(1, id=f"own:{mark}", account=mark, name=f"{mark} credential", declared=declared))
    with backend.people() as people:
        for name, role in ((f"per_{mark}", Role.OWNER), ("per_both", Role.AUDITOR)):
            if people.person(name) is None:
                email = "both@x.org" if name == "per_both" else f"{mark.lower()}@x.org"
                people.add_person(
                    PersonRow(name, email, "Both" if name == "per_both" else f"{mark} person", "$argon2id$x", operator=False, created_at=at)
                )
            people.put_member(MemberRow(mark, name, role, at))
            people.add_session(SessionRow(sha256(f"{mark}{name}"), name, at, at))
        people.put_member(MemberRow("default", "per_both", Role.MEMBER, at))
        people.add_identity(IdentityRow("https://id.x.org", f"{mark}-subject", f"per_{mark}", at))
        people.add_change(ChangeRow(at, mark, f"per_{mark}", "settings", f"account {mark}", "", f'{{"was":"{mark}"}}'))
        people.add_link(LinkRow(sha256(f"link {mark}"), LinkKind.INVITATION, at + 1, mark, Role.ADMIN, f"invited-{mark}@x.org"))
    with backend.requests() as requests:
        row = RequestRow(f"req_{mark}", mark, f"per_{mark}", RequestKind.QUESTION, RequestStatus.OPEN, at, at + 30, at)
        requests.open_request(row, MessageRow(f"msg_{mark}", mark, row.id, row.person, from_team=False, at=at, words=f"{mark} asks"))
        requests.add_notice(NoticeRow(f"ntc_{mark}", mark, at, "request_opened", f'{{"request":"req_{mark}"}}'))
    _log_of(backend, mark, at)
    with backend.ranking() as ranking:
        ranking.take_part(mark, part=False)
    _reviews_of(backend, mark, at)
    _logged(backend, mark)
    _requests_of(backend, mark)


def _log_of(backend, mark, at):
    with backend.store(NOON) as store:
        store.add_log_recipient(RecipientRow(f"rcp_{mark}", mark, RECIPIENT, f"{mark} reader", at))
        store.put_log_rule(mark, Layer.KEY, f"key_{mark}", LogRule(Keeps.BOTH), at)
    with backend.logs() as logs:
        logs.clear_logs(mark, at - 1)
    sink = backend.log_sink(NOON)
    for number in range(RECORDS):
        sink.hold(20)
        sink.put(kept(number, mark, decision=decision_id(mark, number), key=f"key_{mark}", project=f"{mark}-project"), 20)
    sink.close()


def _logged(backend, mark):
    """An entry of the audit log, and the names behind its random ids. What waits to be entered goes on waiting."""
    with contextlib.closing(backend.driver.connect(everybody=True)) as connection:
        named = LogIds()
        named.connection = connection
        row = usage_row(0, decision=decision_id(mark, "logged"))
        ids = (named("account", mark, mark), named("key", mark, f"key_{mark}"), named("app", mark, f"{mark}-app"))
        AppendedLog(backend.driver, connection).append([(f"r:{row.decision}", request_entry(row, ids, 0, {}, None))])


def _reviews_of(backend, mark, at):
    with backend.review() as review:
        last = review.last_adopted()
        after = decision_id(mark, "catalogue")  # versions are hashes: they hold no mark
        update = UpdateRow(0, at, "", UpdateSource.START, "base", pinned=False, effective=after, previous=last and last.effective)
        hold = HoldRow(mark, "provider:a", 0, f'{{"id":"{mark}"}}', at)
        assert review.adopt(update, {after: b"x", "base": b"base"}, [hold])
        review.change_review_settings(
            mark, lambda row: msgspec.structs.replace(row, webhook_url=f"https://{mark}.x.org"), by=f"per_{mark}", at=at
        )
        told = NotificationRow(f"ntf_{mark}", mark, at, "expiring", mark, f'{{"provider":"{mark}"}}')
        assert review.notify(told, [DeliveryRow(f"dlv_{mark}", mark, told.id, Channel.WEBHOOK, "", at)])
        review.see(mark, f"per_{mark}", at)


def _requests_of(backend, mark):
    app = App(id=f"{mark}-app", user_id=f"{mark}-user")
    named = {"account": mark, "key": f"key_{mark}", "project": f"{mark}-project", "app": app}
    rows = [usage_row(number, decision=decision_id(mark, number), **named) for number in range(REQUESTS)]
    with contextlib.closing(backend.driver.connect(everybody=True)) as connection:
        write(backend.driver, connection, rows[:-1])
        add_up(backend.driver, connection)
        write(backend.driver, connection, rows[-1:])
        with backend.driver.unit(connection, writes=True, several=True):
            # Workers on PostgreSQL fill these; the tables are in both.
            connection.execute("INSERT INTO slices VALUES (?, ?, 'w', 1, 1, ?)", (mark, f"key_{mark}", NOON))
            connection.execute("INSERT INTO recent_requests VALUES (?, ?, 1, 1)", (mark, f"key_{mark}"))
    decisions = backend.decision_sink()

    async def record():
        for number in range(RECORDS):
            await decisions.record(decision_record(number, decision=decision_id(mark, number), account=mark, key=f"key_{mark}"))

    asyncio.run(record())
    decisions.close()
    contradictions = backend.contradiction_sink()
    contradictions.put(contradiction(1, endpoint=f"xai/{mark[:4]}", credential="env:XAI", decision=decision_id(mark, 1)))
    contradictions.flush()
    contradictions.close()
