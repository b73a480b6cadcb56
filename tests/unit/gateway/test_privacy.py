"""The inventory of what is stored is held against the structs that are stored, both ways."""

import msgspec
import pytest
from tests.unit.gateway.workbench import DISCLOSURE

from anyapi.audit.entries import RequestEntry
from anyapi.domain.usage import DecisionRecord, UsageRow
from anyapi.gateway.privacy import inventory
from anyapi.gateway.privacy_fields import CONFIGURED, TABLES
from anyapi.gateway.privacy_fields_outside import OUTSIDE
from anyapi.storage.acceptance import Leftover
from anyapi.storage.holdings import HOLDINGS, Fate
from anyapi.telemetry.log import FIELDS

NUMBERED = {"number"}
"""Of a usage row the store adds its number to what the struct holds."""


@pytest.mark.parametrize(("struct", "purposes"), TABLES, ids=lambda value: getattr(value, "__name__", ""))
def test_every_stored_field_has_a_purpose_and_every_purpose_a_field(struct, purposes):
    assert set(struct.__struct_fields__) == set(purposes) - (NUMBERED if struct is UsageRow else set())
    assert all(len(purpose) > 3 for purpose in purposes.values())
    assert not [purpose for purpose in purposes.values() if " inf " in purpose], "people read these"


def leaves(struct, prefix=""):
    """Every field that is stored, structs inside of structs opened."""
    for field in msgspec.structs.fields(struct):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from leaves(field.type, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}"


@pytest.mark.parametrize(("record", "struct"), [("usage", UsageRow), ("decision", DecisionRecord), ("audit_request", RequestEntry)])
def test_the_page_lists_exactly_the_fields_of_the_record(record, struct):
    (found,) = [entry for entry in inventory(DISCLOSURE)["stored"] if entry["record"] == record]
    own = NUMBERED if struct is UsageRow else set()
    assert sorted(field["field"] for field in found["fields"]) == sorted([*leaves(struct), *own])
    assert all(field["purpose"] for field in found["fields"])


@pytest.mark.parametrize("record", ["usage", "audit_request", "sealed_logs"])
def test_the_time_of_a_request_is_said_to_be_that_at_which_it_came(record):
    """It is taken before anything is decided; the answer may be out minutes later, which `duration` says."""
    (found,) = [entry for entry in inventory(DISCLOSURE)["stored"] if entry["record"] == record]
    assert [field["purpose"].partition(",")[0] for field in found["fields"] if field["field"] == "at"] == ["when the request came"]


def test_numbers_of_the_audit_log_have_their_unit():
    """Its entries are whole numbers, and a usage row says the same in seconds and dollars."""
    (audit,) = [entry for entry in inventory(DISCLOSURE)["stored"] if entry["record"] == "audit_request"]
    said = {field["field"]: field["purpose"] for field in audit["fields"]}
    units = {
        "at": "milliseconds",
        "copy_until": "milliseconds",
        "duration": "microseconds",
        "first_token": "microseconds",
        "cost": "billionths",
    }
    assert [name for name, unit in units.items() if unit not in said[name]] == []


def test_a_provider_that_no_connection_was_made_to_is_not_said_to_have_seen_the_request():
    (usage,) = [entry for entry in inventory(DISCLOSURE)["stored"] if entry["record"] == "usage"]
    said = {field["field"]: field["purpose"] for field in usage["fields"]}
    assert not [name for name in ("provider", "endpoint") if "saw" in said[name]]
    assert "no connection" in said["sent_to"]


def test_what_is_said_of_how_long_is_what_deletion_and_updates_do():
    notes = {str(entry["record"]): str(entry.get("note", "")) for entry in inventory(DISCLOSURE)["stored"]}
    kept = [one.record for one in HOLDINGS if one.fate is Fate.DELETED and notes[one.record].startswith("kept")]
    assert kept == [], "goes with its account, and is said to be kept"
    assert "no usage row of its time" in notes["catalogues"], "the exposure ledger is made of both"


def test_it_says_which_requests_this_gateway_leaves_out_of_the_audit_log():
    def said(*unrecorded):
        (entry,) = [
            each for each in inventory(DISCLOSURE._replace(unrecorded=frozenset(unrecorded)))["stored"] if each["record"] == "audit_request"
        ]
        return entry["note"]

    assert said().endswith("here that is each, of every data class and of none.")
    assert said("public", None).endswith("this gateway leaves out requests of the class public and of no class.")
    assert said("public", "internal", None).endswith("leaves out requests of the class internal and of the class public and of no class.")


def test_that_the_operator_cannot_read_a_sealed_log_is_said_with_its_condition():
    """They may add a key of their own, which the list of readers shows."""
    assert "nor can its operator, unless that list has a key of theirs" in inventory(DISCLOSURE)["statement"]


def test_no_field_could_hold_content():
    """Text fields are ids, codes, or the five app fields that are limited to a few characters of an alphabet."""
    words = {"prompt", "completion"}
    named = {field for struct, _ in TABLES for field in struct.__struct_fields__}
    assert named.isdisjoint({"content", "messages", "body", "text", "input", "output", "arguments", "hash", "ip", "user_agent"})
    assert all(field.type is int for struct, _ in TABLES for field in msgspec.structs.fields(struct) if field.name in words)


def test_it_says_what_runs():
    page = inventory(DISCLOSURE)
    assert page["content_stored"] is False
    assert page["memory_scrubbing"] == {"on": True, "verified_at_start": True}
    assert page["process"] == {"core_dumps": True, "attachable": True, "swap": "unknown"}, "nothing is claimed that nobody looked at"
    assert (page["policy_url"], page["terms_url"], page["contact"]) == ("https://example.com/privacy", None, "privacy@example.com")
    assert page["catalogue_version"] == "v1"
    off = inventory(DISCLOSURE._replace(scrubbing=False, scrubbing_checked=False, usage_ttl_days=7.5))
    assert off["memory_scrubbing"] == {"on": False, "verified_at_start": False}
    assert off["stored"][0]["ttl_days"] == 7.5


def test_everything_else_that_is_stored_is_named():
    stored = inventory(DISCLOSURE)["stored"]
    assert [entry["record"] for entry in stored] == [
        "usage",
        "usage_hours",
        "decision",
        "audit_request",
        *(name for name, _, _ in (*CONFIGURED, *OUTSIDE)),
    ]
    msgspec.json.encode(stored)


def test_what_is_written_outside_the_database_is_named_field_by_field():
    """The page says of what is not on it that it is stored nowhere."""
    listed = {name: set(fields) for name, fields, _ in OUTSIDE}
    assert listed == {"log": {"event", *FIELDS}, "accepted": set(Leftover.__struct_fields__) - {"start"}}, "the start names the file"
