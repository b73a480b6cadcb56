"""Writes the `anyapi.toml` of a run: one own provider, the mock, reached plainly and with TLS, and the whole shipped catalogue beside it."""

from dataclasses import dataclass
from pathlib import Path

from .bodies import Scenario
from .routes import Route

SECRET_NAME = "BENCH_PROVIDER_KEY"
MODEL = "bench/{}"
TLS_MODEL = "bench/tls-{}"


@dataclass(frozen=True)
class Provider:
    """Where AnyAPI finds the mock."""

    http_port: int
    tls_port: int
    authority: Path
    """Certificate of the authority that signed the mock's; it is given to AnyAPI in place of the system's trust store."""


def configured(port: int, data_dir: Path, provider: Provider, *, scrub: bool, record: bool) -> str:
    """The text of `anyapi.toml`. The provider's policy facts admit everything that the benchmark asks."""
    parts = [
        f'[server]\nlisten = "127.0.0.1:{port}"',
        f'[storage]\ndata_dir = "{data_dir}"',
        "[control]\nenabled = false",  # a worker of the data plane, as it runs in a cluster
        '[network]\nprivate_addresses = ["127.0.0.0/8"]',
        f"[scrub]\nenabled = {str(scrub).lower()}",
        f"[audit]\nrecord_public = {str(record).lower()}",
        _provider("bench", f"http://127.0.0.1:{provider.http_port}/v1"),
        _provider("bench-tls", f"https://127.0.0.1:{provider.tls_port}/v1"),
        _provider("bench-messages", f"http://127.0.0.1:{provider.http_port}", protocol="anthropic-messages", auth="x-api-key"),
    ]
    for scenario in Scenario:
        parts.append(_model(MODEL.format(scenario), "bench", scenario))
        parts.append(_model(MODEL.format(Route.MESSAGES.model(scenario)), "bench-messages", scenario))
        parts.append(_model(TLS_MODEL.format(scenario), "bench-tls", scenario))
    return "\n\n".join(parts) + "\n"


def _provider(name: str, base_url: str, *, protocol: str = "openai-chat", auth: str = "bearer") -> str:
    return f"""[providers.{name}]
kind = "host"
confidence = "primary"
api = {{ base_url = "{base_url}", protocol = "{protocol}", auth = "{auth}" }}
policy = {{ training = "never", retention = {{ kind = "zero", days = 0 }}, zero_retention_available = "default", human_review = "no" }}

[[credentials]]
id = "{name}"
provider = "{name}"
env = "{SECRET_NAME}"
tier = "paid"
"""


def _model(model: str, provider: str, scenario: Scenario) -> str:
    return f"""[[models]]
id = "{model}"

[[models.endpoints]]
provider = "{provider}"
model = "bench-{scenario}"
price = {{ input = 1.0, output = 2.0 }}"""
