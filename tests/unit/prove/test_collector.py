"""The collector of `anyapi prove` keeps all that it is sent."""

import urllib.request

from anyapi.prove import collector
from anyapi.prove.collector import collecting


def test_what_is_sent_is_in_the_file(tmp_path):
    with collecting(tmp_path / "spans") as spans:
        url = spans.toml.split('"')[1]
        for body in (b"\0first\xff", b"second"):
            with urllib.request.urlopen(urllib.request.Request(url, body, {"X-Said": "third"}), timeout=10) as answer:
                assert (answer.status, answer.read()) == (200, b"")
    assert spans.files == (tmp_path / "spans",)
    kept = spans.files[0].read_bytes()
    assert all(said in kept for said in (b"\0first\xff", b"second", b"third", b"/v1/traces"))
    assert spans.files[0].stat().st_mode & 0o077 == 0


def test_without_the_extra_there_is_nothing_to_search(tmp_path, monkeypatch):
    monkeypatch.setattr(collector, "installed", lambda: False)
    with collecting(tmp_path / "spans") as spans:
        assert spans == ((), "")
        assert not (tmp_path / "spans").exists()
