"""Clouds, whose credentials are no plain keys: Vertex AI by service account, Bedrock by access key, Azure OpenAI by deployment.

A real gateway on real sockets; the providers check signatures, assertions and tokens with code of their own. No secret may stay behind.
"""

import concurrent.futures
import contextlib
import json

import pytest
from click.testing import CliRunner
from tests.integration.test_dialects import BODIES, WORDS, streamed_text, text_of
from tests.tools.gateway import running_gateway
from tests.tools.google_account import account, key_file

from anyapi.cli import main
from anyapi.simulator import (
    ModelSpec,
    ProviderSpec,
    SimulationOptions,
    SimulationThread,
    WireName,
    demo_config_toml,
    key_variable,
    read_fault,
)

SAY = read_fault(json.dumps({"kind": "say", "text": WORDS}))
ACCESS_KEY = "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:session/token+of=="
AZURE_KEY = "azure-key-of-ours-1"
ROOT = bytes(range(32)).hex()
TOKENS, VERTEX, BEDROCK, AZURE, DATED, PLAIN = "sim-tokens", "sim-vertex", "sim-bedrock", "azure", "sim-azure-dated", "sim-plain"


def model(name, upstream="", price=1.0, **fields):
    return ModelSpec(f"acme/{name}", upstream or name, price, price, **fields)


def specs():
    """Every cloud, and a plain provider that serves the same dearer."""
    known = account()[1]
    azure = (model("azure", "our-gpt"), model("azure-vectors", "our-embedder", dimensions=8))
    return [
        ProviderSpec(TOKENS, wire=WireName.GOOGLE_TOKENS, api_key=known),
        ProviderSpec(
            VERTEX,
            wire=WireName.VERTEX,
            api_key=known,
            models=(
                model("gemini", "gemini-3.8-flash"),
                model("claude", "claude-opus-4-7@default", protocol="vertex-anthropic"),
                model("llama", "meta/llama-4-maverick-maas", protocol="vertex-openai"),
            ),
            faults=(SAY,),
        ),
        ProviderSpec(
            BEDROCK,
            wire=WireName.BEDROCK,
            api_key=ACCESS_KEY,
            models=(
                model("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", region="eu"),
                model("bedrock-us", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", region="us"),
            ),
            faults=(SAY,),
        ),
        ProviderSpec(AZURE, wire=WireName.AZURE, api_key=AZURE_KEY, models=azure, faults=(SAY,)),
        ProviderSpec(
            DATED,
            wire=WireName.AZURE,
            api_key=AZURE_KEY,
            models=(model("dated", "our-chat"), model("dated-vectors", "our-vectors", dimensions=8)),
            faults=(SAY,),
        ),
        ProviderSpec(PLAIN, models=(model("gemini", price=9.0), model("bedrock", price=9.0)), faults=(SAY,)),
    ]


def configured(simulation, providers):
    """The gateway's configuration: what the simulator tells of itself, and Azure's dated API with names of ours for its models."""
    toml = demo_config_toml(simulation.simulation.ports, providers)
    dated = f'base_url = "{simulation.simulation[DATED].origin}/openai'
    toml = toml.replace(f'{dated}/v1", protocol = "openai-chat"', f'{dated}", protocol = "azure-openai", api_version = "2024-10-21"')
    for ours, theirs in {"our-chat": "chat-eu", "our-vectors": "vectors-eu"}.items():
        toml = toml.replace(f'model = "{ours}"', f'model = "{theirs}"')
    deployments = 'deployments = { "chat-eu" = "our-chat", "vectors-eu" = "our-vectors" }'
    return toml.replace(f'env = "{key_variable(DATED)}"', f'env = "{key_variable(DATED)}"\n{deployments}')


@contextlib.contextmanager
def clouds(home, lifetime="", prepare=None, **environment):
    """A gateway before all of them; the service account's file is named as Google's own libraries have it."""
    providers = specs()
    with SimulationThread(providers, SimulationOptions(record_bodies=True)) as simulation:
        home.mkdir(parents=True)
        file = home.parent / "service account.json"
        file.write_text(key_file(f"{simulation.simulation[TOKENS].origin}/token{lifetime}"))
        keys = {key_variable(BEDROCK): ACCESS_KEY, key_variable(AZURE): AZURE_KEY, key_variable(DATED): AZURE_KEY}
        environment = {**keys, key_variable(VERTEX): str(file), "ANYAPI_ROOT_KEY": ROOT, **environment}
        if prepare is not None:
            prepare(simulation)
        with running_gateway(home, configured(simulation, providers), environment=environment) as gateway:
            yield gateway, simulation


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with clouds(tmp_path_factory.mktemp("clouds") / "home") as running:
        yield running


def ask(gateway, name, path="chat/completions", **fields):
    return gateway.request("POST", f"/v1/{path}", {"model": f"acme/{name}", **BODIES[path], **fields})


def exchanges(simulation):
    return simulation.ledger(TOKENS)["requests"]


SERVED = {"gemini": VERTEX, "claude": VERTEX, "llama": VERTEX, "bedrock": BEDROCK, "azure": AZURE, "dated": DATED}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", SERVED)
def test_every_format_at_every_cloud(place, name, path, stream):
    gateway, _ = place
    answer = ask(gateway, name, path, stream=stream)
    assert answer.status == 200, answer.body
    assert answer.headers["x-anyapi-provider"] == SERVED[name]
    if stream:
        assert streamed_text(path, answer.events()) == (WORDS, True)
    else:
        assert text_of(path, answer.json()) == WORDS


@pytest.mark.parametrize("name", ["azure-vectors", "dated-vectors"])
def test_embeddings_at_azure(place, name):
    answer = place[0].request("POST", "/v1/embeddings", {"model": f"acme/{name}", "input": ["one", "two"]})
    assert answer.status == 200, answer.body
    assert [len(row["embedding"]) for row in answer.json()["data"]] == [8, 8]


def bodies(simulation, name):
    """Path-independent content of what a provider was sent: headers and body of each request."""
    found = simulation.call(lambda: list(simulation.simulation[name].ledger.bodies))
    return [({key.lower(): value for key, value in body.headers}, json.loads(body.body)) for body in found]


def test_what_claude_at_vertex_is_sent(place):
    """The client's own fields pass; only what Vertex words otherwise is changed."""
    gateway, simulation = place
    simulation.reset()
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096, "an_unknown_field": {"b": 1, "a": 2}}
    body = {"model": "acme/claude", **BODIES["messages"], **thinking}
    answer = gateway.request("POST", "/v1/messages", body, {"anthropic-beta": "some-beta-1"})
    assert answer.status == 200, answer.body
    ((headers, sent),) = bodies(simulation, VERTEX)
    del body["model"]
    assert sent == {**body, "anthropic_version": "vertex-2023-10-16"}
    assert headers["anthropic-beta"] == "some-beta-1"
    assert "anthropic-version" not in headers


def test_a_deployment_goes_by_the_operators_name_and_shows_the_providers(place):
    gateway, simulation = place
    simulation.reset()
    answer = ask(gateway, "dated")
    assert answer.headers["x-anyapi-endpoint"] == f"{DATED}/chat-eu"
    (entry,) = simulation.ledger(DATED)["entries"]
    assert entry["path"] == "/openai/deployments/our-chat/chat/completions"
    assert (entry["model"], entry["store"]) == ("our-chat", "absent")
    assert ask(gateway, "azure").status == 200
    assert [entry["store"] for entry in simulation.ledger(AZURE)["entries"]] == [False]


def test_an_endpoint_locked_to_another_region_is_not_asked_for(place):
    """The access key signs for eu-central-1, and is used there."""
    gateway, simulation = place
    simulation.reset()
    answer = ask(gateway, "bedrock-us")
    assert answer.status == 404
    (row,) = answer.json()["error"]["metadata"]["endpoints"]
    assert [reason["code"] for reason in row["reasons"]] == ["endpoint_elsewhere"]
    assert ask(gateway, "bedrock", data_policy={"regions": ["eu"]}).status == 200
    assert simulation.ledger(BEDROCK)["requests"] == 1


def test_many_at_once_share_one_token(tmp_path):
    with clouds(tmp_path / "home") as (gateway, simulation), concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(gateway, "claude"), range(48)))
        assert {answer.status for answer in answers} == {200}
        assert (exchanges(simulation), simulation.ledger(VERTEX)["requests"]) == (1, 48)


def test_a_token_is_renewed_before_its_end_and_no_request_notices(tmp_path):
    """Tokens are good for 62 s here: after 2 s it is in its last minute, so nobody begins with it any more."""
    with clouds(tmp_path / "home", lifetime="/62") as (gateway, simulation):
        asked = 0
        while exchanges(simulation) < 3:
            assert ask(gateway, "gemini").headers["x-anyapi-provider"] == VERTEX
            asked += 1
            assert asked < 20_000
        assert len({headers["authorization"] for headers, _ in bodies(simulation, VERTEX)}) >= 2
        assert exchanges(simulation) < asked


FAULTS = {
    "refused": [{"kind": "refuse", "mode": "closed", "seconds": None}],
    "500": [{"kind": "status", "status": 500}],
    "400": [{"kind": "status", "status": 400}],
    "garbage": [{"kind": "bad_json"}],
    "cut": [{"kind": "reset", "at": 20}],
    "redirect": [{"kind": "redirect", "location": "http://127.0.0.1:9/", "status": 302}],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_token_the_next_endpoint_serves(tmp_path, fault):
    def spoil(simulation):
        simulation.script(TOKENS, [[read_fault(json.dumps(one)) for one in FAULTS[fault]]])

    with clouds(tmp_path / "home", prepare=spoil) as (gateway, simulation):
        answer = ask(gateway, "gemini")
        assert (answer.status, answer.headers["x-anyapi-provider"]) == (200, PLAIN)
        (row,) = gateway.usage(1)
        assert (row.attempts, row.outcome, row.provider) == (2, "success", PLAIN)
        assert simulation.ledger(VERTEX)["requests"] == 0
        simulation.run(simulation.simulation[TOKENS].listen())
        assert ask(gateway, "claude").status == 200, "and once there is one again, it is used"
        assert b"ya29" not in b"".join(path.read_bytes() for path in gateway.home.iterdir() if path.is_file())


def test_without_a_token_and_another_endpoint_the_caller_hears_that_it_failed(tmp_path):
    def spoil(simulation):
        simulation.script(TOKENS, [[read_fault('{"kind":"status","status":503}')]] * 4)

    with clouds(tmp_path / "home", prepare=spoil) as (gateway, _):
        answer = ask(gateway, "claude")
        assert (answer.status, answer.json()["error"]["type"]) == (503, "overloaded")


def test_a_refused_signature_is_a_refused_credential(tmp_path):
    wrong = ACCESS_KEY.replace("wJalr", "xJalr")
    with clouds(tmp_path / "home", **{key_variable(BEDROCK): wrong}) as (gateway, _):
        answer = ask(gateway, "bedrock")
        assert (answer.status, answer.headers["x-anyapi-provider"]) == (200, PLAIN)
        answer = ask(gateway, "bedrock", data_policy={"providers": {"only": [BEDROCK]}})
        assert (answer.status, answer.json()["error"]["metadata"]["outcome"]) == (502, "unauthorized")
        assert answer.json()["error"]["metadata"]["provider_status"] == 403


def run(gateway, *words, secret=None, code=0):
    """`anyapi credentials` beside the gateway; the JSON that it prints, or its complaint."""
    words = ["credentials", *words, "--config", str(gateway.home / "anyapi.toml"), *(["--json"] if code == 0 else [])]
    result = CliRunner().invoke(main, words, input=secret, env={"ANYAPI_ROOT_KEY": ROOT})
    assert result.exit_code == code, result.output
    assert not secret or secret not in result.output
    return json.loads(result.stdout) if code == 0 else result.output


def test_accounts_bring_each_kind_of_credential(tmp_path):
    """The operator's own are wrong here, so every answer comes by the account's."""
    stranger = json.dumps({**json.loads(key_file("https://oauth2.googleapis.com/token")), "project_id": "x"})
    spoiled = {key_variable(BEDROCK): "AKIDOTHER:wrong", key_variable(DATED): "wrong-key-1", key_variable(VERTEX): stranger}
    with clouds(tmp_path / "home", **spoiled) as (gateway, simulation):
        file = key_file(f"{simulation.simulation[TOKENS].origin}/token")
        secrets = {VERTEX: file, BEDROCK: ACCESS_KEY, DATED: AZURE_KEY}
        more = {
            VERTEX: [],
            BEDROCK: ["--variable", "region=eu-west-1"],
            DATED: ["--deployment", "chat-eu=our-chat"],
        }
        for name, secret in secrets.items():
            assert run(gateway, "add", "--provider", name, *more[name], secret=secret)["confirmation"]["problem"] is None
        for name, provider in (("claude", VERTEX), ("bedrock", BEDROCK), ("dated", DATED)):
            answer = ask(gateway, name, data_policy={"providers": {"only": [provider]}})
            assert answer.status == 200, answer.body
        assert {row.credential[:4] for row in gateway.usage(3)} == {"own:"}
        listed = json.dumps(run(gateway, "list"))
        gateway.stop()
        kept = listed.encode() + b"".join(path.read_bytes() for path in gateway.home.iterdir() if path.is_file())
        for secret in ("PRIVATE KEY", "wJalrXUtn", "session/token", AZURE_KEY, "ya29."):
            assert secret.encode() not in kept, secret


@pytest.mark.parametrize(
    ("provider", "secret", "more", "said"),
    [
        (VERTEX, "sk-of-another-kind", [], "is not the JSON key file of a Google service account"),
        (VERTEX, key_file("http://evil.example/token"), [], "token_uri"),
        (VERTEX, key_file("https://oauth2.googleapis.com/token", private_key="none"), [], "private_key"),
        (BEDROCK, ACCESS_KEY, [], "`region`"),
        (BEDROCK, "AKIDEXAMPLE:", ["--variable", "region=eu-west-1"], "ID:SECRET"),
        (BEDROCK, ACCESS_KEY, ["--variable", "region=eu-west-1", "--region", "us"], "which is ie"),
        (BEDROCK, ACCESS_KEY, ["--variable", "region=moon-1"], "not known where moon-1 lies"),
        (BEDROCK, ACCESS_KEY, ["--variable", "secret_access_key=x"], "no variable secret_access_key"),
    ],
)
def test_a_credential_that_cannot_be_used_is_refused_when_it_is_brought(place, provider, secret, more, said):
    complaint = run(place[0], "add", "--provider", provider, *more, secret=secret, code=1)
    assert said in complaint.replace("\n", " ")
    assert "PRIVATE" not in complaint


def test_a_key_file_cannot_name_a_host_that_the_operator_does_not_know(place):
    """It may be sound in every other way: no account chooses where this gateway connects to."""
    for uri in ("https://tokens.attacker.example/token", "https://169.254.169.254/token", "https://oauth2.googleapis.com.example/token"):
        assert "not an address of googleapis.com" in run(place[0], "add", "--provider", VERTEX, secret=key_file(uri), code=1)
