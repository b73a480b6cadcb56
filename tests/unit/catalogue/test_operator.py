import datetime as dt
import tomllib

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.operator import Extension, apply, extend, read_extension
from anyapi.catalogue.reading import Problems, Table
from anyapi.domain.catalogue import ProviderKind, Status
from anyapi.domain.data_policy import Confidence, Retention, RetentionKind, Training, ZeroRetention
from anyapi.errors import CatalogueError

TODAY = dt.date(2027, 3, 1)


def read(text):
    problems = Problems()
    extension = read_extension(Table(tomllib.loads(text), problems, "anyapi.toml"), load_catalogue(), TODAY)
    problems.raise_catalogue_error()
    return extension


def errors_of(text):
    with pytest.raises(CatalogueError) as caught:
        extend(load_catalogue(), read(text))
    return {(e.file, e.record, e.field) for e in caught.value.problems or (caught.value,)}


OWN = """
[providers.gpu-lab]
kind = "local"
regions = ["de"]
[providers.gpu-lab.api]
base_url = "http://10.0.0.5:8000/v1"
protocol = "openai-chat"
auth = "none"
[providers.gpu-lab.policy]
training = "never"
retention = { kind = "zero", days = 0 }
zero_retention_available = "default"
human_review = "no"

[[models]]
id = "lab/own"
[[models.endpoints]]
provider = "gpu-lab"
model = "own-1"

[[models]]
id = "meta-llama/llama-3.3-70b-instruct"
[[models.endpoints]]
provider = "gpu-lab"
model = "llama33"
price = { input = 0, output = 0 }
"""


def test_an_own_server_and_models_join_the_catalogue_under_a_new_version():
    base = load_catalogue()
    extended = extend(base, read(OWN))
    lab = extended.providers["gpu-lab"]
    assert (lab.kind, lab.name, lab.policy.zero_retention) == (ProviderKind.LOCAL, "gpu-lab", ZeroRetention.DEFAULT)
    assert (lab.provenance.verified_at, lab.provenance.confidence) == (TODAY, Confidence.PRIMARY)
    assert extended.models["lab/own"].endpoints[0].id == "gpu-lab/own-1"
    before = base.models["meta-llama/llama-3.3-70b-instruct"]
    after = extended.models["meta-llama/llama-3.3-70b-instruct"]
    assert after.endpoints[:-1] == before.endpoints
    assert after.endpoints[-1].id == "gpu-lab/llama33"
    assert (after.name, after.open_weights) == (before.name, before.open_weights)
    assert extended.version != base.version
    assert base == load_catalogue()


def test_aliases_are_kept_or_replaced_whole():
    text = '[[models]]\nid = "anthropic/claude-haiku-4.5"\n'
    base = load_catalogue().models["anthropic/claude-haiku-4.5"]
    assert extend(load_catalogue(), read(text)).models[base.id].aliases == base.aliases == ("claude-haiku-4-5-20251001",)
    after = extend(load_catalogue(), read(text + 'aliases = ["small", "claude-haiku"]')).models[base.id]
    assert (after.aliases, after.endpoints) == (("small", "claude-haiku"), base.endpoints)
    with pytest.raises(CatalogueError, match="aliases"):
        extend(load_catalogue(), read(text + 'aliases = ["gpt-5.2"]'))


def test_nothing_to_add_is_the_same_catalogue():
    base = load_catalogue()
    assert extend(base, Extension("anyapi.toml")) is base


def test_a_correction_changes_the_fields_it_names_and_keeps_dates():
    base = load_catalogue().providers["openai"]
    text = '[providers.openai]\nregions = ["eu"]\n[providers.openai.api]\nbase_url = "https://eu.api.openai.com/v1"'
    after = extend(load_catalogue(), read(text)).providers["openai"]
    assert after.api.base_url == "https://eu.api.openai.com/v1"
    assert after.api.env == base.api.env
    assert after.regions == ("eu",)
    assert after.policy == base.policy
    assert after.provenance.verified_at == base.provenance.verified_at


def test_corrected_facts_without_a_stated_confidence_are_secondary():
    text = '[providers.openai.policy]\nretention = { kind = "limited", days = 7 }'
    base = load_catalogue().providers["openai"]
    after = extend(load_catalogue(), read(text)).providers["openai"]
    assert base.provenance.confidence is Confidence.PRIMARY
    assert after.policy.retention == Retention(RetentionKind.LIMITED, 7)
    assert after.provenance.confidence is Confidence.SECONDARY
    stated = extend(load_catalogue(), read(text.replace("[", '[providers.openai]\nconfidence = "primary"\n[', 1))).providers["openai"]
    assert stated.provenance.confidence is Confidence.PRIMARY


def test_an_address_alone_leaves_confidence_as_it_is():
    text = '[providers.openai.api]\nbase_url = "https://eu.api.openai.com/v1"'
    assert extend(load_catalogue(), read(text)).providers["openai"].provenance.confidence is Confidence.PRIMARY


def test_an_endpoint_is_corrected_in_its_place():
    base = load_catalogue().models["openai/gpt-4o"]
    first = base.endpoints[0]
    text = f"""
    [[models]]
    id = "openai/gpt-4o"
    [[models.endpoints]]
    provider = "{first.provider}"
    model = "{first.upstream_model}"
    status = "deprecated"
    price = {{ input = 99 }}
    """
    after = extend(load_catalogue(), read(text)).models["openai/gpt-4o"]
    assert [endpoint.id for endpoint in after.endpoints] == [endpoint.id for endpoint in base.endpoints]
    corrected = after.endpoints[0]
    assert (corrected.status, corrected.price.input, corrected.price.output) == (Status.DEPRECATED, 99, first.price.output)
    assert corrected.context_length == first.context_length
    assert after.endpoints[1:] == base.endpoints[1:]


AGREEMENT = """
[[agreements]]
id = "zdr-2026"
provider = "openai"
attested_by = "Ada, DPO"
document = "contract 17"
valid_from = 2026-01-01
valid_until = 2027-01-01
models = ["openai/*"]
retention = { kind = "zero", days = 0 }
certifications = ["hipaa-baa"]
training = "never"
"""


def test_an_agreement_is_read():
    (agreement,) = read(AGREEMENT).agreements
    assert (agreement.id, agreement.provider, agreement.training) == ("zdr-2026", "openai", Training.NEVER)
    assert (agreement.valid_from, agreement.valid_until) == (dt.date(2026, 1, 1), dt.date(2027, 1, 1))
    assert agreement.retention == Retention(RetentionKind.ZERO, 0)
    assert agreement.regions is None


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('provider = "openai"', 'provider = "opnai"', "provider"),
        ("valid_until = 2027-01-01\n", "", "valid_until"),
        ("valid_until = 2027-01-01", "valid_until = 2026-01-01", "valid_until"),
        ('document = "contract 17"\n', "", "document"),
        ('training = "never"', 'training = "by_default"', "training"),
        ('training = "never"', 'training = "opt_out"', "training"),
        ('training = "never"', 'training = "unknown"', "training"),
        ("retention =", "flagged_retention =", "flagged_retention"),
        ("valid_from = 2026-01-01\n", "", "valid_from"),
        ('"hipaa-baa"', '"hipaa-bba"', "certifications"),
        ("models =", "modles =", "modles"),
    ],
)
def test_a_wrong_agreement_names_its_field(old, new, field):
    assert errors_of(AGREEMENT.replace(old, new)) == {("anyapi.toml", "agreements.zdr-2026", field)}


def test_flagged_retention_alone_states_nothing():
    flagged = 'flagged_retention = { kind = "limited", days = 7 }\n'
    with pytest.raises(CatalogueError) as caught:
        read(AGREEMENT.split("models =", maxsplit=1)[0] + flagged)
    assert caught.value.message == (
        "anyapi.toml: agreements.zdr-2026: flagged_retention: states nothing without `retention`: "
        "add the retention that the agreement grants, or remove this"
    )
    (agreement,) = read(AGREEMENT + flagged).agreements
    assert agreement.flagged_retention == Retention(RetentionKind.LIMITED, 7)


def test_a_misread_retention_does_not_blame_flagged_retention():
    wrong = AGREEMENT.replace('kind = "zero"', 'kind = "nil"') + 'flagged_retention = { kind = "limited", days = 7 }\n'
    assert errors_of(wrong) == {("anyapi.toml", "agreements.zdr-2026", "retention.kind")}


def test_an_agreement_must_state_something():
    text = AGREEMENT.split("models =", maxsplit=1)[0]
    assert errors_of(text) == {("anyapi.toml", "agreements.zdr-2026", None)}


@pytest.mark.parametrize(
    ("text", "record", "field"),
    [
        (OWN.replace("gpu-lab/", "x").replace('provider = "gpu-lab"', 'provider = "gpu"', 1), "models.lab/own", "endpoints[0].provider"),
        (OWN.replace('kind = "local"', 'kind = "cellar"'), "providers.gpu-lab", "kind"),
        (OWN.replace('training = "never"', 'trainign = "never"'), "providers.gpu-lab", "policy.trainign"),
        (OWN.replace("input = 0", "input = -1"), "models.meta-llama/llama-3.3-70b-instruct", "endpoints[0].price.input"),
        (OWN.replace('kind = "local"', 'kind = "local"\nid = "gpu-lab"'), None, "providers.gpu-lab.id"),
        (OWN.replace('auth = "none"', 'env = "OPENAI_API_KEY"'), "providers.gpu-lab", "api.env"),
        ('[[models]]\nid = "a/b"\n[[models]]\nid = "a/b"', "models.a/b", "id"),
        (AGREEMENT + AGREEMENT, "agreements.zdr-2026", "id"),
        ("[providers.openai.api]\nbase_url = 3", "providers.openai", "api.base_url"),
        ('[providers."Bad Id"]\nkind = "local"', "providers", "id"),
    ],
)
def test_own_records_are_as_strict_as_the_source(text, record, field):
    assert ("anyapi.toml", record, field) in errors_of(text)


def said_of(text):
    problems = Problems()
    extension = read_extension(Table(tomllib.loads(text), problems, "anyapi.toml"), load_catalogue(), TODAY)
    apply(load_catalogue(), extension, problems)
    return {(problem.record, problem.field): problem.message for problem in problems.found}


def test_own_providers_count_and_near_names_are_suggested():
    said = said_of(OWN.replace('provider = "gpu-lab"', 'provider = "gpu-lab2"', 1))
    assert said == {
        ("models.lab/own", "endpoints[0].provider"): "must be a provider of the catalogue, or one of [providers]; did you mean gpu-lab?"
    }
    said = said_of(AGREEMENT.replace('provider = "openai"', 'provider = "opnai"'))
    assert "; did you mean openai" in said["agreements.zdr-2026", "provider"]


def test_a_section_that_was_meant_to_extend_a_provider_is_told_of_it():
    said = said_of('[providers.openia]\nregions = ["eu"]\n')
    assert "is no provider of the catalogue" in said["providers.openia", None]
    assert "did you mean [providers.openai]" in said["providers.openia", None]
    assert ("providers.gpu-lab", None) not in said_of('[providers.gpu-lab]\nkind = "local"\n')
    assert said_of(OWN.replace("gpu-lab", "openia")) == {}  # whole, so it is meant


def test_an_endpoint_stated_twice_is_refused():
    block = '[[models.endpoints]]\nprovider = "openai"\nmodel = "gpt-4o"\n'
    found = errors_of('[[models]]\nid = "openai/gpt-4o"\n' + block + block)
    assert {record for _, record, _ in found} == {"models.openai/gpt-4o"}


def test_a_model_that_stands_twice_with_endpoints_and_aliases_is_noted_beside_everything_else():
    block = '[[models]]\nid = "a/b"\naliases = ["{0}"]\nendpoints = [{{ provider = "{1}", model = "{0}" }}]\n'
    problems = Problems()
    top = Table(tomllib.loads(block.format("one", "openai") + block.format("two", "nobody")), problems, "anyapi.toml")
    apply(load_catalogue(), read_extension(top, load_catalogue(), TODAY), problems)
    with pytest.raises(CatalogueError) as caught:
        problems.raise_catalogue_error()
    assert {(e.record, e.field) for e in caught.value.problems} == {("models.a/b", "id"), ("models.a/b", "endpoints[0].provider")}
