"""What is counted for metrics."""

import msgspec
from tests.conformance.samples import usage_row

from anyapi.domain.ids import AccountId, KeyId
from anyapi.telemetry.counts import Counted, Counts


def test_a_copy_stays_as_it_was():
    counts = Counts()
    counts.add(usage_row(1, provider="a"))
    copy = counts.copy()
    counts.add(usage_row(2, provider="a"))
    counts.refuse("overloaded")
    ((_, sums),) = copy.requests.items()
    assert (sums.requests, sum(sums.durations), copy.refused) == (1, 1, {})


def test_a_counted_row_goes_on_to_its_sink():
    taken = []

    class Sink:
        def accept(self):
            taken.append("accepted")

        put = taken.append

    counts, row = Counts(), msgspec.structs.replace(usage_row(1), account=AccountId("a"), key=KeyId("k"))
    counted = Counted(Sink(), counts)
    counted.accept()
    counted.put(row)
    assert taken == ["accepted", row]
    assert len(counts.requests) == 1
