"""The configuration as frozen values. Reads nothing: `anyapi.config` does."""

import datetime as dt
import enum
import ipaddress
from pathlib import Path

import msgspec

from anyapi.audit.notes import SigningKey
from anyapi.crypto.root_keys import RootKeys
from anyapi.crypto.secret import Secret
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.ids import CredentialId
from anyapi.domain.requirement import DataClass, Settings
from anyapi.domain.sign_in import SignInService
from anyapi.domain.snapshot import Agreement, Credential


def is_loopback(host: str) -> bool:
    """Whether a host, as it is written, is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Listen(msgspec.Struct, frozen=True):
    """Where a plane listens: a host and port, or a unix socket."""

    host: str | None = None
    port: int | None = None
    socket: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only this machine can connect."""
        return self.host is None or is_loopback(self.host)

    def __str__(self) -> str:
        """As it is written in the configuration."""
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if self.host and ":" in self.host else f"{self.host}:{self.port}"


class Tls(msgspec.Struct, frozen=True):
    """Files in PEM form."""

    certificate: Path
    key: Path


class ServerLimits(msgspec.Struct, frozen=True):
    """What one client may cost. Bytes and seconds; the names are those of `[server.limits]`."""

    max_header_bytes: int = 32 * 1024
    max_headers: int = 100
    max_body_bytes: int = 32 * 1024 * 1024
    max_connections: int = 8000
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    """Between two reads of a body."""
    idle_timeout: float = 75.0
    """Between two requests of a connection."""
    drain_timeout: float = 30.0
    """Between SIGTERM and the end of the streams that still run."""


class UpstreamLimits(msgspec.Struct, frozen=True):
    """How long a provider may take, in seconds; the names are those of `[server.upstream]`."""

    connect_timeout: float = 5.0
    first_byte_timeout: float = 120.0
    """To the head of a stream."""
    stream_idle_timeout: float = 120.0
    answer_timeout: float = 600.0
    """For an answer that is no stream, which comes when the model has finished, and for a stream whose head came to its first content:
    as long as the makers' SDKs wait."""


class Server(msgspec.Struct, frozen=True):
    """`[server]`."""

    listen: Listen = Listen("127.0.0.1", 8080)
    enabled: bool = True
    """Not for `anyapi control`, which is the control plane alone."""
    tls: Tls | None = None
    limits: ServerLimits = ServerLimits()
    upstream: UpstreamLimits = UpstreamLimits()
    cors_origins: tuple[str, ...] = ()
    lease: float = 10.0
    """Seconds for which a worker goes by its settings without hearing from PostgreSQL that they are the newest."""
    public_url: str | None = None
    """Where applications and browsers reach it, when that is not where it listens."""


class Oidc(msgspec.Struct, frozen=True):
    """`[control.oidc]`: a sign-in service, and where the secret is that this gateway proves itself to it with."""

    service: SignInService
    secret_file: Path | None = None
    public: bool = False
    """There is no secret: PKCE alone."""


class Control(msgspec.Struct, frozen=True):
    """`[control]`: the control API and the dashboard."""

    enabled: bool = True
    listen: Listen = Listen("127.0.0.1", 8081)
    tls: Tls | None = None
    public_url: str | None = None
    """Where people reach it, when a proxy with TLS stands before it."""
    oidc: Oidc | None = None
    keys_per_account: int = 5_000
    """So many live API keys an account may have; the operator's own commands may make more."""
    proxies: tuple[str, ...] = ()
    """Networks of proxies on other machines, in CIDR: who comes through one has the address that it states last in X-Forwarded-For."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over TLS."""
        return self.tls is not None or (self.public_url or "").startswith("https://")


class Metrics(msgspec.Struct, frozen=True):
    """`[metrics]`."""

    listen: Listen | None = None
    """Where the page for Prometheus is; nothing is counted without."""


class Traces(msgspec.Struct, frozen=True):
    """`[traces]`."""

    endpoint: str | None = None
    """Where spans go; there are none without."""
    sample: float = 1.0
    """Share of the requests without a `traceparent` that have spans."""
    headers_file: Path | None = None
    headers: dict[str, Secret] = {}
    """For the collector. Read where secrets are."""


class Updates(msgspec.Struct, frozen=True):
    """`[catalogue]`: how long a record is good, where updates come from, and who may sign them."""

    span_days: float = 180.0
    update_url: str | None = None
    public_keys: tuple[bytes, ...] = ()
    """Ed25519, 32 bytes each."""


class SmtpSecurity(enum.StrEnum):
    """How the way to the mail server is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class Smtp(msgspec.Struct, frozen=True):
    """`[smtp]`: the server that mail goes out by."""

    host: str
    port: int
    security: SmtpSecurity
    sender: str
    username: str | None = None
    password_file: Path | None = None
    password: Secret | None = None
    """Read where secrets are."""


class Privacy(msgspec.Struct, frozen=True):
    """`[privacy]`: the operator's own pages and contact, shown to callers."""

    policy_url: str | None = None
    terms_url: str | None = None
    contact: str | None = None
    """An e-mail address or a URL."""
    answer_days: float = 30.0
    """Within how many days the privacy team means to answer a request."""
    webhook_url: str | None = None
    """Where the privacy team is told of requests, besides by e-mail to `contact`."""


class PrivacyHook(msgspec.Struct, frozen=True):
    """The privacy team's webhook, with the secret that it is signed with."""

    url: str
    secret: Secret


class Ranking(msgspec.Struct, frozen=True):
    """`[ranking]`: anonymous sampling for the ranking of models."""

    enabled: bool | None = None
    """None: where OpenDP is installed."""
    share: float = 0.001
    """Of requests, that are sampled."""


class Audit(msgspec.Struct, frozen=True):
    """`[audit]`."""

    key_file: Path | None = None
    """Holds the key that signs the log, or is made with one; None is `audit.key` in the data directory."""
    unrecorded: frozenset[str | None] = frozenset()
    """Data classes whose requests are not entered; None stands for those that name no class."""


class Networks(msgspec.Struct, frozen=True):
    """`[network]`: networks that are not public, in CIDR notation, and may be reached all the same."""

    private_addresses: tuple[str, ...] = ()
    """By what the operator configured: providers, the address of updates, the privacy team's webhook."""
    webhook_addresses: tuple[str, ...] = ()
    """By the webhooks that accounts set up for themselves."""


NO_ROOT_KEYS = RootKeys()


class Config(msgspec.Struct, frozen=True):
    """Everything that the environment and `anyapi.toml` say, checked. Secrets are opaque and print nothing."""

    file: Path | None
    loaded_at: dt.datetime
    server: Server
    data_dir: Path
    policy: Settings
    """The gateway's floor."""
    presets: dict[DataClass, Settings]
    catalogue: Catalogue
    """The base with the operator's extension over it."""
    base: Catalogue
    """The packaged catalogue, or the one that was installed in its place."""
    operator_records: dict[str, object]
    """The operator's `providers` and `models` as the file has them, to lay them over another base."""
    span_days: float
    agreements: tuple[Agreement, ...]
    networks: Networks
    usage_ttl_days: float
    scrub: bool
    privacy: Privacy
    control: Control = Control()
    metrics: Metrics = Metrics()
    traces: Traces = Traces()
    ranking: Ranking = Ranking()
    audit: Audit = Audit()
    audit_key: SigningKey | None = None
    """Where the environment holds it itself. Read where secrets are."""
    updates: Updates = Updates()
    smtp: Smtp | None = None
    root_key_file: Path | None = None
    """Where the root keys of stored credentials are, unless the environment holds them itself."""
    database_url: Secret | None = None
    """PostgreSQL, as libpq takes it; None is SQLite in `data_dir`."""
    root_keys: RootKeys = NO_ROOT_KEYS
    """Read where secrets are: not for commands that need none."""
    oidc_secret: Secret | None = None
    privacy_hook: PrivacyHook | None = None
    credentials: tuple[Credential, ...] = ()
    secrets: dict[CredentialId, Secret] = {}
    """Absent for a credential that needs no key (a local server)."""
    base_urls: dict[CredentialId, str] = {}
    """The provider's base URL with every placeholder filled, for each credential."""
    variables: dict[CredentialId, dict[str, str]] = {}
    """What else is known of that address, for each credential: its region, project, ... No secret."""
    notices: tuple[str, ...] = ()
    """Sentences for the start-up lines: keys that were found and cannot be used, and why."""
