from pathlib import Path

import pytest

from anyapi.config_values import Listen, Server, ServerLimits, UpstreamLimits


@pytest.mark.parametrize(
    ("listen", "text"),
    [
        (Listen("127.0.0.1", 8080), "127.0.0.1:8080"),
        (Listen("::1", 1), "[::1]:1"),
        (Listen(socket=Path("/run/a.sock")), "unix:/run/a.sock"),
    ],
)
def test_an_address_as_it_is_written(listen, text):
    assert str(listen) == text


def test_the_defaults_are_those_of_the_documentation():
    assert Server().listen == Listen("127.0.0.1", 8080)
    assert ServerLimits() == ServerLimits(32 * 1024, 100, 32 * 1024 * 1024, 8000, 10, 30, 75, 30)
    assert UpstreamLimits() == UpstreamLimits(5, 120, 120)
