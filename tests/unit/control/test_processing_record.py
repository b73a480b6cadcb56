"""The record of processing: what is known is in it, what is not is null and named, and no end is made up."""

from tests.unit.policy.samples import context, kept, provider
from tests.unit.policy.test_exposure import THEN, sent

from anyapi.control.processing_record import COLUMNS, TO_COMPLETE, About, ProcessingRecord, iso, record_of, rows_of, until_text
from anyapi.domain.exposure import Keeping, RetentionClock
from anyapi.policy.exposure import FactsThen, Period, ledger

KNOWN = provider(headquarters="US", contracting_country="IE", storage_regions=("eu",), terms_url="https://p.test/terms")
TODAY = context([KNOWN])
INVENTORY = {"content_stored": False, "memory_scrubbing": {"on": True}, "process": {"core_dumps": False}}
ABOUT = About("acme", "Acme", "privacy@acme.test", None, INVENTORY)


def made(*rows, about=ABOUT) -> ProcessingRecord:
    return record_of(ledger(rows, FactsThen([Period(0.0, TODAY.catalogue)], TODAY), THEN + 40), TODAY.catalogue, about)


def test_recipients_with_what_the_catalogue_knows_of_them():
    (known,) = made(sent(requests=3), sent(app="other")).recipients
    assert (known.provider, known.name, known.headquarters, known.contracting_country) == ("p", "P", "US", "IE")
    assert (known.storage_regions, known.requests, known.last_at) == (("eu",), 4, iso(THEN + 20))


def test_a_host_behind_a_router_is_a_recipient_too():
    assert [one.provider for one in made(sent(host="behind")).recipients] == ["behind", "p"]
    assert made(sent(host="behind")).recipients[0].name is None


def test_what_only_the_controller_knows_is_named_and_not_filled_in():
    record = made(sent(data_class="internal"))
    assert record.to_complete == TO_COMPLETE
    assert {"purposes", "categories_of_data_subjects", "data_protection_officer"} <= set(TO_COMPLETE)
    assert (record.gateway_contact, record.gateway_policy_url, record.covers_from) == ("privacy@acme.test", None, iso(THEN + 10))
    assert record.data_classes == ("internal",)


def test_measures_are_those_that_are_on():
    on, off = made(sent()).security_measures, made(sent(), about=About("acme", None, None, None, {})).security_measures
    assert set(off) < set(on)
    for word in ("overwritten", "core dumps", "sealed to its own public keys"):
        assert [word in measure for measure in (*on, *off)].count(True) == 1
    dumping = About("acme", None, None, None, {**INVENTORY, "process": {"core_dumps": True}})
    assert not any("core dumps" in measure for measure in made(sent(), about=dumping).security_measures)


def test_lines_have_a_value_for_each_column():
    found = ledger([sent()], FactsThen([Period(0.0, TODAY.catalogue)], TODAY), THEN + 40)
    (row,) = rows_of(found.entries, TODAY.catalogue)
    named = dict(zip(COLUMNS, row, strict=True))
    assert (named["provider_name"], named["headquarters"], named["kept"], named["until"]) == ("P", "US", "nothing", "nothing is kept")


def test_an_end_that_nobody_stated_is_words():
    assert until_text(RetentionClock(Keeping.UNKNOWN, None, None)) == "unknown / until further notice"
    assert until_text(RetentionClock(Keeping.INDEFINITELY, None, None)) == "until further notice"
    assert until_text(RetentionClock(Keeping.UNTIL, 1.0, 0.0)) == "1970-01-01T00:00:00+00:00"
    assert kept("unknown").days is None
