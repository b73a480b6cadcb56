"""Who is told what: over a real store and the shipped catalogue, with a clock that the test moves."""

import datetime as dt

import msgspec
import pytest
from tests.tools.catalogue_site import edited

from anyapi.catalogue.canonical import encode
from anyapi.control.notices import ExpiryNotice, ReminderNotice, UpdateNotice, decode
from anyapi.control.telling import tell_updates, tell_what_is_due
from anyapi.domain.data_policy import Retention, RetentionKind
from anyapi.domain.requirement import Layer, Settings
from anyapi.policy.standing import DAY
from anyapi.storage.review_rows import Channel, UpdateRow, UpdateSource

LOOSE = "cohere"


def next_catalogue(base):
    record = base.providers[LOOSE]
    policy = msgspec.structs.replace(record.policy, retention=Retention(RetentionKind.ZERO, 0.0))
    return edited(base, 1, cohere=msgspec.structs.replace(record, policy=policy))


def ask(control, account, **settings):
    control.store.change_settings(Layer.ACCOUNT, account, lambda before: Settings(**settings), control.now)


def update(control, found=None):
    """Install and adopt, as the running gateway would."""
    found = found or next_catalogue(control.config.base)
    control.review.install(UpdateRow(0, control.now, "cli", UpdateSource.FILE, found.version, pinned=False), encode(found))
    control.snapshot = control.publisher.build()
    return found


def notices(control, account):
    return [decode(row.body) for row in control.review.notifications(account, control.now + 1)]


@pytest.fixture
def updated(staffed):
    ask(staffed, "default", retention_days=0.0)
    staffed.review.change_review_settings("default", lambda row: msgspec.structs.replace(row, review_first=True, email=True), by="", at=1.0)
    update(staffed)
    return staffed


def test_each_account_is_told_once_what_it_means_for_it(updated):
    assert tell_updates(updated.services) == 1
    assert tell_updates(updated.services) == 0
    (mine,), (theirs,) = notices(updated, "default"), notices(updated, "other")
    assert isinstance(mine, UpdateNotice)
    assert mine.gained_endpoints == sum(map(len, mine.gained.values())) > 0
    assert {endpoint.partition("/")[0] for each in mine.gained.values() for endpoint in each} == {LOOSE}
    assert (mine.lost, mine.changed_providers, mine.to_accept) == ({}, (LOOSE,), ("provider:cohere",))
    assert (theirs.gained, theirs.changed_providers, theirs.to_accept) == ({}, (LOOSE,), ()), "it asks nothing, so it gains nothing"
    (row,) = [row for row in updated.review.updates() if row.source is UpdateSource.FILE]
    assert (row.accounts, row.told, row.told_at) == (2, 2, updated.now)


def checked_anew(catalogue, days):
    return {
        name: msgspec.structs.replace(
            record, provenance=msgspec.structs.replace(record.provenance, verified_at=record.provenance.verified_at + dt.timedelta(days))
        )
        for name, record in catalogue.providers.items()
    }


def test_records_that_were_looked_at_again_do_not_hide_the_one_that_changed(staffed):
    base = staffed.config.base
    update(staffed, edited(base, 1, **checked_anew(next_catalogue(base), 1)))
    tell_updates(staffed.services)
    (notice,) = notices(staffed, "default")
    assert notice.changed_providers == (LOOSE,)


def test_nobody_is_told_that_records_were_looked_at_again_and_nothing_else(staffed):
    update(staffed, edited(staffed.config.base, 1, **checked_anew(staffed.config.base, 1)))
    assert tell_updates(staffed.services) == 1
    assert notices(staffed, "default") == []


def test_an_account_that_is_not_concerned_is_left_alone(staffed):
    ask(staffed, "other", providers_only=frozenset({"openai"}))
    update(staffed)
    tell_updates(staffed.services)
    assert notices(staffed, "other") == []
    assert len(notices(staffed, "default")) == 1


@pytest.mark.long
def test_owners_and_admins_get_the_mail_if_there_is_a_mail_server(updated):
    tell_updates(updated.services)
    assert updated.review.deliveries("default") == []
    updated.services = msgspec.structs.replace(updated.services, updating=msgspec.structs.replace(updated.services.updating, mails=True))
    update(updated, edited(next_catalogue(updated.config.base), 5))
    update(updated, next_catalogue(edited(updated.config.base, 9)))
    update(updated, edited(updated.config.base, 12))
    tell_updates(updated.services)
    sent = updated.review.deliveries("default")
    assert {row.channel for row in sent} == {Channel.EMAIL}
    people = {person.id: member.role for member, person in updated.people.members("default")}
    assert {people[row.person] for row in sent} == {"owner", "admin"}
    assert updated.review.deliveries("other") == []


def test_an_update_whose_catalogue_is_gone_ends_without_a_word(updated):
    updated.review._write("lose it", "DELETE FROM catalogues", ())
    assert tell_updates(updated.services) == 1
    assert notices(updated, "default") == []
    assert updated.review.untold_updates() == []


def test_an_expiry_is_told_thirty_days_ahead_once_and_again_when_it_is_there(staffed):
    clock = staffed.now
    assert tell_what_is_due(staffed.services) == 0
    staffed.now = clock + 160 * DAY
    assert tell_what_is_due(staffed.services) > 0
    assert tell_what_is_due(staffed.services) == 0
    (notice, *_) = notices(staffed, "default")
    assert isinstance(notice, ExpiryNotice)
    assert not notice.expired
    assert "openai" in {name for each in notices(staffed, "default") for name in each.providers}
    staffed.now = clock + 181 * DAY
    tell_what_is_due(staffed.services)
    assert any(each.expired for each in notices(staffed, "default"))


def test_a_reminder_comes_after_the_days_that_the_account_wants_and_not_before(staffed):
    def wishes(before):
        return msgspec.structs.replace(before, remind_days=10.0, reminded_at=staffed.now)

    staffed.review.change_review_settings("other", wishes, by="", at=staffed.now)
    begins = staffed.now
    staffed.now = begins + 9.9 * DAY
    assert tell_what_is_due(staffed.services) == 0
    staffed.now = begins + 10 * DAY
    assert tell_what_is_due(staffed.services) == 1
    assert notices(staffed, "other") == [ReminderNotice(None, 0)]
    assert notices(staffed, "default") == []
    staffed.now += 9 * DAY
    assert tell_what_is_due(staffed.services) == 0
    staffed.now += 1 * DAY
    assert tell_what_is_due(staffed.services) == 1


def test_old_notifications_go(updated):
    tell_updates(updated.services)
    updated.now += 401 * DAY
    tell_what_is_due(updated.services)
    assert not any(isinstance(each, UpdateNotice) for each in notices(updated, "default"))
