"""The second half of `anyapi serve`: what it says when it is ready, and that it refuses what is wrong."""

import pytest
from tests.tools.gateway import simulated

from anyapi.cli.serving import serve_until_stopped
from anyapi.errors import ConfigError


def test_it_says_where_it_is_and_stops_in_good_order(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        assert gateway.request("GET", "/healthz").status == 200
        assert gateway.stop() == 0
        assert "event=started" in gateway.log()
        assert "event=stopped" in gateway.log()


def test_a_wrong_configuration_is_refused(tmp_path, monkeypatch):
    for name in ("ANYAPI_CONFIG", "ANYAPI_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "anyapi.toml"
    file.write_text("[serfer]\nlisten = 1\n")
    with pytest.raises(ConfigError, match="serfer"):
        serve_until_stopped(file, quiet=True)
