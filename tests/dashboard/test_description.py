"""The description of the control API that the dashboard's types are made from is the one that the app gives."""

import json
from pathlib import Path

from litestar.serialization import encode_json

from anyapi.control.app import create_app

ROOT = Path(__file__).resolve().parents[2]


def test_the_checked_in_description_is_the_apps():
    given = json.loads(encode_json(create_app(None).openapi_schema.to_schema()))
    kept = json.loads((ROOT / "dashboard/openapi.json").read_text())
    assert kept == given, "run: .venv/bin/python scripts/write_openapi.py"
