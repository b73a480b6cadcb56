"""A request that Amazon's own library signed; and everything that must not pass."""

import pytest

from anyapi.simulator.request import Request
from anyapi.simulator.sigv4 import signed_by

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SIGNATURE = "9890a23c8a40ef7b080050ff2bee2c2d9037f75cea12c63e445d00a9b12517b3"
NAMES = "content-type;host;x-amz-date;x-amz-security-token"


def request(path="/model/anthropic.claude%3A0/converse", query="b=2&a=x%20y", body=b'{"messages":[]}', **headers):
    signed = f"Credential={ACCESS}/20261124/us-east-1/bedrock/aws4_request, SignedHeaders={NAMES}, Signature={SIGNATURE}"
    all_headers = {
        "content-type": "application/json",
        "host": "bedrock-runtime.us-east-1.amazonaws.com",
        "x-amz-date": "20261124T120000Z",
        "x-amz-security-token": "token",
        "authorization": f"AWS4-HMAC-SHA256 {signed}",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", path, query, list(all_headers.items()), body)


def test_the_librarys_signature_passes():
    assert signed_by(request(), ACCESS, SECRET)
    assert signed_by(request(query="a=x%20y&b=2", unsigned="anything"), ACCESS, SECRET)
    assert signed_by(request(content_type=" application/json  "), ACCESS, SECRET)
    assert signed_by(request(), ACCESS, SECRET, session="token")
    assert not signed_by(request(), ACCESS, SECRET, session="other")


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "/model/anthropic.claude:0/converse"},
        {"query": "a=x%20z&b=2"},
        {"body": b"{}"},
        {"host": "elsewhere"},
        {"x_amz_date": "20261124T120001Z"},
        {"x_amz_date": "20261125T120000Z"},
        {"x_amz_security_token": "other"},
        {"x_amz_content_sha256": "0" * 64},
        {"authorization": ""},
        {"authorization": "Bearer x"},
        {
            "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS}/20261124/us-east-1/bedrock/aws4_request, "
            f"SignedHeaders=host, Signature={SIGNATURE}"
        },
        {
            "authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS}/20261124/us-east-1/bedrock/aws4_request, "
            f"SignedHeaders=absent;host;x-amz-date, Signature={SIGNATURE}"
        },
    ],
)
def test_a_changed_request_does_not(changed):
    assert not signed_by(request(**changed), ACCESS, SECRET)


def test_nor_do_another_key_and_another_service():
    assert not signed_by(request(), "OTHER", SECRET)
    assert not signed_by(request(), ACCESS, "other")
    assert not signed_by(request(), ACCESS, SECRET, "s3")
