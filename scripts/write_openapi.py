"""Writes `dashboard/openapi.json`: what the control API describes itself as. The dashboard's client types are made from it."""

import json
from pathlib import Path

from litestar.serialization import encode_json

from anyapi.control.app import create_app
from anyapi.control.describe import described

FILE = Path(__file__).resolve().parent.parent / "dashboard/openapi.json"


def text() -> str:
    """The description as it is checked in."""
    return json.dumps(json.loads(encode_json(described(create_app(None)))), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
