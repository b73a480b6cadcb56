"""Records as subjects: which of them may admit more, and through the store and back."""

import datetime as dt

import msgspec
from tests.unit.policy.samples import COMPILED, NOW, block, context, endpoint, kept, provenance, provider

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.subjects import loosened, read, records_of, renewal, written

SPAN, DAY = 180.0, 86400.0


def test_new_and_loosened_records_with_what_they_were():
    old = context([provider("a", block(retention=kept("limited", 30))), provider("b")], [endpoint("a"), endpoint("b")]).catalogue
    new = context([provider("a"), provider("b"), provider("c")], [endpoint("a"), endpoint("b", region="de"), endpoint("c")]).catalogue
    found = dict(loosened(old, new, NOW, SPAN))
    assert set(found) == {"provider:a", "provider:c", "endpoint:b/one", "endpoint:c/one"}
    assert found["provider:c"] is found["endpoint:c/one"] is None
    assert found["provider:a"].policy.retention.days == 30
    assert found["endpoint:b/one"] == old.models["acme/one"].endpoints[1]
    assert dict(loosened(new, new, NOW, SPAN)) == {}


def test_a_record_without_a_date_counts_from_its_catalogue():
    old = context([provider("a")]).catalogue
    new = msgspec.structs.replace(old, compiled=COMPILED + dt.timedelta(days=30))
    end = dt.datetime.combine(COMPILED, dt.time(), dt.UTC).timestamp() + SPAN * DAY
    assert dict(loosened(old, new, end, SPAN))["provider:a"].provenance.verified_at == COMPILED
    assert dict(loosened(old, new, end - 0.5, SPAN)) == {}, "nobody is asked about a check that was repeated in time"
    assert dict(loosened(old, new, end - 0.5, 90.0)).keys() == dict(loosened(old, new, end - 0.5, float("nan"))).keys() == {"provider:a"}
    assert dict(loosened(new, old, NOW, SPAN)) == {}


def test_every_record_of_the_catalogue_survives_the_store():
    found = load_catalogue()
    records = records_of(found)
    for name, record in found.providers.items():
        assert read(f"provider:{name}", written(record)) == record == records.get(f"provider:{name}")
    for model in found.models.values():
        for one in model.endpoints[:1]:
            assert read(f"endpoint:{one.id}", written(one)) == one == records.get(f"endpoint:{one.id}")
    assert records.get("provider:nobody") is records.get("endpoint:nobody/x") is written(None) is read("provider:a", None) is None


def test_a_renewal_changes_nothing_but_dates():
    before, after = provider(record=provenance(verified_at=COMPILED)), provider(record=provenance(verified_at=COMPILED.replace(day=30)))
    assert renewal(before, after)
    assert not renewal(before, provider(policy=block("unknown")))
    assert not renewal(None, after)
    assert not renewal(endpoint(), endpoint())
