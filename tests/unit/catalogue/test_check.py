import msgspec

from anyapi.catalogue.check import Place, check_models, check_providers
from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.reading import Problems


def fields(problems):
    return [(problem.record, problem.field) for problem in problems.found]


def test_the_shipped_catalogue_has_no_broken_reference():
    catalogue, problems = load_catalogue(), Problems()
    check_providers(catalogue.providers.values(), catalogue.providers, catalogue.models, problems, Place("f"))
    check_models(catalogue.models.values(), catalogue.providers, catalogue.models, problems, Place("f"))
    assert problems.found == []


def test_a_provider_cannot_be_the_same_as_itself():
    catalogue, problems = load_catalogue(), Problems()
    ollama = catalogue.providers["ollama"]
    exception = ollama.exceptions[0]
    changed = msgspec.structs.replace(
        ollama,
        exceptions=(msgspec.structs.replace(exception, override=msgspec.structs.replace(exception.override, same_as_provider="ollama")),),
    )
    check_providers([changed], catalogue.providers | {"ollama": changed}, catalogue.models, problems, Place("f"))
    assert fields(problems) == [("ollama", "policy_exceptions[0].override.same_as_provider")]


def test_a_model_cannot_succeed_itself():
    catalogue, problems = load_catalogue(), Problems()
    old = catalogue.models["anthropic/claude-3.5-sonnet"]
    changed = msgspec.structs.replace(old, endpoints=(msgspec.structs.replace(old.endpoints[0], successor=old.id),))
    check_models([changed], catalogue.providers, catalogue.models | {old.id: changed}, problems, Place("f"))
    assert fields(problems) == [(old.id, "endpoints[0].successor")]


def test_an_alias_is_a_name_of_one_model():
    catalogue = load_catalogue()
    sonnet = catalogue.models["anthropic/claude-sonnet-5"]
    for alias, wrong in [("claude-sonnet-five", False), ("claude-opus-5", True), ("claude-haiku-4-5-20251001", True)]:
        changed, problems = msgspec.structs.replace(sonnet, aliases=(alias,)), Problems()
        check_models([changed], catalogue.providers, catalogue.models | {sonnet.id: changed}, problems, Place("f"))
        assert fields(problems) == ([(sonnet.id, "aliases")] if wrong else []), alias


def test_no_model_may_have_the_name_of_the_choice():
    catalogue, problems = load_catalogue(), Problems()
    taken = msgspec.structs.replace(catalogue.models["anthropic/claude-3.5-sonnet"], id="anyapi/auto", endpoints=())
    check_models([taken], catalogue.providers, {"anyapi/auto": taken}, problems, Place("f"))
    assert fields(problems) == [("anyapi/auto", "id")]
