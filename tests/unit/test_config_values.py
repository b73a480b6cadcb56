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


@pytest.mark.parametrize(
    ("listen", "local"),
    [
        (Listen(host="127.0.0.1", port=1), True),
        (Listen(host="127.1.2.3", port=1), True),
        (Listen(host="::1", port=1), True),
        (Listen(host="localhost", port=1), True),
        (Listen(socket=Path("/run/a")), True),
        (Listen(host="0.0.0.0", port=1), False),
        (Listen(host="::", port=1), False),
        (Listen(host="10.0.0.1", port=1), False),
    ],
)
def test_who_can_connect(listen, local):
    assert listen.is_local is local


def test_the_defaults_are_those_of_the_documentation():
    assert Server().listen == Listen("127.0.0.1", 8080)
    assert ServerLimits() == ServerLimits(32 * 1024, 100, 32 * 1024 * 1024, 8000, 10, 30, 75, 30)
    assert UpstreamLimits() == UpstreamLimits(5, 120, 120)
