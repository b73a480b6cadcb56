import datetime as dt
import tomllib

from anyapi.catalogue.diff import CatalogueChange, ChangeKind, diff
from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.operator import extend, read_extension
from anyapi.catalogue.reading import Problems, Table


def extended(text):
    base, problems = load_catalogue(), Problems()
    return extend(base, read_extension(Table(tomllib.loads(text), problems, "anyapi.toml"), base, dt.date(2027, 1, 1)))


OWN = """
[providers.lab]
kind = "local"
[providers.lab.api]
base_url = "http://10.0.0.5:8000/v1"
protocol = "openai-chat"
auth = "none"
[[models]]
id = "lab/own"
[[models.endpoints]]
provider = "lab"
model = "own-1"
"""


def test_a_catalogue_does_not_differ_from_itself():
    assert diff(load_catalogue(), load_catalogue()) == ()


def test_what_was_added_is_removed_the_other_way_round():
    base, new = load_catalogue(), extended(OWN)
    subjects = [("provider", "lab"), ("model", "lab/own"), ("endpoint", "lab/own-1")]
    assert diff(base, new) == tuple(CatalogueChange(ChangeKind(f"{what}_added"), subject) for what, subject in subjects)
    assert diff(new, base) == tuple(CatalogueChange(ChangeKind(f"{what}_removed"), subject) for what, subject in subjects)


def test_a_changed_policy_field_is_named_with_both_values():
    old, new = load_catalogue(), extended('[providers.openai.policy]\nretention = { kind = "limited", days = 7 }')
    changes = {change.field: (change.before, change.after) for change in diff(old, new)}
    before = old.providers["openai"].policy.retention
    assert changes["policy.retention.days"] == (str(before.days), "7.0")
    assert changes["confidence"] == ("primary", "secondary")
    assert all(change.kind is ChangeKind.PROVIDER_CHANGED and change.subject == "openai" for change in diff(old, new))


def test_price_and_status_of_an_endpoint():
    endpoint = load_catalogue().models["openai/gpt-4o"].endpoints[0]
    text = f"""
    [[models]]
    id = "openai/gpt-4o"
    [[models.endpoints]]
    provider = "{endpoint.provider}"
    model = "{endpoint.upstream_model}"
    status = "retired"
    price = {{ input = 99 }}
    """
    changes = diff(load_catalogue(), extended(text))
    assert [(change.kind, change.subject, change.field, change.after) for change in changes] == [
        (ChangeKind.ENDPOINT_CHANGED, endpoint.id, "price.input", "99.0"),
        (ChangeKind.ENDPOINT_CHANGED, endpoint.id, "status", "retired"),
    ]
    assert changes[1].text == f"endpoint {endpoint.id}: status: deprecated -> retired"


def test_presence_as_text():
    assert CatalogueChange(ChangeKind.PROVIDER_REMOVED, "x").text == "provider x removed"
    assert CatalogueChange(ChangeKind.PROVIDER_CHANGED, "x", "notes", None, "n").text == "provider x: notes: none -> n"
