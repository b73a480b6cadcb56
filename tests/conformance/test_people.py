"""The contract of people, sessions, links and changes, MUST by MUST, against every implementation."""

import threading

import pytest
from tests.conformance.samples import NOON

from anyapi.domain.people import Role
from anyapi.errors import StorageError
from anyapi.storage.driver import Conflict
from anyapi.storage.people_rows import ChangeRow, IdentityRow, LinkKind, LinkRow, MemberRow, PersonRow, SessionRow

TOKEN = bytes(range(32))


@pytest.fixture
def people(acme):
    with acme.people() as opened:
        yield opened


def person(number=1, **fields):
    values = {"id": f"per_{number}", "email": f"p{number}@x.org", "name": f"P {number}", "password": "$argon2id$x", "operator": False}
    return PersonRow(**{**values, "created_at": NOON, **fields})


def test_a_person_comes_back_as_they_were_put(people):
    people.add_person(person(1, operator=True))
    people.add_person(person(2, password=None, disabled_at=NOON + 1))
    assert people.person("per_1") == person(1, operator=True)
    assert people.person_by_email("p2@x.org") == person(2, password=None, disabled_at=NOON + 1)
    assert people.person("per_3") is people.person_by_email("p3@x.org") is None
    assert people.people_count() == 2


def test_a_person_who_is_no_member_is_deleted_with_all_that_leads_to_them(people):
    people.add_person(person(1))
    people.add_session(SessionRow(TOKEN, "per_1", NOON, NOON))
    people.add_identity(IdentityRow("https://id.x.org", "subject", "per_1", NOON))
    people.add_link(LinkRow(TOKEN, LinkKind.INVITATION, NOON + 1, "acme", Role.ADMIN, "p1@x.org"))
    people.add_change(ChangeRow(NOON, "acme", "per_2", "member_invited", "p1@x.org"))
    people.add_change(ChangeRow(NOON, "acme", "per_2", "member_invited", "p11@x.org"))
    assert people.delete_person("per_1") is True
    assert people.person("per_1") is people.session(TOKEN) is people.link(TOKEN, NOON) is None
    assert people.identities("per_1") == []
    assert {row.subject for row in people.changes("acme", NOON + 1, 10)} == {"per_1", "p11@x.org"}
    assert people.delete_person("per_1") is False


@pytest.mark.parametrize("operator", [True, False], ids=["runs the gateway", "is a member"])
def test_who_runs_the_gateway_or_is_a_member_is_not_deleted(people, operator):
    people.add_person(person(1, operator=operator))
    people.add_session(SessionRow(TOKEN, "per_1", NOON, NOON))
    if not operator:
        people.put_member(MemberRow("acme", "per_1", Role.MEMBER, NOON))
    assert people.delete_person("per_1") is False
    assert people.person("per_1") == person(1, operator=operator)
    assert people.session(TOKEN) is not None


@pytest.mark.parametrize("second", [person(1, email="other@x.org"), person(2, email="p1@x.org")])
def test_ids_and_addresses_are_unique(people, second):
    people.add_person(person(1))
    with pytest.raises(StorageError):
        people.add_person(second)
    assert people.people_count() == 1


def test_a_new_password_ends_every_session_of_its_owner_alone(people):
    for number in (1, 2):
        people.add_person(person(number))
        people.add_session(SessionRow(TOKEN + bytes([number]), f"per_{number}", NOON, NOON))
    people.set_password("per_1", "$argon2id$y")
    assert people.person("per_1").password == "$argon2id$y"
    assert people.session(TOKEN + b"\1") is None
    assert people.session(TOKEN + b"\2") is not None


def test_who_people_are_at_a_sign_in_service(people):
    for number in (1, 2):
        people.add_person(person(number))
    first, second = IdentityRow("https://a.org", "s1", "per_1", NOON), IdentityRow("https://b.org", "s1", "per_1", NOON)
    people.add_identity(second)
    people.add_identity(first)
    assert people.identities("per_1") == [first, second]
    assert people.person_by_identity("https://a.org", "s1") == person(1)
    assert people.identities("per_2") == []
    for issuer, subject in (("https://a.org", "S1"), ("https://a.org", "s2"), ("https://c.org", "s1")):
        assert people.person_by_identity(issuer, subject) is None
    for taken in (IdentityRow("https://a.org", "s1", "per_2", NOON), IdentityRow("https://a.org", "s2", "per_1", NOON)):
        with pytest.raises(StorageError):
            people.add_identity(taken)
    with pytest.raises(StorageError):
        people.add_identity(IdentityRow("https://a.org", "s3", "per_3", NOON))
    assert people.identities("per_1") == [first, second]


def test_members_and_roles(people):
    for number in (1, 2):
        people.add_person(person(number))
    people.put_member(MemberRow("acme", "per_2", Role.OWNER, NOON))
    people.put_member(MemberRow("acme", "per_1", Role.AUDITOR, NOON + 1))
    people.put_member(MemberRow("default", "per_1", Role.OWNER, NOON + 2))
    assert [(row.person, row.role, found.email) for row, found in people.members("acme")] == [
        ("per_2", Role.OWNER, "p2@x.org"),
        ("per_1", Role.AUDITOR, "p1@x.org"),
    ]
    assert people.roles("per_1") == {"acme": Role.AUDITOR, "default": Role.OWNER}
    people.put_member(MemberRow("acme", "per_1", Role.ADMIN, NOON + 3))
    assert people.roles("per_1")["acme"] is Role.ADMIN
    assert people.remove_member("acme", "per_1") is True
    assert people.remove_member("acme", "per_1") is False
    assert people.roles("per_1") == {"default": Role.OWNER}


@pytest.mark.parametrize("member", [MemberRow("nowhere", "per_1", Role.OWNER, NOON), MemberRow("acme", "per_9", Role.OWNER, NOON)])
def test_a_member_needs_an_account_and_a_person(people, member):
    people.add_person(person(1))
    with pytest.raises(StorageError):
        people.put_member(member)


def test_the_last_owner_stays(people):
    people.add_person(person(1))
    people.put_member(MemberRow("acme", "per_1", Role.OWNER, NOON))
    with pytest.raises(StorageError) as refused:
        people.put_member(MemberRow("acme", "per_1", Role.MEMBER, NOON))
    assert refused.value.metadata["code"] == "last_owner"
    with pytest.raises(StorageError):
        people.remove_member("acme", "per_1")
    assert people.roles("per_1") == {"acme": Role.OWNER}
    people.add_person(person(2))
    people.put_member(MemberRow("acme", "per_2", Role.OWNER, NOON))
    assert people.remove_member("acme", "per_1") is True


def test_sessions(people):
    people.add_person(person(1))
    row = SessionRow(TOKEN, "per_1", NOON, NOON)
    people.add_session(row)
    assert people.session(TOKEN) == row
    assert people.session(TOKEN[1:]) is None
    people.touch_session(TOKEN, NOON + 60)
    assert people.session(TOKEN).seen_at == NOON + 60
    people.end_session(TOKEN)
    people.end_session(TOKEN)
    assert people.session(TOKEN) is None


def test_all_sessions_of_a_person_end_together(people):
    people.add_person(person(1))
    for number in range(3):
        people.add_session(SessionRow(bytes([number]), "per_1", NOON, NOON))
    assert people.end_sessions("per_1") == 3
    assert people.end_sessions("per_1") == 0


def test_old_and_idle_sessions_and_links_are_purged(people):
    people.add_person(person(1))
    for name, created, seen in ((b"old", NOON - 100, NOON), (b"idle", NOON, NOON - 100), (b"good", NOON, NOON)):
        people.add_session(SessionRow(name, "per_1", created, seen))
    people.add_link(LinkRow(b"gone", LinkKind.FIRST_RUN, NOON - 100))
    assert people.purge_sessions(NOON - 50, NOON - 50) == 2
    assert people.session(b"good") is not None
    assert people.session(b"old") is people.session(b"idle") is people.link(b"gone", NOON - 200) is None


def test_a_link_is_taken_once_by_one(people):
    link = LinkRow(TOKEN, LinkKind.INVITATION, NOON + 10, "acme", Role.MEMBER, "new@x.org")
    people.add_link(link)
    assert people.link(TOKEN, NOON) == link
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(people.take_link(TOKEN, NOON))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each for each in taken if each is not None] == [link]


def test_whoever_enters_by_a_link_is_a_member_or_the_link_is_as_it_was(people):
    """Of two links of one new person, taken at once, one was lost: used up, and nobody a member by it."""
    links = [LinkRow(name, LinkKind.INVITATION, NOON + 10, "acme", Role.OWNER, "p1@x.org") for name in (b"1", b"2")]
    people.add_link(links[0])
    member = MemberRow("acme", "per_1", Role.OWNER, NOON)
    assert people.enter(b"1", NOON + 10, member, person(1)) is False
    assert people.enter(b"1", NOON, member, person(1)) is True
    assert (people.person("per_1"), people.roles("per_1")) == (person(1), {"acme": Role.OWNER})
    assert people.enter(b"1", NOON, member) is False
    people.add_link(links[1])
    with pytest.raises(Conflict):
        people.enter(b"2", NOON, MemberRow("acme", "per_2", Role.OWNER, NOON), person(2, email="p1@x.org"))
    assert people.link(b"2", NOON) == links[1]
    assert people.person("per_2") is None
    with pytest.raises(StorageError, match="owner"):
        people.enter(b"2", NOON, MemberRow("acme", "per_1", Role.MEMBER, NOON))
    assert people.link(b"2", NOON) == links[1]


def test_whoever_joins_is_a_member_with_an_identity_or_not_known_at_all(people):
    """Of a person without a role nobody would know that a rule lets them in: they could not come in again."""
    known = IdentityRow("https://id.x.org", "subject", "per_1", NOON)
    people.join(person(1), MemberRow("acme", "per_1", Role.MEMBER, NOON), known)
    assert (people.person_by_identity("https://id.x.org", "subject"), people.roles("per_1")) == (person(1), {"acme": Role.MEMBER})
    for other in (person(2, email="p1@x.org"), person(2)):
        with pytest.raises(Conflict):
            people.join(other, MemberRow("acme", "per_2", Role.MEMBER, NOON), IdentityRow("https://id.x.org", "subject", "per_2", NOON))
        assert people.person("per_2") is None
    with pytest.raises(StorageError):
        people.join(person(3), MemberRow("nowhere", "per_3", Role.MEMBER, NOON), IdentityRow("https://id.x.org", "third", "per_3", NOON))
    assert people.person("per_3") is None


def test_of_those_who_enter_by_a_first_link_at_once_one_does(people):
    people.add_link(LinkRow(TOKEN, LinkKind.FIRST_RUN, NOON + 10))
    entered = []

    def enter(number):
        entered.append(people.enter(TOKEN, NOON, MemberRow("acme", f"per_{number}", Role.OWNER, NOON), person(number, operator=True)))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entered) == [False] * 7 + [True]
    assert people.people_count() == 1


def test_a_first_link_is_good_for_nothing_once_somebody_is_known(people):
    people.add_link(LinkRow(TOKEN, LinkKind.FIRST_RUN, NOON + 10))
    people.add_person(person(1))
    assert people.enter(TOKEN, NOON, MemberRow("acme", "per_2", Role.OWNER, NOON), person(2)) is False
    assert people.people_count() == 1


def test_a_link_runs_out(people):
    people.add_link(LinkRow(TOKEN, LinkKind.FIRST_RUN, NOON + 10))
    assert people.link(TOKEN, NOON + 10) is None
    assert people.take_link(TOKEN, NOON + 10) is None


def test_invitations_of_an_account_that_have_not_run_out(people):
    late, soon = (
        LinkRow(name, LinkKind.INVITATION, NOON + end, "acme", Role.MEMBER, f"{end}@x.org") for name, end in ((b"1", 20), (b"2", 10))
    )
    others = [
        LinkRow(b"3", LinkKind.INVITATION, NOON + 10, "default", Role.OWNER, "20@x.org"),
        LinkRow(b"4", LinkKind.FIRST_RUN, NOON + 10),
    ]
    for link in (late, soon, *others):
        people.add_link(link)
    assert people.invitations("acme", NOON) == [soon, late]
    assert people.invitations("acme", NOON + 10) == [late]
    assert people.is_invited("20@x.org", NOON + 19)
    assert not people.is_invited("20@x.org", NOON + 20)
    assert not people.is_invited("", NOON)


def test_a_new_link_ends_those_like_it(people):
    others = [
        LinkRow(b"1", LinkKind.INVITATION, NOON + 10, "default", Role.MEMBER, "a@x.org"),
        LinkRow(b"2", LinkKind.INVITATION, NOON + 10, "acme", Role.MEMBER, "b@x.org"),
        LinkRow(b"3", LinkKind.FIRST_RUN, NOON + 10),
    ]
    old = LinkRow(b"4", LinkKind.INVITATION, NOON + 10, "acme", Role.MEMBER, "a@x.org")
    for link in (*others, old):
        people.add_link(link)
    people.add_link(LinkRow(b"5", LinkKind.INVITATION, NOON + 10, "acme", Role.OWNER, "a@x.org"))
    assert people.link(b"4", NOON) is None
    assert [people.link(link.sha256, NOON) for link in others] == others
    people.add_link(LinkRow(b"6", LinkKind.FIRST_RUN, NOON + 10))
    assert people.link(b"3", NOON) is None


def test_changes_are_read_newest_first_and_of_one_account(people):
    for number in range(5):
        people.add_change(ChangeRow(NOON + number, "acme", "per_1", "settings", "account acme", "", f'{{"n":{number}}}'))
    people.add_change(ChangeRow(NOON, "default", "cli", "settings", "x"))
    people.add_change(ChangeRow(NOON, None, "cli", "settings", ""))
    assert [row.after for row in people.changes("acme", NOON + 3, 2)] == ['{"n":2}', '{"n":1}']
    assert [row.person for row in people.changes(None, NOON + 99)] == ["cli"]


def test_a_change_of_an_account_that_is_gone_is_not_kept(people):
    people.add_change(ChangeRow(NOON, "gone", "per_1", "key_made", "key_1", "", '{"name":"gone"}'))
    assert people.changes("gone", NOON + 1) == []


def test_a_person_prints_without_address_and_hash():
    assert repr(person(1)) == "PersonRow(id='per_1')"
