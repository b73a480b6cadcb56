"""A gateway by its address: plain, with TLS, on a unix socket."""

import ssl

import pytest
import trustme
from tests.tools.gateway import simulated

from anyapi.prove.target import Target, _trusting


def test_a_port(tmp_path):
    with simulated(tmp_path / "home") as (gateway, _):
        target = Target(gateway.url, gateway.key)
        assert target.request("GET", "/v1/key").status == 200
        assert target.request("GET", "/v1/key", headers={"Authorization": ""}).status == 401
        with target.named("a-name"):
            assert target.request("GET", "/v1/models").headers["x-request-id"] == "a-name"
        assert target.request("GET", "/v1/models").headers.get("x-request-id") != "a-name"
    assert (target.port, target.path) == (gateway.port, "")
    assert gateway.key not in repr(target)


def test_a_unix_socket(tmp_path):
    path = tmp_path / "s"
    with simulated(tmp_path / "home", environment={"ANYAPI_LISTEN": f"unix:{path}"}) as (gateway, _):
        target = Target(f"unix:{path}", gateway.key)
        assert target.request("GET", "/v1/key").status == 200
        assert (target.port, target.path) == (None, str(path))


def test_tls_on_loopback_whatever_name_the_certificate_has(tmp_path):
    made = trustme.CA().issue_cert("gateway.example")
    made.private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    tls = f'[server.tls]\ncertificate = "{tmp_path / "server.pem"}"\nkey = "{tmp_path / "server.pem"}"\n'
    with simulated(tmp_path / "home", server=tls) as (gateway, _):
        assert Target(f"https://127.0.0.1:{gateway.port}", gateway.key).request("GET", "/v1/key").status == 200


def test_elsewhere_a_certificate_is_checked():
    assert _trusting("gateway.example").verify_mode is ssl.CERT_REQUIRED
    assert _trusting("192.0.2.1").check_hostname
    assert _trusting("::1").verify_mode is ssl.CERT_NONE


def test_another_kind_of_address():
    with pytest.raises(ValueError, match="unix"):
        Target("ftp://x", "sk")
