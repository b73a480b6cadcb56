"""The cast: a provider for each fault, every one with a key and canaries of its own."""

from anyapi.prove.cast import CREDENTIAL, STATING, providers
from anyapi.prove.dialects import FAULTS, OVER_WIRES, suffix
from anyapi.prove.planted import Planted
from anyapi.simulator import FORMATS


def test_each_has_its_name_its_key_and_its_words():
    planted = Planted()
    cast = providers(planted)
    assert len({spec.id for spec in cast}) == len(cast) > 80
    keys = [spec.api_key for spec in cast]
    assert sorted(planted.secrets) == sorted(keys)
    assert len(set(keys)) == len(cast)
    assert all(spec.echo and spec.models for spec in cast)
    assert sum(mark.label.startswith(CREDENTIAL) for mark in planted.marks.values()) == len(cast)


def test_there_is_one_for_each_fault_wire_and_statement():
    names = {spec.id for spec in providers(Planted())}
    wires = {f"sim-wire-{wire}-{fault}{suffix(path)}" for wire in FORMATS for fault in FAULTS for path in OVER_WIRES}
    assert wires | set(STATING) <= names
