"""Signatures: AWS's published vectors, and requests to Bedrock whose signatures an AWS SDK computed."""

import copy
import datetime as dt
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyapi.errors import ConfigError
from anyapi.upstream.sigv4 import AwsKey, Signer, canonical, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "temporary/token+of==ours"
VECTOR_TIME = dt.datetime(2015, 8, 30, 12, 36, tzinfo=dt.UTC).timestamp()


def signer(token="", region="us-east-1", service="service", at=VECTOR_TIME):
    return Signer(AwsKey("AKIDEXAMPLE", SECRET, token), region, service, lambda: at)


def signature(lines):
    return lines.decode().split("Signature=")[1].split("\r\n")[0]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            b"Param1=value1",
            b"application/x-www-form-urlencoded",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
    ids=["post-vanilla", "post-x-www-form-urlencoded"],
)
def test_published_vectors(body, content_type, expected):
    assert signature(signer().sign(b"example.amazonaws.com", b"/", body, content_type)) == expected


def test_published_signing_key():
    expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
    assert signing_key(SECRET, "20150830", "us-east-1/iam/aws4_request").hex() == expected


def test_the_lines():
    lines = signer(TOKEN).sign(b"example.amazonaws.com", b"/", b"{}")
    assert lines.startswith(
        b"x-amz-date: 20150830T123600Z\r\nx-amz-security-token: " + TOKEN.encode() + b"\r\nauthorization: AWS4-HMAC-SHA256 "
    )
    assert b"Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " in lines
    assert b"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=" in lines
    assert lines.endswith(b"\r\n")
    assert lines.count(b"\r\n") == 3
    assert SECRET.encode() not in lines


MODEL = b"/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
ARN = b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/converse-stream"


@pytest.mark.parametrize(
    ("token", "path", "expected"),
    [
        ("", MODEL, "ef8de9fdbab4d990e2f0a5731c4c8cace1e11e4703e8e6ceff0010809896f7bf"),
        ("", ARN, "4f8fb4e59fdf32e22f6fd4703ae497883531c9fa51e7d1d5162fb2c67c27aa79"),
        ("token/+=", MODEL, "e423bceead6c438f8f48884b1f01ceb328ca051a7e814d32707e7105d882957b"),
    ],
)
def test_paths_of_bedrock(token, path, expected):
    """The expected signatures were computed with botocore 1.44.8 for the same requests."""
    made = signer(token, "eu-central-1", "bedrock", at=1_795_000_000.9)
    assert signature(made.sign(b"bedrock-runtime.eu-central-1.amazonaws.com", path, b'{"messages":[]}')) == expected


def test_an_encoded_path_is_encoded_once_more():
    assert canonical(b"/model/a%3A0/converse") == "/model/a%253A0/converse"
    assert canonical(b"/a-b_c.d~e/f") == "/a-b_c.d~e/f"
    assert canonical(b"") == "/"


def test_the_signing_key_follows_the_day():
    times = [VECTOR_TIME, VECTOR_TIME + 86_400, VECTOR_TIME]
    made = Signer(AwsKey("AKIDEXAMPLE", SECRET), "us-east-1", "service", iter(times).__next__)
    found = [signature(made.sign(b"example.amazonaws.com", b"/", b"", b"")) for _ in times]
    assert found[0] == found[2] == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    assert found[1] == signature(signer(at=times[1]).sign(b"example.amazonaws.com", b"/", b"", b""))


@pytest.mark.parametrize(
    "texts",
    [
        ("", SECRET, ""),
        ("AKID", "", ""),
        ("AK\r\nID", SECRET, ""),
        ("AKID", SECRET, "to ken"),
        ("AKID", SECRET, "tök"),
        ("AKID", "a\x00b", ""),
    ],
)
def test_what_no_header_can_carry_is_refused_unnamed(texts):
    with pytest.raises(ConfigError) as caught:
        AwsKey(*texts)
    assert not any(text in str(caught.value) for text in texts if len(text) > 3)


def test_the_secret_is_neither_printed_nor_pickled():
    key = AwsKey("AKIDEXAMPLE", SECRET, TOKEN)
    assert SECRET not in repr(key) + repr(signer(TOKEN))
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(key)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=100), st.floats(0, 4e9))
def test_the_signature_hangs_on_the_body_and_nothing_breaks_the_head(one, other, at):
    made = signer(at=at)
    first, second = (made.sign(b"h", b"/p", body) for body in (one, other))
    assert (first == second) is (one == other)
    assert first.count(b"\r\n") == first.count(b"\n") == 2
