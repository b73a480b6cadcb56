"""What a caller says about itself is a few short plain words, or refused; nothing else that it says is ever stored."""

import json

import pytest
from tests.hostile.talk import CANARY, post, refused, talk
from tests.tools.gateway import SEED, simulated


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("metadata") / "gateway") as pair:
        yield pair


@pytest.mark.parametrize("name", ["ID", "Name", "Version", "User-ID", "Session-ID"])
def test_app_headers(running, name):
    gateway, _ = running
    header = f"X-AnyAPI-App-{name}"
    for value in ("", "a b", "a" * 129, CANARY + "<script>", "a/b", "a,b", CANARY + "'--", "{}", "a\tb"):
        refused(running, SEED, {header: value}, field=header.lower())
    (answer,) = talk(gateway, post(json.dumps(SEED).encode(), f"{header}: a".encode(), f"{header}: b".encode())).responses()
    assert answer.status == 400
    assert gateway.chat({header: "a" * 128}).status == 200


@pytest.mark.parametrize("name", ["app_id", "app_name", "app_version", "user_id", "session_id"])
def test_app_metadata(running, name):
    for value in (None, 1, [], {}, "", "a b", "a" * 129, CANARY + "<script>", CANARY + "\0", "é"):
        refused(running, {**SEED, "metadata": {name: value}}, field=f"metadata.{name}")
    for value in (1, CANARY, [], True):
        refused(running, {**SEED, "metadata": value}, field="metadata")


def test_only_the_five_app_fields_and_no_other_word_of_the_caller_is_stored(running):
    gateway, _ = running
    words = {
        "metadata": {"app_id": "stored-app", "note": f"{CANARY}-metadata"},
        "user": f"{CANARY}-user",
        "model": f"{CANARY}/model",
    }
    assert (
        gateway.request("POST", "/v1/chat/completions", {**SEED, **words, "model": SEED["model"]}, {"X-Request-ID": f"{CANARY}-id"}).status
        == 200
    )
    for model in (f"{CANARY}/model", CANARY, f"{SEED['model']}:{CANARY}", "a" * 5000 + CANARY):
        assert gateway.request("POST", "/v1/chat/completions", {**SEED, "model": model}).status in {400, 404}
    assert gateway.stop() == 0
    try:
        assert "stored-app" in {row.app.id for row in gateway.usage()}
        stored = b"".join(path.read_bytes() for path in gateway.home.rglob("*") if path.is_file())
        assert CANARY.encode() not in stored
    finally:
        gateway.start()
