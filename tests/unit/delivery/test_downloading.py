"""A catalogue and its signature from an address: whole and signed, or nothing."""

import pytest
from tests.tools.catalogue_site import Keys, Site

from anyapi.catalogue.canonical import encode
from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.updating import UpdateRefused, check_signature
from anyapi.config_review import _key
from anyapi.delivery.checked_http import NotReached
from anyapi.delivery.downloading import download
from anyapi.upstream.dialer import Dialer

ANY = Dialer(["127.0.0.0/8"]).allows


@pytest.fixture
def offered(tmp_path):
    site, keys = Site(), Keys(tmp_path)
    site.offer(load_catalogue(), keys, "/c.json")
    yield site, keys
    site.close()


def test_what_openssl_signed_is_taken(offered):
    site, keys = offered
    assert download(f"{site.url}/c.json", [_key(keys.public)], ANY) == encode(load_catalogue())
    assert site.asked == ["/c.json", "/c.json.sig"]
    site.files |= {"/c.json?v=1": site.files["/c.json"], "/c.json.sig?v=1": site.files["/c.json.sig"]}
    assert download(f"{site.url}/c.json?v=1", [bytes(32), _key(keys.public)], ANY) == encode(load_catalogue())


@pytest.mark.parametrize("spoiled", [b"", b"A" * 88, b"no base64!", b"QUJD", b"A" * 200])
def test_no_other_signature_is(offered, spoiled):
    site, keys = offered
    site.files["/c.json.sig"] = spoiled
    with pytest.raises(UpdateRefused, match="nothing was changed"):
        download(f"{site.url}/c.json", [_key(keys.public)], ANY)


def test_without_a_key_nothing_is_signed(offered):
    site, keys = offered
    data = encode(load_catalogue())
    with pytest.raises(UpdateRefused):
        check_signature(data, keys.sign(data), [], "x")
    with pytest.raises(UpdateRefused):
        check_signature(data + b" ", keys.sign(data), [_key(keys.public)], "x")


def test_a_missing_file_and_a_large_signature(offered):
    site, keys = offered
    with pytest.raises(NotReached, match="update's address answered with status 404"):
        download(f"{site.url}/other.json", [_key(keys.public)], ANY)
    site.files["/bare.json"] = site.files["/c.json"]
    with pytest.raises(NotReached, match="its signature .*status 404"):
        download(f"{site.url}/bare.json", [_key(keys.public)], ANY)
    site.files["/c.json.sig"] = b"A" * 1000
    with pytest.raises(NotReached, match="larger than"):
        download(f"{site.url}/c.json", [_key(keys.public)], ANY)
