"""What the documents promise about the code, and what may stand in no file of the tree."""

import re
import tomllib

import pytest
from tests.architecture.source import ROOT, none, tracked_files

from anyapi.crypto import api_keys
from anyapi.domain.decision import ReasonCode

PATH_FILES, PATH_LINES = 9, 1500
REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io", "deb.debian" + ".org", "proxy.go" + "lang.org")
MACHINE_PATHS = ("/" + "work/", "/" + "root/")
INTERNAL = tuple(name + ".md" for name in ("SPEC", "DESIGN", "STYLE", "RELIABILITY", "FIELD"))
FORBIDDEN = {
    "the host of a package registry": re.compile("|".join(map(re.escape, REGISTRIES)), re.IGNORECASE),
    "a path of one machine": re.compile(r"(?<![\w.}/-])(?:" + "|".join(map(re.escape, MACHINE_PATHS)) + ")"),
    "a document that readers do not have": re.compile(
        r"\b(?:" + "|".join(map(re.escape, INTERNAL)) + r")\b|\.\./share" + r"d\b|\bSPE" + "C section"
    ),
}
REQUIRED = ("LICENSE", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "GLOSSARY.md", "CHANGELOG.md")


def offences(text):
    """What may not stand in a file, with its line."""
    return [
        f"{text.count(chr(10), 0, match.start()) + 1}: {what}: {match[0]}"
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(text)
    ]


def test_every_reason_code_is_documented():
    text = (ROOT / "docs/policy.md").read_text(encoding="utf-8")
    none([code.value for code in ReasonCode if f"`{code.value}`" not in text])


def test_no_file_names_a_registry_a_machine_or_a_document_that_readers_lack():
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}:{offence}" for offence in offences(text)]
    none(found)


def test_the_search_for_forbidden_words_bites():
    assert len(offences(f"see https://{REGISTRIES[0]}/simple and {MACHINE_PATHS[0]}main\n{INTERNAL[0]}")) == 3
    assert offences("a/wor" + "k/b and $HO" + "ME/x and ~/x") == []
    assert len(tracked_files()) > 20


def test_the_published_pattern_finds_leaked_keys():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rule = tomllib.loads(re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1])["rules"][0]
    plain = re.search(r"```\n(anyapi_.*)\n```", text)[1]
    for prefix in (api_keys.PREFIX, api_keys.PROVISIONING_PREFIX):
        secret = api_keys.generate(prefix).secret
        for pattern in (plain, rule["regex"]):
            assert re.search(pattern, f"key={secret};")[0] == secret
            assert not re.search(pattern, secret[:-1])
        assert re.search(rule["regex"], f"key={secret};")[rule["secretGroup"]] == secret
        assert not re.search(rule["regex"], f"{secret}0")
        assert prefix in rule["keywords"]


@pytest.mark.parametrize("name", REQUIRED)
def test_root_files(name):
    assert (ROOT / name).is_file()


def request_path():
    """The files of the request path, as ARCHITECTURE.md lists them in a block fenced with ```request-path."""
    document = ROOT / "ARCHITECTURE.md"
    if not document.exists():
        pytest.skip("ARCHITECTURE.md is not written yet: the request path is not listed anywhere")
    block = re.search(r"^```request-path\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert block, "ARCHITECTURE.md lists the request path in a block fenced with ```request-path, one file a line"
    return [line.split()[0] for line in block[1].splitlines() if line.strip()]


def test_the_request_path_is_short():
    files = request_path()
    lines = {name: (ROOT / name).read_text(encoding="utf-8").count("\n") for name in files}
    assert 1 < len(files) <= PATH_FILES
    assert sum(lines.values()) <= PATH_LINES, lines


def test_decision_records_are_complete():
    names = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    for name in names:
        text = (ROOT / "docs/adr" / name).read_text(encoding="utf-8")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings[:4] == ["Context", "Decision", "Consequences", "What would change it"], name
        assert text.startswith(f"# {name[:4]}: "), name
        assert len(text.splitlines()) <= 60, f"{name} is longer than a page"
