"""Fills a new AnyAPI database for the growth figure: `populate.py DATA_DIR ACCOUNTS KEYS`. Prints one key of each account.

Goes through the product's own storage. A process of its own, so that the harness imports nothing of the product.
"""

import sys
import time
from pathlib import Path

from anyapi.crypto.api_keys import generate
from anyapi.domain.ids import AccountId
from anyapi.domain.requirement import Layer, Settings
from anyapi.storage.rows import AccountRow, KeyRow
from anyapi.storage.sqlite import SqliteStore

POLICIES = 10
"""Accounts differ in what they ask, so that the gateway decides more than once."""


def main() -> None:
    """Reads the arguments, writes the database."""
    data_dir, accounts, keys = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with SqliteStore(data_dir, time.time) as store:
        for number in range(accounts):
            print(_add_account(store, number, keys // accounts))


def _add_account(store: SqliteStore, number: int, keys: int) -> str:
    """An account with settings and keys. Returns the first of its keys."""
    account = AccountId(f"bench-{number:05}")
    now = time.time()
    store.add_account(AccountRow(account, f"Account {number}", now))
    policy = Settings(training_allowed=number % 2 == 0, retention_days=30.0 + number % POLICIES)
    store.change_settings(Layer.ACCOUNT, account, lambda _: policy, now)
    made = [generate() for _ in range(keys)]
    for key in made:
        store.add_key(KeyRow(key.id, key.prefix, key.sha256, account, now))
    return made[0].secret


if __name__ == "__main__":
    main()
