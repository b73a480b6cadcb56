"""The very lines that the pages for JavaScript clients print, run as one module a page in front of the gateway."""

import re
import subprocess

import pytest
from tests.clients.node_sdks import ROOT, installed, node
from tests.tools.gateway import received, simulated

from anyapi.simulator import DEFAULT_PROVIDERS, ClaimedPolicy, ModelSpec, ProviderSpec

pytestmark = pytest.mark.timeout(180)

VECTORS = ProviderSpec(
    "sim-vectors",
    models=(ModelSpec("openai/text-embedding-3-small", "text-embedding-3-small", dimensions=8),),
    policy=ClaimedPolicy("never", "zero", 0),
)
BLOCK = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
WORDS = "At sim-(30d|zero) .*"
"""Of a provider that the policies of the pages permit."""
PAGES = {
    "README.md": [WORDS],
    "docs/clients/openai-node.md": [WORDS, WORDS, "2", r"no_eligible_endpoint \{"],
    "docs/clients/anthropic-typescript.md": [WORDS, WORDS, r"403 \{"],
    "docs/clients/vercel-ai-sdk.md": [WORDS, WORDS, WORDS, WORDS, WORDS, "403 The data policy in force permits none"],
}
"""What each page prints, in order."""
BARE = """
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
const asked = { model: "anthropic/claude-3.5-sonnet", prompt: "Hello", maxRetries: 0 };
try {
  await generateText(asked);
} catch (error) {
  console.log(error.name);
}
globalThis.AI_SDK_DEFAULT_PROVIDER = createOpenAI({ baseURL: "http://127.0.0.1:8080/v1", apiKey: "anyapi_sk_..." });
console.log((await generateText(asked)).text);
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway and the demo's providers, and one that makes vectors."""
    with simulated(tmp_path_factory.mktemp("pages") / "home", (*DEFAULT_PROVIDERS, VECTORS)) as place:
        yield place


def run(gateway, name: str, code: str) -> str:
    """What the code prints, with the address and the key of this gateway in it."""
    filled = code.replace("http://127.0.0.1:8080", gateway.url).replace("anyapi_sk_...", gateway.key)
    assert filled.count(gateway.url) == filled.count(gateway.key) > 0
    module = installed() / f"page-{name}.mjs"
    module.write_text(filled)
    return node(module)


def lines(page: str) -> str:
    """The JavaScript of a page, as one module."""
    return "\n".join(BLOCK.findall((ROOT / page).read_text()))


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_the_page_run(place, page):
    gateway, simulation = place
    before = received(simulation)
    printed = run(gateway, page.rpartition("/")[2], lines(page))
    assert re.search(r"[\s\S]*?".join(PAGES[page]), printed), printed
    after = received(simulation)
    assert {name for name in after if after[name] != before[name]} <= {"sim-30d", "sim-zero", "sim-vectors"}


def test_a_bare_string_goes_elsewhere_unless_the_default_is_this_gateway(place):
    """As the page on the Vercel AI SDK warns."""
    printed = run(place[0], "bare", BARE).splitlines()
    assert printed[0] == "GatewayAuthenticationError"
    assert printed[1].startswith("This is claude-3.5-sonnet.")


def test_node_reaches_loopback_only_in_tests():
    printed = node("--eval", "fetch('http://192.0.2.1/').catch((error) => console.log(error.cause.message))")
    assert printed == "a test tried to reach 192.0.2.1: tests use loopback only\n"


@pytest.mark.clients
def test_the_lines_are_typescript_too():
    """Strictly checked against the SDKs' own types. The README's are for JavaScript alone: TypeScript wants a comment above the field."""
    place = installed()
    modules = [place / f"page-{page.rpartition('/')[2]}.mts" for page in PAGES if page.startswith("docs/")]
    for page, module in zip((page for page in PAGES if page.startswith("docs/")), modules, strict=True):
        module.write_text(lines(page))
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node"]
    ran = subprocess.run(["node", "node_modules/.bin/tsc", *options, *modules], cwd=place, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
