import pytest

from anyapi.catalogue import vocabulary as v
from anyapi.catalogue.load import load_catalogue
from anyapi.domain.catalogue import Auth
from anyapi.domain.data_policy import CERTIFICATIONS


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (v.PROVIDER_ID, ["openai", "x-1"], ["OpenAI", "-x", "a/b", "a" * 65, ""]),
        (v.MODEL_ID, ["meta-llama/llama-3.3-70b-instruct"], ["llama", "a/b/c", "A/b", "a/", "/b"]),
        (v.UPSTREAM_MODEL, ["@cf/meta/llama", "amazon.nova-lite-v1:0"], ["a b", "", "a\n"]),
        (v.REGION, ["eu", "de", "us", "global", "local"], ["EU", "e", "eu-west-1"]),
        (v.COUNTRY, ["DE"], ["de", "DEU"]),
        (v.ENVIRONMENT_NAME, ["OPENAI_API_KEY"], ["sk-abcdef123456", "openai_api_key", "1A"]),
        (v.PLACEHOLDER_VALUE, ["my-resource_1"], ["evil.example/", "a.b", "", "a#b", "a@b"]),
        (
            v.BASE_URL,
            ["https://a.example/v1", "http://[::1]:8000/v1", "https://{region}.a.example"],
            ["https://a.example/v1/", "https://u@a.example", "https://a.example/?q", "https://a.example/#f", "ftp://a", "https://"],
        ),
        (v.PAGE_URL, ["https://a.example/p?q#f"], ["javascript:alert(1)", "https://u@a.example", "https://a b"]),
    ],
)
def test_forms(form, good, bad):
    assert [text for text in good if not form.fits(text)] == []
    assert [text for text in bad if form.fits(text)] == []


def test_every_way_a_credential_travels_has_a_plain_word():
    assert {v.AUTH_WORDS[auth.value][0] for auth in Auth} == set(Auth)


def test_the_catalogue_uses_no_other_certification():
    claimed = {name for provider in load_catalogue().providers.values() for name in provider.certifications}
    assert claimed <= CERTIFICATIONS
