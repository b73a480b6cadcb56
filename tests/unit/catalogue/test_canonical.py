import hashlib

import msgspec

from anyapi.catalogue.canonical import encode, version_of, with_version
from anyapi.catalogue.load import load_catalogue


def test_the_version_is_the_sha256_of_the_content_without_it():
    catalogue = load_catalogue()
    blank = encode(msgspec.structs.replace(catalogue, version=""))
    assert catalogue.version == hashlib.sha256(blank).hexdigest()
    assert version_of(encode(catalogue), catalogue.version) == catalogue.version


def test_the_old_version_does_not_count():
    catalogue = load_catalogue()
    assert with_version(msgspec.structs.replace(catalogue, version="other")) == catalogue
