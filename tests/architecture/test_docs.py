"""What the pages for users say, held against the code: links, commands, names, figures, examples.

A page that promises what the code does not do, or a setting that no page explains, fails here. Prose cannot be checked, so what can is
written as tables, code blocks and links.
"""

import ast
import datetime as dt
import itertools
import json
import re
import shlex
import tomllib

import click
import msgspec
import pytest
from tests.architecture.source import PACKAGE, ROOT, modules, none

from anyapi import bootstrap, config, errors
from anyapi.catalogue.load import load_catalogue
from anyapi.cli import main
from anyapi.cli.explain import assuming_credentials
from anyapi.cli.stored import NOT_CONFIRMED
from anyapi.config_values import Privacy, Server, ServerLimits, Tls, UpstreamLimits
from anyapi.domain.call import NO_FACTS, Tag
from anyapi.domain.decision import OutcomeKind, ReasonCode
from anyapi.domain.evidence import EvidenceCode
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import PolicyContext
from anyapi.gateway import privacy, render, routes
from anyapi.gateway.formats.anthropic_messages import LOOKS_UP
from anyapi.gateway.formats.beyond import SEARCHING
from anyapi.gateway.limits import Limits
from anyapi.policy import parse, parse_headers
from anyapi.policy.decide import decide
from anyapi.policy.merge import DEFAULT_PRESETS, merge
from anyapi.telemetry.log import Event
from anyapi.telemetry.span_fields import purposes

PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
EVERYTHING = "\n".join(PAGES.values())
README, API, PRIVACY = PAGES["README.md"], PAGES["docs/api.md"], PAGES["docs/privacy.md"]
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INSIDE = ("SP" + "EC", "DES" + "IGN", "RELIA" + "BILITY")
HIDDEN = re.compile(rf"\b(?:{'|'.join(INSIDE)})\b|\b(?:ST" + r"YLE|FI" + r"ELD)\.md|\bT\d\d\b|\bissue \d+\b|/wor" + r"k/")
INTERNAL_ERROR = 500
MADE = ("bench/results", "bench/profile")
"""Files that commands make and nobody commits."""


def blocks(page, *languages):
    """The fenced blocks of a page in these languages."""
    return [text for language, text in FENCE.findall(page) if language in languages]


def prose(page):
    """A page without its fenced blocks."""
    return FENCE.sub("", page)


def slug(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-")


def rows(page, *, columns):
    """The rows of all tables of a page that have so many columns, cells stripped."""
    found = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in prose(page).splitlines() if line.startswith("|")]
    return [row for row in found if len(row) == columns and not set(row[0]) <= set("-: ")]


CODE = "\n".join(
    text for page in PAGES.values() for text in (*(text for _, text in FENCE.findall(page)), *re.findall(r"`([^`]+)`", prose(page)))
)
"""What stands in code, inline or in blocks: a name that only occurs in a sentence is not explained."""


def explained(name):
    """Whether a page names something in code, alone or as a part of a longer piece such as `name = 3`."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", CODE, re.IGNORECASE) is not None


# --- links


def broken_links(name, page):
    """Links of a page that lead nowhere."""
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if not file.exists():
            yield f"{name}: {target}"
        elif anchor and anchor not in {
            slug(line.lstrip("# ")) for line in file.read_text(encoding="utf-8").splitlines() if line[:1] == "#"
        }:
            yield f"{name}: {target}: no such heading"


def test_every_relative_link_resolves():
    none([problem for name, page in PAGES.items() for problem in broken_links(name, page)])


def test_broken_links_are_found():
    assert list(broken_links("docs/x.md", "[a](nowhere.md) [b](policy.md#no-such) [c](https://example.com) [d](policy.md#3-rules)")) == [
        "docs/x.md: nowhere.md",
        "docs/x.md: policy.md#no-such: no such heading",
    ]


def test_every_page_is_listed():
    listed = set(LINK.findall(PAGES["docs/index.md"]))
    none([name for name in PAGES if re.fullmatch(r"docs/\w[\w-]*\.md", name) and name != "docs/index.md" and name[5:] not in listed])


# --- commands


def shown_commands(page):
    """Every `anyapi ...` command line of a page: in shell blocks, and as inline code."""
    for text in blocks(page, "sh", "console", "bash"):
        lines = re.sub(r"\\\n", " ", text).splitlines()
        for line in lines:
            for part in re.split(r"&&|[;|]", re.sub(r"^\$ |\s#.*", "", line)):
                yield from re.findall(r"(?:^|\s)(?:\.venv/bin/|xargs )?anyapi(?=\s)(.*)", part)
    yield from (text.replace("\\|", "|") for text in re.findall(r"`(?:\.venv/bin/)?anyapi ([^`]+)`", prose(page)))


def command_problem(line):
    """Why a command line does not parse, or None. Words that are not options may be anything."""
    try:
        words = shlex.split(line)
    except ValueError:
        return "cannot be split into words"
    command, names = main, []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        names.append(words.pop(0))
        choices = [command.get_command(click.Context(command), name) for name in names[-1].split("|")]
        if None in choices:
            return f"there is no `{' '.join(names)}`"
        command = choices[0]
    known = {option: parameter for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word, after in itertools.zip_longest(words, words[1:]):
        option, _, value = word.strip("[]").partition("=")
        if not option.startswith("-") or option in {"-h", "--help"}:
            continue
        if option not in known:
            return f"`{' '.join(names)}` has no option {option}"
        kind = known[option].type
        if isinstance(kind, click.Choice) and (value or after or "").lower() == (value or after) and (value or after) not in kind.choices:
            return f"`{option}` does not take {value or after}"
    return None


@pytest.mark.parametrize("name", PAGES)
def test_every_command_parses(name):
    problems = [(line, command_problem(line)) for line in shown_commands(PAGES[name])]
    none([f"{name}: anyapi {line}: {problem}" for line, problem in problems if problem])


def test_a_wrong_command_is_found():
    assert command_problem("keys make") == "there is no `keys make`"
    assert command_problem("keys create --dataclass internal") == "`keys create` has no option --dataclass"
    assert command_problem("explain x --data-class secret") == "`--data-class` does not take secret"
    assert command_problem("catalogue show [PROVIDER|MODEL]") is command_problem("explain MODEL... --data-class internal") is None
    assert list(shown_commands("```sh\nmake run && anyapi serve --x  # y\n```\n`anyapi usage`")) == [" serve --x ", "usage"]
    assert sum(1 for page in PAGES.values() for _ in shown_commands(page)) > 30


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    none([target for target in re.findall(r"(?:`|^|\$ )make ([a-z-]+)", EVERYTHING, re.MULTILINE) if target not in targets])


# --- names


def settings_names():
    """Every field of the configuration and of a data policy."""
    structs = (Server, ServerLimits, UpstreamLimits, Tls, Privacy)
    fields = {name for struct in structs for name in struct.__struct_fields__}
    sections = {"listen", "data_dir", "span_days", "ttl_days", "private_addresses", "enabled", "env", "key_file", "tier", "variables"}
    return fields | sections | set(parse.DATA_POLICY) | set(parse.PROVIDER) | set(parse.GATEWAY_OPTIONS) | set(config.ENVIRONMENT)


def sent_headers():
    """Every `X-AnyAPI-*` header that the gateway writes, from its source."""
    texts = [module.text for module in modules() if module.inside("gateway")]
    return {name for text in texts for name in re.findall(r"\b(x-anyapi-[a-z-]+[a-z]): ", text)}


def error_types():
    """Name on the wire and status of every error that a caller can get."""

    def below(kind):
        return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))

    return {(kind.type, render.STATUS[kind]) for kind in below(errors.RequestError) if kind in render.STATUS}


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("settings", settings_names()),
        ("request headers", set(parse_headers.KNOWN_HEADERS)),
        ("response headers", sent_headers()),
        ("error types", {name for name, _ in error_types()}),
        ("reason codes", {code.value for code in ReasonCode}),
        ("outcomes", {kind.value for kind in OutcomeKind}),
        ("tags", {tag.value for tag in Tag}),
        ("data classes", {name.value for name in DataClass}),
        ("evidence codes", {code.value for code in EvidenceCode}),
        ("log events", {event.value for event in Event}),
        ("attributes of spans", set(purposes())),
        (
            "commands",
            {
                f"anyapi {name}"
                for name in ("serve", "demo", "explain", "catalogue", "keys", "credentials", "settings", "usage", "evidence")
            },
        ),
        ("app metadata", set(parse_headers.APP_METADATA)),
    ],
)
def test_is_explained(what, names):
    assert len(names) > 3, what
    none([f"{what}: no page explains {name}" for name in sorted(names) if not explained(name)])


def test_a_name_that_is_not_explained_is_found():
    assert not explained("retention_hours")
    assert not explained("x-anyapi-retention")
    assert not explained("sentence")
    assert explained("x-anyapi-retention-days")


def test_every_path_is_in_the_api_page():
    shown = {path for row in rows(API, columns=4) for path in re.findall(r"`(/[^`]*)`", row[0])}
    served = {f"/v1/{name}" for name in (*routes.POST, *routes.GET)} | set(routes.PLAIN)
    assert served == {path for path in shown if not path.startswith(("/v1/models/", "/v1/receipts/"))}
    methods = {path: row[1] for row in rows(API, columns=4) for path in re.findall(r"`(/[^`]*)`", row[0])}
    assert {path for path, method in methods.items() if method == "POST"} == {f"/v1/{name}" for name in routes.POST}
    none([name for name in routes.PLANNED if f"`{name}`" not in API])


def test_every_field_that_searches_is_among_those_that_explain_reads():
    (row,) = [row for row in rows(API, columns=2) if "searches the web" in row[1]]
    assert SEARCHING <= set(re.findall(r"`(\w+)`", row[0]))
    assert set(LOOKS_UP) <= set(re.findall(r"`(\w+)`", row[0]))


def test_the_table_of_errors_is_the_codes():
    shown = {(row[0].strip("`"), int(row[1])) for row in rows(API, columns=3) if row[0][:1] == "`" and re.fullmatch(r"[45]\d\d", row[1])}
    assert shown == error_types() | {("internal_error", INTERNAL_ERROR)}


def test_the_table_of_limits_is_the_codes():
    shown = {
        row[0].split()[0].strip("`"): float(row[1].removesuffix(" s"))
        for row in rows(API, columns=3)
        if "server." in row[2] or row[2] == "fixed"
    }
    limits = {name: float(getattr(Limits(), name)) for name in Limits.__struct_fields__}
    assert shown == limits | {name: float(getattr(UpstreamLimits(), name)) for name in UpstreamLimits.__struct_fields__}


def test_everything_stored_is_in_the_privacy_page():
    listed = privacy.inventory(privacy.Disclosure(90, True, True, None, None, None, "x"))["stored"]
    names = {field["field"] for record in listed if record["record"] in {"usage", "decision"} for field in record["fields"]}
    assert len(names) > 30
    none([name for name in sorted(names) if f"`{name}`" not in PRIVACY])


def test_the_exit_code_of_an_unconfirmed_change():
    assert any(row[0] == str(NOT_CONFIRMED) and "confirm" in row[1] for row in rows(PAGES["docs/self-hosting.md"], columns=2))


def test_files_and_packages_that_pages_name_exist():
    named = set(re.findall(r"`((?:src/anyapi|tests|docs|bench|scripts)/[\w./-]*\w)/?`", EVERYTHING))
    assert len(named) > 5
    none([name for name in sorted(named) if not name.startswith(MADE) and not (ROOT / name).exists()])


def test_the_package_table_is_complete():
    shown = {
        name.strip("`").removesuffix("*.py")
        for row in rows(PAGES["ARCHITECTURE.md"], columns=3)
        for name in re.findall(r"`[\w.*]+`", row[0])
    }
    there = {path.name for path in PACKAGE.iterdir() if path.name not in {"__init__.py", "__main__.py", "__pycache__", "py.typed"}}
    none(sorted(name for name in there if name not in shown and not name.startswith("config")))


# --- examples


def json_texts():
    """Every JSON text of the pages, and every body that a curl command sends, with its page."""
    for name, page in PAGES.items():
        if name.startswith(("README", "docs/api", "docs/getting-started", "docs/privacy", "docs/self-hosting")):
            yield from ((name, text) for text in blocks(page, "json"))
            for block in blocks(page, "sh", "console"):
                yield from ((name, body) for body in re.findall(r"-d '(\{.*?\})'", block, re.DOTALL))


def test_json_of_the_pages_parses():
    texts = list(json_texts())
    assert len(texts) > 20
    for name, text in texts:
        assert isinstance(json.loads(text), dict), name


def test_python_of_the_pages_parses():
    for name, page in PAGES.items():
        for text in blocks(page, "python"):
            ast.parse(text if "async with" not in text else f"async def example():\n    {text.replace(chr(10), chr(10) + '    ')}"), name


def test_errors_of_the_api_page_are_possible():
    possible = error_types()
    shown = {(error["type"], error["code"]) for text in blocks(API, "json") for error in [json.loads(text).get("error")] if error}
    assert shown <= possible
    assert {pair for pair in possible if pair[0] != "permission_error"} == shown


def test_the_policies_of_the_readme_are_understood():
    known = config.known_names(load_catalogue())
    known = msgspec.structs.replace(known, providers=known.providers | {"sim-30d"})
    bodies = [json.loads(body) for block in blocks(README, "sh") for body in re.findall(r"-d '(\{.*?\})'", block, re.DOTALL)]
    assert len(bodies) == 3
    for body in bodies:
        assert parse.parse_data_policy(body["data_policy"], known) != Settings()


def test_the_policy_table_of_the_readme_is_whole():
    shown = {row[0].strip("`"): row[1].strip("`").lower() for row in rows(README, columns=3) if row[1].startswith("`X-AnyAPI")}
    fields = {header.replace("-", "_").replace("providers_", "providers."): f"x-anyapi-{header}" for header in parse_headers.POLICY_HEADERS}
    assert shown == fields


def test_configuration_examples_are_valid(tmp_path):
    text = next(text for text in blocks(PAGES["docs/self-hosting.md"], "toml") if "[[agreements]]" in text)
    (tmp_path / "anyapi.toml").write_text(text, encoding="utf-8")
    config.check_config_file(tmp_path / "anyapi.toml", dt.datetime(2026, 11, 24, tzinfo=dt.UTC))
    for name, page in PAGES.items():
        for block in blocks(page, "toml"):
            assert tomllib.loads(block), name


# --- figures


def class_rows():
    """The table of data classes of the README: words of the class, providers, models, names."""
    part = README.partition("<!-- classes:begin -->")[2].partition("<!-- classes:end -->")[0]
    stated = re.search(r"on (\d{4}-\d\d-\d\d) \(catalogue `(\w+)`, (\d+) models\)", part)
    return stated, [row for row in rows(part, columns=5) if row[0].startswith("`")]


def left(catalogue, words, now):
    """The providers and the number of models that a class leaves; `words`: the class, and a certification if one is named."""
    settings = Settings(data_class=DataClass(words[0]), certifications=frozenset(words[1:]))
    requirement = merge([(Layer.REQUEST, settings)], DEFAULT_PRESETS)
    context = assuming_credentials(PolicyContext(catalogue, served_protocols=bootstrap.SERVED_PROTOCOLS))
    decisions = [decide(requirement, model, NO_FACTS, context, None, now) for model in catalogue.models]
    return {one.endpoint.provider for decision in decisions for one in decision.permitted}, sum(1 for one in decisions if one.permitted)


def test_the_table_of_data_classes_is_computed():
    """When the catalogue changed: run the command that stands below the table, and put in the day and the new version."""
    stated, table = class_rows()
    catalogue = load_catalogue()
    assert (stated[2], int(stated[3])) == (catalogue.version[:12], len(catalogue.models)), "the table is of another catalogue"
    now = dt.datetime.fromisoformat(stated[1]).replace(hour=12, tzinfo=dt.UTC).timestamp()
    assert {row[0].split("`")[1] for row in table} == {name.value for name in DataClass}
    for row in table:
        providers, models = left(catalogue, re.findall(r"`([\w-]+)`", row[0]), now)
        assert (int(row[2]), int(row[3])) == (len(providers), models), row[0]
        if row[4] not in {"all that are served", "none"}:
            assert row[4].split(", ") == sorted(providers), row[0]


def test_pages_name_no_document_that_readers_lack():
    none([f"{name}: {match[0]}" for name, page in PAGES.items() for match in HIDDEN.finditer(page)])


def test_the_unit_file_is_the_one_of_the_handbook():
    (shown,) = blocks(PAGES["docs/self-hosting.md"], "ini")
    assert shown == (ROOT / "deploy/systemd/anyapi.service").read_text()
    assert {"LimitCORE=0", "MemorySwapMax=0"} <= set(shown.splitlines())
    # systemd gives up for good after five starts in ten seconds, and a start without its PostgreSQL takes less than one.
    assert 5 * int(re.search("^RestartSec=([0-9]+)$", shown, re.MULTILINE)[1]) > 10
