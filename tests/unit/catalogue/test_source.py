import datetime as dt

import pytest
from tests.unit.catalogue.sample import sources, write

from anyapi.catalogue.source import read_catalogue
from anyapi.domain.catalogue import Auth, Status
from anyapi.domain.data_policy import Confidence, HumanReview, RetentionKind, Training, ZeroRetention
from anyapi.errors import CatalogueError


def errors_of(tmp_path, providers, models):
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(write(tmp_path / "source", providers, models))
    return [(e.file, e.record, e.field) for e in caught.value.problems or (caught.value,)]


def test_the_sample_is_read_as_it_is_written(tmp_path):
    catalogue = read_catalogue(write(tmp_path, *sources()))
    one, two = catalogue.providers["one"], catalogue.providers["two"]
    assert catalogue.compiled == dt.date(2026, 11, 24)
    assert one.policy.training is Training.NEVER
    assert (one.policy.retention.kind, one.policy.retention.days) == (RetentionKind.LIMITED, 30)
    assert one.policy.zero_retention is ZeroRetention.APPROVAL
    assert one.policy.human_review is HumanReview.YES
    assert one.provenance.verified_at == dt.date(2026, 11, 24)
    assert one.provenance.source_date == "2026-01-02"
    assert (one.api.auth, one.api.key_optional) == (Auth.BEARER, False)
    assert two.name == "two"
    assert two.provenance.confidence is Confidence.PRIMARY
    first, second = catalogue.models["maker/small"].endpoints
    assert (first.id, first.free, first.status) == ("one/small-1", False, Status.ACTIVE)
    assert (second.id, second.free) == ("two/small:latest", True)


def provider_breaks(p):
    return {
        "unknown key": lambda: p.update(polcy={}),
        "wrong enum": lambda: p["policy"].update(training="sometimes"),
        "bad url": lambda: p.update(terms_url="one.example/terms"),
        "bad base url": lambda: p["api"].update(base_url="https://key@api.one.example/v1"),
        "plain http": lambda: p["api"].update(base_url="http://api.one.example/v1"),
        "bad id": lambda: p.update(id="One!"),
        "bad date": lambda: p.update(source_date="2026-13-01"),
        "negative days": lambda: p["policy"]["retention"].update(days=-1),
        "days of zero": lambda: p["policy"].update(retention={"kind": "zero", "days": 3}),
        "days of unknown": lambda: p["policy"].update(retention={"kind": "unknown", "days": 3}),
        "yaml boolean": lambda: p["policy"].update(human_review=False),
        "unknown certification": lambda: p.update(compliance=["soc9"]),
        "unknown protocol": lambda: p["api"].update(protocol="telepathy"),
        "unknown auth": lambda: p["api"].update(auth="by hand"),
        "selector selects nothing": lambda: p["policy_exceptions"][0].update(applies_to={}),
        "override changes nothing": lambda: p["policy_exceptions"][0].update(override={}),
        "unknown selector": lambda: p["policy_exceptions"][0].update(applies_to={"modles": ["a"]}),
        "glob matches nothing": lambda: p["policy_exceptions"][0].update(applies_to={"models": ["maker/smal"]}),
        "same as nobody": lambda: p["policy_exceptions"][0].update(override={"same_as_provider": "three"}),
        "how contradicts": lambda: p["policy"].update(zero_retention_available="default"),
        "contracted": lambda: p.update(confidence="contracted"),
        "valid until before": lambda: p.update(valid_until="2026-11-24"),
    }


@pytest.mark.parametrize("name", provider_breaks({}))
def test_each_broken_provider_field_is_named_with_file_and_record(tmp_path, name):
    providers, models = sources()
    provider_breaks(providers["providers"][0])[name]()
    found = errors_of(tmp_path, providers, models)
    assert all(file in ("providers.yaml", "models.yaml") and field for file, _, field in found)
    assert any(file == "providers.yaml" and record in ("one", "One!") for file, record, _ in found)


def endpoint_breaks(e):
    return {
        "endpoints[0].provider": lambda: e.update(provider="nobody"),
        "endpoints[0].price.input": lambda: e["price"].update(input=-0.1),
        "endpoints[0].price.inptu": lambda: e["price"].update(inptu=1),
        "endpoints[0].status": lambda: e.update(status="dead"),
        "endpoints[0].context_length": lambda: e.update(context_length=0),
        "endpoints[0].successor": lambda: e.update(successor="maker/other"),
        "endpoints[0].deprecation_date": lambda: e.update(deprecation_date="soon"),
        "endpoints[0].capabilities.tools": lambda: e["capabilities"].update(tools="yes"),
        "endpoints[0].free": lambda: e.update(free=0),
        "endpoints[0].model": lambda: e.update(model="two words"),
        "endpoints[0].region": lambda: e.update(region="EU"),
    }


@pytest.mark.parametrize("field", endpoint_breaks({}))
def test_each_broken_endpoint_field_is_named(tmp_path, field):
    providers, models = sources()
    endpoint_breaks(models["models"][0]["endpoints"][0])[field]()
    assert errors_of(tmp_path, providers, models) == [("models.yaml", "maker/small", field)]


def test_everything_wrong_in_both_files_is_reported_at_once(tmp_path):
    providers, models = sources()
    providers["providers"][0]["policy"]["training"] = "x"
    providers["providers"][1]["kind"] = "y"
    models["models"][0]["endpoints"][0]["price"]["output"] = -1
    models["models"][0]["open_weights"] = "no"
    found = errors_of(tmp_path, providers, models)
    assert ("providers.yaml", "one", "policy.training") in found
    assert ("providers.yaml", "two", "kind") in found
    assert ("models.yaml", "maker/small", "endpoints[0].price.output") in found
    assert ("models.yaml", "maker/small", "open_weights") in found


def test_repeated_ids_are_refused(tmp_path):
    providers, models = sources()
    providers["providers"].append(providers["providers"][1])
    models["models"].append({**models["models"][0], "endpoints": []})
    found = errors_of(tmp_path, providers, models)
    assert ("providers.yaml", "two", "id") in found
    assert ("models.yaml", "maker/small", "id") in found


def test_one_endpoint_under_two_models_is_refused(tmp_path):
    providers, models = sources()
    models["models"].append({"id": "maker/other", "endpoints": [{"provider": "one", "model": "small-1"}]})
    assert {record for _, record, _ in errors_of(tmp_path, providers, models)} == {"maker/small", "maker/other"}


def test_two_providers_may_not_share_the_variable_of_their_key(tmp_path):
    providers, models = sources()
    providers["providers"][1]["api"]["env"] = "ONE_API_KEY"
    assert errors_of(tmp_path, providers, models) == [("providers.yaml", "two", "api.env")]


def test_the_compile_date_is_required(tmp_path):
    providers, models = sources()
    del providers["compiled"]
    assert ("providers.yaml", None, "compiled") in errors_of(tmp_path, providers, models)


def test_unknown_top_level_keys_are_refused(tmp_path):
    providers, models = sources()
    assert errors_of(tmp_path, providers, {**models, "model": []}) == [("models.yaml", None, "model")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("providers: [\n", "not valid YAML"),
        ("compiled: 2026-11-24\ncompiled: 2026-11-25\n", "there twice"),
        ("1: 2\n", "must be text"),
        ("- a\n", "table of fields"),
        ("a: !!python/object/apply:os.system [x]\n", "not valid YAML"),
        ("a: \x07\n", "not valid YAML"),
    ],
)
def test_what_is_not_strict_yaml_is_refused_with_the_file(tmp_path, text, words):
    directory = write(tmp_path, *sources())
    (directory / "providers.yaml").write_text(text)
    with pytest.raises(CatalogueError, match=words) as caught:
        read_catalogue(directory)
    assert caught.value.file == "providers.yaml"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CatalogueError, match="cannot be read") as caught:
        read_catalogue(tmp_path)
    assert {error.file for error in caught.value.problems} == {"providers.yaml", "models.yaml"}


def test_local_servers_may_be_reached_in_the_clear(tmp_path):
    providers, models = sources()
    providers["providers"][1]["api"]["base_url"] = "http://gpu.lan:8000/v1"
    assert read_catalogue(write(tmp_path, providers, models)).providers["two"].api.base_url == "http://gpu.lan:8000/v1"
