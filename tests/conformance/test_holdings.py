"""Giving out and deleting all that is held of an account, MUST by MUST, against every implementation."""

import contextlib

import pytest
from tests.conformance.samples import NOON, decision_record, usage_row
from tests.conformance.stores import enter_changes
from tests.conformance.whole_account import RECORDS, REQUESTS, decision_id, fill

from anyapi.domain.people import Role
from anyapi.errors import StorageError
from anyapi.storage.holdings import HOLDINGS, Fate
from anyapi.storage.people_rows import ChangeRow, IdentityRow, MemberRow, PersonRow, SessionRow
from anyapi.storage.rows import AccountRow, ProjectRow
from anyapi.storage.tenant import only
from anyapi.storage.usage_sums import add_up

GOES, STAYS = "CANARY-goes", "KEPT-stays"
NAME = "deleted:0123456789abcdefghij"
BY_RECORD = {one.record: one for one in HOLDINGS}


@pytest.fixture
def backend(backend):
    """Two whole accounts."""
    fill(backend, GOES)
    fill(backend, STAYS)
    return backend


@pytest.fixture
def holdings(backend):
    with backend.holdings() as opened:
        yield opened


def read_all(holdings, record, account, limit):
    one, rows, after = BY_RECORD[record], [], ()
    while page := holdings.page(one, account, after, limit):
        rows += page
        after = tuple(page[-1][name.strip('"')] for name in one.order)
    return rows


def delete(holdings, account=GOES):
    holdings.begin_closing(account, NOON + 100)
    assert holdings.delete_hours(account) > 0
    since = 0.0
    while True:
        gone, since = holdings.delete_usage(account, since, 7)
        if not gone:
            return holdings.delete_account(account, NAME)


def test_every_record_of_an_account_has_rows_here_or_the_other_tests_prove_nothing(holdings):
    holdings.begin_closing(GOES, NOON)
    assert [record for record, rows in holdings.held(GOES).items() if not rows] == []
    assert holdings.held(GOES)["usage"] == REQUESTS
    assert holdings.held("nowhere") == dict.fromkeys(BY_RECORD, 0)


@pytest.mark.parametrize("limit", [1, 7, 500])
def test_pages_give_every_row_once_and_of_one_account(holdings, limit):
    holdings.begin_closing(STAYS, NOON)
    for record, one in BY_RECORD.items():
        rows = read_all(holdings, record, STAYS, limit)
        assert len(rows) == holdings.held(STAYS)[record]
        keys = [tuple(row[name.strip('"')] for name in one.order) for row in rows]
        assert keys == sorted(set(keys)), record
        assert GOES not in repr(rows)


def test_what_would_go_is_less_than_what_is_held_where_others_need_it(holdings):
    held, going = holdings.held(GOES), holdings.going(GOES)
    assert (held["people"], going["people"]) == (2, 1)
    assert "contradictions" not in going
    assert held["sessions"] == going["sessions"] == 1


def test_closing_ends_keys_and_credentials_and_can_be_repeated(backend, holdings):
    holdings.begin_closing(GOES, NOON + 100)
    holdings.begin_closing(GOES, NOON + 200)
    with backend.store(NOON) as store:
        assert store.closing() == {GOES}
        assert [key.revoked_at for key in store.keys(GOES)] == [NOON + 100]
        (credential,) = store.credentials(GOES)
        assert (credential.disabled_at, credential.wrapped, credential.ciphertext) == (NOON + 100, b"", b"")
        assert [key.revoked_at for key in store.keys(STAYS)] == [None]
    with pytest.raises(StorageError):
        holdings.begin_closing("nowhere", NOON)


def test_an_account_that_is_not_closed_is_not_deleted(holdings):
    with pytest.raises(StorageError):
        holdings.delete_account(GOES, NAME)
    assert holdings.held(GOES)["keys"] == 1


def test_deletion_takes_all_but_what_must_stay_and_touches_no_other_account(backend, holdings):
    with contextlib.closing(backend.driver.connect(everybody=True)) as connection:
        add_up(backend.driver, connection)  # deletion does it too
    before = {record: read_all(holdings, record, STAYS, 500) for record in BY_RECORD}
    gone = delete(holdings)
    assert gone["usage"] == 0, "they went before"
    assert gone["decision"] == RECORDS
    assert {record: rows for record, rows in holdings.held(GOES).items() if rows} == {}
    assert {record: read_all(holdings, record, STAYS, 500) for record in BY_RECORD} == before
    with backend.people() as people:
        assert people.person(f"per_{GOES}") is None
        assert people.person("per_both") is not None
        assert people.roles("per_both") == {"default": Role.MEMBER, STAYS: Role.AUDITOR}
    with pytest.raises(StorageError):
        holdings.delete_account(GOES, NAME)


def test_whoever_asks_people_of_other_accounts_stay_and_leave_no_trace_in_an_archive(backend, holdings):
    with backend.people() as people:
        people.add_session(SessionRow(b"both" * 8, "per_both", NOON, NOON))
    with only(GOES):
        assert (holdings.held(GOES)["people"], holdings.going(GOES)["people"]) == (2, 1)
        assert [row["person"] for row in read_all(holdings, "sessions", GOES, 500)] == [f"per_{GOES}"]
        assert delete(holdings)["people"] == 1
    with backend.people() as people:
        assert people.person("per_both") is not None
        assert people.session(b"both" * 8) is not None


def test_who_was_removed_before_goes_with_the_last_account_that_knew_them(backend, holdings):
    """They are nobody's member, so no list shows them and no other deletion would ever find their name and address."""
    people_of = {"per_was": [], "per_else": ["default"], "per_runs": [], "per_other": []}
    with backend.people() as people:
        for person, accounts in people_of.items():
            people.add_person(PersonRow(person, f"{person}@x.org", person, "$argon2id$x", operator=person == "per_runs", created_at=NOON))
            people.add_identity(IdentityRow("https://id.x.org", person, person, NOON))
            people.add_session(SessionRow(person.encode().ljust(32), person, NOON, NOON))
            for account in accounts:
                people.put_member(MemberRow(account, person, Role.MEMBER, NOON))
            removed_from = STAYS if person == "per_other" else GOES
            people.put_member(MemberRow(removed_from, person, Role.MEMBER, NOON))
            assert people.remove_member(removed_from, person)
            people.add_change(ChangeRow(NOON, removed_from, "per_both", "member_removed", person))
    with only(GOES):
        assert "per_was" in [row["id"] for row in read_all(holdings, "people", GOES, 500)]
        assert holdings.going(GOES)["people"] == 2
        assert delete(holdings)["people"] == 2
    with backend.people() as people:
        assert [person for person in people_of if people.person(person) is None] == ["per_was"]
        assert people.identities("per_was") == []
        assert people.session(b"per_was".ljust(32)) is None


def test_sums_that_are_added_while_rows_go_go_too(backend, holdings):
    holdings.begin_closing(GOES, NOON)
    hours = holdings.held(GOES)["usage_hours"]
    assert holdings.delete_hours(GOES) == hours > 0
    assert holdings.held(STAYS)["usage_hours"] > 0
    sink = backend.usage_sink(NOON)
    sink.accept()
    sink.put(usage_row(904, decision="dec_late904", account=GOES))
    sink.close()
    assert holdings.held(GOES)["usage_hours"] > 0
    delete(holdings)
    assert holdings.held(GOES)["usage_hours"] == 0


def test_decision_records_outlive_their_account_under_another_name(backend, holdings):
    with backend.store(NOON) as store:
        before = store.decision(decision_id(GOES, 1))
        delete(holdings)
        after = store.decision(decision_id(GOES, 1))
    assert (after.account, after.key) == (NAME, "deleted")
    assert (after.permitted, after.denied, after.requirement, after.at) == (before.permitted, before.denied, before.requirement, before.at)


@pytest.mark.parametrize("name", ["somebody", "deleted", ""])
def test_a_decision_record_takes_no_other_name(holdings, name):
    holdings.begin_closing(GOES, NOON)
    with pytest.raises(StorageError):
        holdings.delete_account(GOES, name)
    assert holdings.held(GOES)["decision"] == RECORDS, "nothing was changed"
    assert holdings.held(GOES)["keys"] == 1


def test_the_bytes_are_gone_from_every_file_or_it_is_said_that_they_are_not(backend, holdings):
    assert backend.driver.shared or any(GOES.encode() in path.read_bytes() for path in backend.files()), "they were there"
    holdings.begin_closing(GOES, NOON)
    enter_changes(backend.driver)
    delete(holdings)
    assert holdings.wipe() is not backend.driver.shared
    assert [path.name for path in backend.files() if b"canary" in path.read_bytes().lower()] == []
    assert backend.driver.shared or any(STAYS.encode() in path.read_bytes() for path in backend.files())


def test_many_rows_among_those_of_others_leave_no_copy_behind(backend, holdings):
    """Where rows lie mixed, SQLite moves them between pages, and `secure_delete` does not see the copies that this leaves."""
    with backend.store(NOON) as store, backend.people() as people:
        fill_mixed(store, people)
    holdings.begin_closing(GOES, NOON)
    enter_changes(backend.driver)
    delete(holdings)
    holdings.wipe()
    assert [path.name for path in backend.files() if b"CANARY-mixed" in path.read_bytes()] == []


def fill_mixed(store, people):
    for number in range(400):
        account = (GOES, STAYS)[(number * 7919) % 2]
        mark = ("CANARY-mixed" if account is GOES else "fine") * (1 + number * 31 % 9)
        unordered = f"{(number * 7919) % 10_007:05d}"
        store.add_project(ProjectRow(f"{unordered}-{mark}", account, mark, NOON))
        people.add_change(ChangeRow(NOON + number * 7919 % 1009, account, "per", "settings", mark, "", f'"{mark}"'))


def test_what_ends_after_its_account_leaves_nothing_of_it(backend):
    sink = backend.usage_sink(NOON)
    sink.forget(frozenset({GOES}))
    for number, account in ((901, GOES), (902, STAYS)):
        sink.accept()
        sink.put(usage_row(number, decision=f"dec_late{number}", account=account, project="p", credential="own:1"))
    sink.flush()
    with backend.store(NOON) as store:
        rows = {row.decision: row for row in store.usage_rows(0.0, 1e12)}
    late = rows["dec_late901"]
    assert (late.account, late.key, late.project, late.credential, late.app.id) == ("deleted", "deleted", None, None, None)
    assert late.tokens.prompt == 100, "that it was accepted is still counted"
    assert rows["dec_late902"].account == STAYS
    sink.forget(frozenset())
    sink.accept()
    sink.put(usage_row(903, decision="dec_late903", account=GOES))
    sink.flush()
    with backend.store(NOON) as store:
        assert store.usage_rows(0.0, 1e12, GOES)[0].decision == "dec_late903", "another account of that id"
    sink.close()


def test_a_decision_that_ends_after_its_account_names_nobody(backend):
    sink = backend.decision_sink()
    sink.forget(frozenset({GOES}))
    sink.put(decision_record(901, decision="dec_late901", account=GOES))
    sink.put(decision_record(902, decision="dec_late902", account=STAYS))
    sink.close()
    with backend.store(NOON) as store:
        late = store.decision("dec_late901")
        assert (late.account, late.key) == ("deleted", "deleted")
        assert store.decision("dec_late902").account == STAYS


def test_an_id_can_be_used_again(backend, holdings):
    delete(holdings)
    with backend.store(NOON) as store:
        store.add_account(AccountRow(GOES, "again", NOON))
    assert {record: rows for record, rows in holdings.held(GOES).items() if rows} == {"accounts": 1}


def test_nothing_that_can_identify_somebody_is_said_to_stay():
    assert {one.record for one in HOLDINGS if one.fate is Fate.KEPT} == {"contradictions", "audit_entries"}
    assert {one.record for one in HOLDINGS if one.fate is Fate.DETACHED} == {"decision"}
