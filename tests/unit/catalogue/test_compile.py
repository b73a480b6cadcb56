import random

import pytest
from tests.unit.catalogue.sample import sources, write

from anyapi.catalogue.compile import compile_catalogue
from anyapi.catalogue.load import load_catalogue
from anyapi.errors import CatalogueError


def test_equal_sources_give_equal_bytes_whatever_their_order(tmp_path):
    providers, models = sources()
    first = write(tmp_path / "first", providers, models)
    random.Random(1).shuffle(providers["providers"])
    providers["providers"] = [dict(reversed(record.items())) for record in providers["providers"]]
    second = write(tmp_path / "second", providers, models)
    compile_catalogue(first)
    compile_catalogue(second)
    assert (first / "catalogue.json").read_bytes() == (second / "catalogue.json").read_bytes()


def test_another_fact_is_another_version(tmp_path):
    providers, models = sources()
    compile_catalogue(write(tmp_path / "first", providers, models))
    providers["providers"][0]["policy"]["retention"]["days"] = 29
    compile_catalogue(write(tmp_path / "second", providers, models))
    old, new = load_catalogue(tmp_path / "first"), load_catalogue(tmp_path / "second")
    assert old.version != new.version
    assert len(new.version) == 64


def test_a_wrong_source_writes_nothing(tmp_path):
    providers, models = sources()
    providers["providers"][0]["kind"] = "x"
    directory = write(tmp_path, providers, models)
    before = sorted(path.name for path in directory.iterdir())
    with pytest.raises(CatalogueError):
        compile_catalogue(directory)
    assert sorted(path.name for path in directory.iterdir()) == before
