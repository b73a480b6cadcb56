from pathlib import Path

import pytest

from anyapi.catalogue.load import load_catalogue
from anyapi.catalogue.reading import Problems, Table
from anyapi.config_sections import known_names, parse_listen, read_presets, read_server
from anyapi.config_values import Listen
from anyapi.domain.data_policy import Confidence
from anyapi.domain.requirement import DataClass
from anyapi.policy.merge import DEFAULT_PRESETS


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:8080", Listen("127.0.0.1", 8080)),
        ("localhost:0", Listen("localhost", 0)),
        ("[::]:443", Listen("::", 443)),
        ("unix:/run/a b.sock", Listen(socket=Path("/run/a b.sock"))),
        ("8080", None),
        (":8080", None),
        ("::1:8080", None),
        ("a:65536", None),
        ("unix:", None),
        ("unix:/" + "x" * 120, None),
    ],
)
def test_where_to_listen(text, listen):
    assert parse_listen(text) == listen


def test_certificate_files_are_relative_to_the_configuration(tmp_path):
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("x")
    problems = Problems()
    server = read_server(Table({"tls": {"certificate": "c.pem", "key": "k.pem"}}, problems, "f"), tmp_path, None)
    assert (server.tls.certificate, server.tls.key) == (tmp_path / "c.pem", tmp_path / "k.pem")
    assert problems.found == []


@pytest.mark.parametrize(
    ("edit", "field", "value"),
    [
        ({"retention_days": 60}, "retention_days", 60),
        ({"training_allowed": True}, "training_allowed", True),
        ({"flagged_copies": "counted"}, "flagged_copies_counted", True),
        ({"min_confidence": "secondary"}, "min_confidence", Confidence.SECONDARY),
        ({"providers": {"only": ["openai"]}}, "providers_only", frozenset({"openai"})),
        ({"providers": {"ignore": ["xai"]}}, "providers_ignore", frozenset({"xai"})),
        ({"human_review_allowed": False}, "human_review_allowed", False),
    ],
)
def test_an_edit_of_a_class_changes_what_it_names_and_nothing_else(edit, field, value):
    problems = Problems()
    presets = read_presets(Table({"internal": edit}, problems, "f", path="classes"), known_names(load_catalogue()))
    assert problems.found == []
    assert getattr(presets[DataClass.INTERNAL], field) == value
    for name in type(presets[DataClass.INTERNAL]).__struct_fields__:
        if name != field:
            assert getattr(presets[DataClass.INTERNAL], name) == getattr(DEFAULT_PRESETS[DataClass.INTERNAL], name)
    assert {name: preset for name, preset in presets.items() if name != DataClass.INTERNAL} == {
        name: preset for name, preset in DEFAULT_PRESETS.items() if name != DataClass.INTERNAL
    }
