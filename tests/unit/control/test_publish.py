"""The snapshot: who is in it, what holds for whom, and that 10,000 keys cost little."""

import datetime as dt
import time

import pytest
from tests.conformance.samples import DAY, NOON, contradiction, credential_row, key_row

from anyapi.control.publish import build_snapshot, own_credentials
from anyapi.domain.catalogue import Catalogue
from anyapi.domain.evidence import EvidenceCode
from anyapi.domain.requirement import DataClass, Layer, Settings
from anyapi.domain.snapshot import Agreement, Credential, Past, PolicyContext, Tier
from anyapi.errors import StorageError
from anyapi.policy.merge import DEFAULT_PRESETS, lift, meet, merge
from anyapi.storage.connection import connect
from anyapi.storage.rows import AccountRow, Declared, KeyRow, ProjectRow
from anyapi.storage.sqlite import SqliteStore

BASE = PolicyContext(Catalogue("v", None, {}, {}))


@pytest.fixture
def store(tmp_path):
    with SqliteStore(tmp_path, lambda: NOON) as opened:
        yield opened


def build(store, gateway=Settings(), presets=DEFAULT_PRESETS):
    return build_snapshot(store, BASE, presets, gateway, 7)


def ask(store, layer, subject, **settings):
    store.change_settings(layer, subject, lambda _: Settings(**settings), NOON)


def test_an_empty_store(store):
    snapshot = build(store)
    assert (snapshot.version, snapshot.context, snapshot.principals) == (7, BASE, {})
    assert snapshot.gateway_settings == Settings()
    assert snapshot.presets == DEFAULT_PRESETS


def test_a_key_is_found_by_its_hash_with_everything_that_is_known(store):
    store.add_project(ProjectRow("web", "default", "Web", NOON))
    store.add_key(key_row(1, project="web", expires_at=NOON + DAY))
    (principal,) = build(store).principals.values()
    assert build(store).principals[key_row(1).sha256] == principal
    assert (principal.key, principal.account, principal.project, principal.expires_at) == ("key_1", "default", "web", NOON + DAY)
    assert principal.requirement == merge([], DEFAULT_PRESETS)


def test_a_revoked_key_is_not_in_it(store):
    store.add_key(key_row(1))
    store.add_key(key_row(2))
    store.revoke_key("key_1", NOON)
    assert list(build(store).principals) == [key_row(2).sha256]


def test_the_requirement_is_the_meet_of_every_layer_and_names_them(store):
    store.add_project(ProjectRow("web", "default", "Web", NOON))
    store.add_key(key_row(1, project="web"), Settings(data_class=DataClass.INTERNAL, retention_days=30.0))
    ask(store, Layer.GATEWAY, "", paid_only=True)
    ask(store, Layer.ACCOUNT, "default", training_allowed=False, retention_days=10.0)
    ask(store, Layer.PROJECT, "web", regions=frozenset({"eu"}))
    requirement = build(store, Settings(human_review_allowed=False)).principals[key_row(1).sha256].requirement
    expected = merge([], DEFAULT_PRESETS)
    for layer, settings in (
        (Layer.GATEWAY, Settings(human_review_allowed=False)),
        (Layer.GATEWAY, Settings(paid_only=True)),
        (Layer.ACCOUNT, Settings(training_allowed=False, retention_days=10.0)),
        (Layer.PROJECT, Settings(regions=frozenset({"eu"}))),
        (Layer.KEY, Settings(data_class=DataClass.INTERNAL, retention_days=30.0)),
    ):
        expected = meet(expected, lift(layer, settings, DEFAULT_PRESETS))
    assert requirement == expected
    assert requirement.layers["retention_days"] == {Layer.ACCOUNT}
    assert requirement.layers["training_allowed"] == {Layer.ACCOUNT, Layer.KEY}
    assert requirement.layers["human_review_allowed"] == requirement.layers["paid_only"] == {Layer.GATEWAY}


def test_settings_hold_for_their_own_account_project_and_key_only(store):
    store.add_account(AccountRow("other", "Other", NOON))
    store.add_project(ProjectRow("web", "default", "Web", NOON))
    store.add_key(key_row(1))
    store.add_key(key_row(2, account="other"))
    store.add_key(key_row(3, project="web"))
    ask(store, Layer.ACCOUNT, "other", retention_days=1.0)
    ask(store, Layer.PROJECT, "web", retention_days=2.0)
    ask(store, Layer.KEY, "key_1", retention_days=3.0)
    principals = build(store).principals
    assert [principals[key_row(number).sha256].requirement.retention_days for number in (1, 2, 3)] == [3.0, 1.0, 2.0]


def test_presets_are_those_of_the_operator(store):
    store.add_key(key_row(1), Settings(data_class=DataClass.INTERNAL))
    presets = {**DEFAULT_PRESETS, DataClass.INTERNAL: Settings(retention_days=3.0)}
    assert build(store, presets=presets).principals[key_row(1).sha256].requirement.retention_days == 3.0


def test_both_gateway_settings_are_in_the_snapshots_own(store):
    ask(store, Layer.GATEWAY, "", retention_days=5.0, data_class=DataClass.CONFIDENTIAL)
    snapshot = build(store, Settings(paid_only=True, data_class=DataClass.INTERNAL))
    assert lift(Layer.GATEWAY, snapshot.gateway_settings, DEFAULT_PRESETS) == merge(
        [
            (Layer.GATEWAY, Settings(paid_only=True, data_class=DataClass.INTERNAL)),
            (Layer.GATEWAY, Settings(retention_days=5.0, data_class=DataClass.CONFIDENTIAL)),
        ],
        DEFAULT_PRESETS,
    )


def test_a_store_that_is_not_understood_publishes_nothing(store):
    store.add_key(key_row(1))
    connection = connect(store.path)
    connection.execute("""INSERT INTO settings VALUES ('key', 'key_1', '{"only_on_tuesdays": true}', 0)""")
    connection.close()
    with pytest.raises(StorageError, match="only_on_tuesdays"):
        build(store)


ZDR = Agreement("zdr", "openai", "Ada", "order form", dt.date(2026, 1, 1), dt.date(2027, 1, 1), training_opt_out=True)


def test_accounts_own_credentials_stand_under_their_account_and_in_order(store):
    declared = Declared("eu", "de", frozenset({"safety-retention"}), frozenset({"addendum"}), {"resource": "x"}, (ZDR,), {"gpt-4o": "ours"})
    rows = [
        credential_row(1, declared=declared),
        credential_row(2, tier=Tier.UNDECLARED),
        credential_row(3, account="other", provider="anthropic", tier=Tier.FREE),
        credential_row(4, disabled_at=NOON, wrapped=b"", ciphertext=b""),
    ]
    assert own_credentials(rows) == {
        "default": {
            "openai": (
                Credential(
                    rows[0].id,
                    "openai",
                    Tier.PAID,
                    "eu",
                    "de",
                    frozenset({"safety-retention"}),
                    frozenset({"addendum"}),
                    account="default",
                    agreements=(ZDR,),
                    deployments={"gpt-4o": "ours"},
                ),
                Credential(rows[1].id, "openai", Tier.UNDECLARED, account="default"),
            )
        },
        "other": {"anthropic": (Credential(rows[2].id, "anthropic", Tier.FREE, account="other"),)},
    }
    snapshot = build_snapshot(store, BASE, DEFAULT_PRESETS, Settings(), 7, rows)
    assert snapshot.context.own_credentials == own_credentials(rows)
    assert snapshot.context.credentials == BASE.credentials, "nobody else sees them"
    assert build(store).context is BASE


def test_an_account_with_credentials_of_its_own_shares_no_requirement_with_others(store):
    """The data plane remembers decisions by the requirement's identity: a shared one would hand out a stranger's credential."""
    for name in ("one", "two", "three"):
        store.add_account(AccountRow(name, name, NOON))
    for number, account in enumerate(("default", "one", "two", "three", "one", "two")):
        store.add_key(key_row(number, account=account))
    rows = [credential_row(1, account="one"), credential_row(2, account="two")]
    for gateway in (Settings(), Settings(retention_days=3.0)):
        principals = build_snapshot(store, BASE, DEFAULT_PRESETS, gateway, 7, rows).principals.values()
        by_account = {}
        for principal in principals:
            by_account.setdefault(principal.account, set()).add(id(principal.requirement))
        assert all(len(identities) == 1 for identities in by_account.values())
        assert by_account["default"] == by_account["three"]
        assert len({min(identities) for identities in by_account.values()}) == 3
        assert len({principal.requirement.hash for principal in principals}) == 1


def test_contradictions_are_in_force_until_cleared(store):
    rows = [
        contradiction(1),
        contradiction(1),
        contradiction(1, code=EvidenceCode.STORED),
        contradiction(1, credential="another", cleared_at=NOON),
        contradiction(2, cleared_at=NOON),
        contradiction(2, code=EvidenceCode.OTHER_HOST),
    ]
    context = build_snapshot(store, BASE, DEFAULT_PRESETS, Settings(), 7, (), rows).context
    assert context.contradicted == {"xai/grok-1": {"env:XAI": {"retained", "stored"}}, "xai/grok-2": {"env:XAI": {"other_host"}}}
    assert BASE.contradicted == {}


def test_ten_thousand_keys_of_a_thousand_accounts(store):
    connection = connect(store.path)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO accounts (id, name, created_at) VALUES (?, '', 0)", [(f"acc_{n}",) for n in range(1000)])
    connection.executemany(
        "INSERT INTO settings VALUES ('account', ?, ?, 0)", [(f"acc_{n}", f'{{"retention_days": {n % 20}.0}}') for n in range(1000)]
    )
    rows = [KeyRow(f"key_{n:05d}", "p", n.to_bytes(32, "big"), f"acc_{n % 1000}", NOON) for n in range(10_000)]
    connection.executemany(
        "INSERT INTO keys (id, prefix, sha256, account, created_at, name) VALUES (?, ?, ?, ?, ?, '')",
        [(row.id, row.prefix, row.sha256, row.account, row.created_at) for row in rows],
    )
    connection.execute("COMMIT")
    connection.close()
    took = []
    for _ in range(3):
        begun = time.perf_counter()
        snapshot = build(store)
        took.append(time.perf_counter() - begun)
    print(f"10,000 keys, 1,000 accounts: {min(took) * 1000:.0f} ms")
    assert len(snapshot.principals) == 10_000
    # Equal settings share one requirement object: the data plane's memos go by identity.
    assert len({id(principal.requirement) for principal in snapshot.principals.values()}) == 20
    assert min(took) < 1.0


def test_an_account_with_something_to_review_shares_no_requirement(store):
    """The data plane remembers decisions by the identity of the requirement."""
    for number, account in enumerate(("acme", "other", "third")):
        store.add_account(AccountRow(account, account, NOON))
        store.add_key(key_row(number, account=account))
    held = PolicyContext(BASE.catalogue, held={"acme": (Past(providers={"a": None}),)})
    found = build_snapshot(store, held, DEFAULT_PRESETS, Settings(), 7)
    mine, other, third = (
        next(one for one in found.principals.values() if one.account == name).requirement for name in ("acme", "other", "third")
    )
    assert mine == other
    assert mine is not other
    assert other is third
    assert found.context.held == held.held
    assert found.context.differs_by_account
    assert not BASE.differs_by_account
