"""A key that stands twice at the top of a body, or inside a policy field, is a 400: which one counts would be a guess."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import LONG
from tests.hostile.talk import refused
from tests.tools.gateway import SEED, simulated

PLAIN = {name: value for name, value in SEED.items() if name != "data_policy"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with simulated(tmp_path_factory.mktemp("duplicates") / "gateway") as pair:
        yield pair


TOP = [
    "model",
    "messages",
    "data_policy",
    "provider",
    "providerOptions",
    "models",
    "tags",
    "stream",
    "store",
    "tools",
    "temperature",
    "metadata",
    "x",
]
VALUES = {
    "model": '"m"',
    "messages": "[]",
    "models": '["m"]',
    "tags": "[]",
    "stream": "false",
    "store": "false",
    "tools": "[]",
    "temperature": "1",
}


def spellings(key: str) -> list[str]:
    """The same key, written in other ways."""
    whole = "".join(f"\\u{ord(letter):04x}" for letter in key)
    first = f"\\u{ord(key[0]):04X}{key[1:]}"
    last = f"{key[:-1]}\\u{ord(key[-1]):04x}"
    return [f'"{text}"' for text in (key, first, last, whole)]


LAYOUTS = {"compact": (",", ":"), "spaced": (", ", ": "), "wide": (" ,\n", " :\t"), "odd": (",", ": ")}


def written(members: list[tuple[str, str]], layout: str) -> bytes:
    comma, colon = LAYOUTS[layout]
    return ("{" + comma.join(f"{key}{colon}{value}" for key, value in members) + "}").encode()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("key", TOP)
def test_a_duplicate_at_the_top_is_refused_however_it_is_written(running, key, layout):
    base = [(f'"{name}"', json.dumps(value)) for name, value in PLAIN.items()]
    own = [] if key in PLAIN else [(f'"{key}"', VALUES.get(key, "{}"))]
    for spelling, place in itertools.product(spellings(key), (0, 99)):
        members = [*base, *own]
        members.insert(place, (spelling, VALUES.get(key, "{}")))
        refused(running, written(members, layout))


def trap(members: list[tuple[str, str]], doubled: tuple[str, str], layout: str) -> bytes:
    """A body in which a key stands twice and which is as long as one of another layout without it."""
    comma, colon = LAYOUTS["compact"]
    lost = len(comma + doubled[0] + colon + doubled[1])
    if lost % 2 == 0:
        doubled, lost = (doubled[0], doubled[1][:-1] + " " + doubled[1][-1]), lost + 1
    count = (lost + 1) // 2
    fillers = [(f'"f{number}"', "1") for number in range(count - len(members) - 1)]
    assert len(members) + 1 + len(fillers) == count
    return written([*members, *fillers, doubled, (doubled[0], '{"training_allowed":true}')], layout)


STRICT = ('"data_policy"', '{"training_allowed":false,"retention_days":0}')


def test_a_duplicate_is_found_whatever_the_length_of_the_body(running):
    """A check by lengths must not take the bytes of a lost policy for the spaces between the others."""
    base = [(f'"{name}"', json.dumps(value, separators=(",", ":"))) for name, value in PLAIN.items()]
    refused(running, trap(base, STRICT, "compact"))


@settings(max_examples=2000 if LONG else 150)
@given(
    names=st.lists(st.text('abé"\\/', max_size=4), max_size=30),
    spaces=st.lists(st.sampled_from(["", " ", "  ", "\n", "\t "]), min_size=4, max_size=4),
    mixed=st.randoms(use_true_random=False),
    doubled=st.booleans(),
)
def test_any_object_is_refused_exactly_when_a_key_stands_twice(running, names, spaces, mixed, doubled):
    """`explain` with fields nobody knows: 200 if all keys differ, 400 if not. Lengths, escapes and spacing are anything."""
    gateway, _ = running
    keys = ["model", "data_policy", *names] + (["data_policy"] if doubled else [])
    values = {"model": json.dumps(SEED["model"]), "data_policy": "{}"}

    def space():
        return mixed.choice(spaces)

    members = [
        f"{json.dumps(key, ensure_ascii=mixed.random() < 0.5)}{space()}:{space()}{values.get(key, '1' * mixed.randint(1, 40))}"
        for key in keys
    ]
    body = "{" + ",".join(space() + member + space() for member in members) + "}"
    answer = gateway.request("POST", "/v1/explain", body.encode())
    assert answer.status == (200 if len(set(keys)) == len(keys) else 400), body


@pytest.mark.parametrize("layout", ["compact", "spaced", "wide"])
def test_a_duplicate_inside_a_policy_field_is_refused_at_any_depth(running, layout):
    comma, colon = LAYOUTS[layout]
    spots = {
        "data_policy": (("training_allowed", "false"), ("retention_days", "0"), ("regions", '["eu"]'), ("data_class", '"public"')),
        "data_policy.providers": (("only", '["sim-zero"]'), ("ignore", "[]")),
        "provider": (("zdr", "true"), ("data_collection", '"deny"'), ("only", "[]")),
        "provider.max_price": (("prompt", "1"), ("completion", "1")),
        "providerOptions.gateway": (("zeroDataRetention", "true"), ("disallowPromptTraining", "true")),
        "providerOptions": (("gateway", "{}"), ("openai", "{}")),
        "providerOptions.openai": (("x", "1"), ("y", "{}")),
    }
    for path, members in spots.items():
        for (key, value), second in itertools.product(members, range(4)):
            inner = "{" + f'"{key}"{colon}{value}{comma}{spellings(key)[second]}{colon}{value}' + "}"
            for name in reversed(path.split(".")[1:]):
                inner = "{" + f'"{name}"{colon}{inner}' + "}"
            body = json.dumps(PLAIN)[:-1] + f', "{path.split(".")[0]}": {inner}}}'
            refused(running, body.encode(), field=path.split(".")[0])
