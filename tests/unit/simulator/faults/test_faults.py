import pytest

from anyapi.simulator.faults import BadFault, read_fault, read_script, script_of, split_model
from anyapi.simulator.faults.answers import Empty
from anyapi.simulator.faults.bodies import Status
from anyapi.simulator.faults.delivery import Reset, Stall


def test_fields_are_read():
    fault = read_fault('{"kind":"status","status":429,"retry_after":"soon"}')
    assert fault == Status(429, retry_after="soon")
    assert fault.kind == "status"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"kind":"unknown"}', '{"kind":"status","level":1}', '{"kind":"stall","seconds":"x"}', '{"kind":"reset","at":-1}'],
)
def test_what_is_not_a_fault(text):
    with pytest.raises(BadFault, match="docs/simulator"):
        read_fault(text)


def test_scripts():
    items = read_script('[null, {"kind":"empty"}, [{"kind":"empty"},{"kind":"reset","at":5}], []]')
    assert items == [(), (Empty(),), (Empty(), Reset(5)), ()]
    assert script_of([None, Empty(), [Empty()]]) == [(), (Empty(),), (Empty(),)]
    with pytest.raises(BadFault):
        read_script('{"kind":"empty"}')


@pytest.mark.parametrize(
    ("name", "model", "faults"),
    [
        ("gpt-4o-mini", "gpt-4o-mini", ()),
        ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet@20240620", ()),
        ("m@@empty", "m", (Empty(),)),
        ("m@@status/status:429/retry_after:soon@@stall/at:middle/of:body", "m", (Status(429, retry_after="soon"), Stall("middle", "body"))),
        ("m@@status/retry_after:2", "m", (Status(retry_after=2),)),
    ],
)
def test_model_suffixes(name, model, faults):
    assert split_model(name) == (model, faults)


def test_a_bad_suffix():
    with pytest.raises(BadFault):
        split_model("m@@nonsense")
