import statistics
import subprocess
import sys
import time

import msgspec
import pytest
from tests.unit.catalogue.sample import sources, write

from anyapi.catalogue.compile import compile_catalogue
from anyapi.catalogue.load import PACKAGED, decode, load_catalogue
from anyapi.catalogue.source import read_catalogue
from anyapi.domain.catalogue import CHAT_ONLY, Operation
from anyapi.errors import CatalogueError
from anyapi.policy.availability import asked_of


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    directory = tmp_path_factory.mktemp("with a space")
    for name in ("providers.yaml", "models.yaml"):
        (directory / name).write_bytes((PACKAGED / name).read_bytes())
    compile_catalogue(directory)
    return directory


def test_every_record_survives_from_source_to_json_and_back(compiled):
    source, loaded = read_catalogue(PACKAGED), load_catalogue(compiled)
    assert (len(loaded.providers), len(loaded.models)) == (69, 157)
    assert sum(len(model.endpoints) for model in loaded.models.values()) == 904
    for name, provider in source.providers.items():
        assert loaded.providers[name] == provider
    for name, model in source.models.items():
        assert loaded.models[name] == model
    assert loaded == source


def test_loading_takes_under_5_ms(compiled):
    times = []
    for _ in range(20):
        # Processor time: other tests may hold the machine's cores meanwhile.
        start = time.process_time()
        load_catalogue(compiled)
        times.append(time.process_time() - start)
    assert statistics.median(times) < 0.005


def test_loading_imports_no_yaml_and_no_reader(compiled):
    code = f"""
import sys
from pathlib import Path
from anyapi.catalogue.load import load_catalogue
load_catalogue(Path({str(compiled)!r}))
heavy = {{"yaml", "rich", "click", "sqlalchemy", "anyapi.catalogue.source"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_bare_checkout_reads_the_yaml_and_writes_nothing(tmp_path):
    directory = write(tmp_path, *sources())
    before = sorted(path.name for path in directory.iterdir())
    assert load_catalogue(directory) == read_catalogue(directory)
    assert sorted(path.name for path in directory.iterdir()) == before


def test_the_packaged_catalogue_is_that_of_the_yaml_beside_it():
    assert load_catalogue() == read_catalogue(PACKAGED)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b'"training":"never"', b'"training":"no"', 1),
        lambda data: data.replace(b'"training":"by_default"', b'"training":"never"', 1),
        lambda data: b"",
    ],
)
def test_damage_is_refused(compiled, damage):
    with pytest.raises(CatalogueError) as caught:
        decode(damage((compiled / "catalogue.json").read_bytes()), "catalogue.json")
    assert caught.value.file == "catalogue.json"


def test_a_file_of_another_schema_is_refused_in_words():
    with pytest.raises(CatalogueError, match="make setup"):
        decode(msgspec.json.encode({"version": "x"}), "catalogue.json")


def test_embedding_models_are_told_from_chat_models():
    models = load_catalogue().models
    embedding = [model for model in models.values() if asked_of([model]) is Operation.EMBEDDINGS]
    assert len(embedding) >= 8
    for model in embedding:
        for endpoint in model.endpoints:
            assert endpoint.dimensions, endpoint.id
            assert endpoint.source, endpoint.id
            assert not endpoint.capabilities.streaming, endpoint.id
            assert endpoint.max_output_tokens is None, endpoint.id
    others = [endpoint for model in models.values() if model not in embedding for endpoint in model.endpoints]
    assert {(endpoint.operations, endpoint.dimensions) for endpoint in others} == {(CHAT_ONLY, None)}
