"""Where a credential is used, and in which region that is."""

import datetime as dt

import pytest

from anyapi.catalogue.locations import PLACES
from anyapi.catalogue.vocabulary import PLACEHOLDER_VALUE, REGION
from anyapi.config import load_config
from anyapi.config_addresses import origins_of, own_base_url, region_of

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)


def load(tmp_path, text="", **env):
    path = tmp_path / "anyapi.toml"
    path.write_text(text)
    return load_config(path, {"HOME": "/home/ada"} | env, NOW)


def test_where_an_accounts_own_key_goes(tmp_path):
    config = load(tmp_path, AZURE_OPENAI_RESOURCE="operators-own", AZURE_RESOURCE_NAME="operators-own")
    openai, azure = config.catalogue.providers["openai"], config.catalogue.providers["azure"]
    assert own_base_url(config, openai, {}) == ("https://api.openai.com/v1", None)
    assert "its address needs" in own_base_url(config, azure, {})[1], "the operator's own deployment is not the account's"
    url, problem = own_base_url(config, azure, {"resource": "acme-eu"})
    assert problem is None
    assert "acme-eu" in url
    assert "must be" in own_base_url(config, azure, {"resource": "evil.example/"})[1]


def test_a_private_address_must_be_allowed_for_accounts_too(tmp_path):
    config = load(tmp_path, "[network]\nprivate_addresses = []\n")
    ollama = config.catalogue.providers["ollama"]
    assert "private" in own_base_url(config, ollama, {})[1]


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_the_host_of_a_location_of_vertex(tmp_path, location, host):
    vertex = load(tmp_path).catalogue.providers["google-vertex"]
    url, problem = own_base_url(load(tmp_path), vertex, {"project": "p", "location": location})
    assert (url, problem) == (f"https://{host}/v1/projects/p/locations/{location}", None)
    assert "its address needs" in own_base_url(load(tmp_path), vertex, {"location": location})[1]
    assert "must be" in own_base_url(load(tmp_path), vertex, {"project": "p", "location": "evil.example/x"})[1]


@pytest.mark.parametrize(
    ("declared", "variables", "region"),
    [
        (None, {}, None),
        ("eu", {}, "eu"),
        (None, {"resource": "eu-central-1"}, None),
        (None, {"region": "eu-central-1"}, "de"),
        (None, {"region": "eu-west-2"}, "gb"),
        (None, {"region": "eu-central-2"}, "ch"),
        (None, {"location": "europe-west4"}, "nl"),
        (None, {"location": "global"}, "global"),
        (None, {"location": "eu"}, "eu"),
        ("eu", {"region": "eu-central-1"}, "eu"),
        ("de", {"region": "eu-central-1"}, "de"),
        ("jp", {"region": "mars-1"}, "jp"),
    ],
)
def test_the_region_of_an_address(declared, variables, region):
    assert region_of(declared, variables) == (region, None)


@pytest.mark.parametrize(
    ("declared", "variables", "why"),
    [
        (None, {"region": "mars-1"}, "not known where mars-1 lies"),
        ("us", {"region": "eu-central-1"}, "which is de"),
        ("eu", {"region": "eu-west-2"}, "which is gb"),
        ("de", {"location": "eu"}, "which is eu"),
        ("eu", {"location": "global"}, "which is global"),
    ],
)
def test_a_region_that_is_elsewhere_or_not_known(declared, variables, why):
    assert why in region_of(declared, variables)[1]


def test_every_location_has_a_word_of_the_policy_and_can_stand_in_an_address():
    assert len(PLACES) > 80
    for location, place in PLACES.items():
        assert PLACEHOLDER_VALUE.fits(location)
        assert REGION.fits(place)
        if location.startswith("us-"):
            assert place == "us"


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("https://anyapi.example.org", {"https://anyapi.example.org"}),
        ("https://anyapi.example.org:8443/console", {"https://anyapi.example.org:8443"}),
        ("http://[fd00::1]:8081", {"http://[fd00::1]:8081"}),
        ("http://127.0.0.1:8081", {"http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081"}),
        ("http://localhost", {"http://127.0.0.1", "http://localhost", "http://[::1]"}),
    ],
)
def test_where_a_browser_says_a_page_is_from(url, origins):
    assert origins_of(url) == origins
