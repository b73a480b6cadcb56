"""The SQL about keys' limits names columns in the order of the structs and adds up; test_statements.py has SQLite parse it."""

import pytest

from anyapi.storage import key_statements
from anyapi.storage.rows import ProvisioningKeyRow


def test_columns_stand_in_the_order_of_the_struct(connection):
    found = connection.execute(key_statements.PROVISIONING_OF_ACCOUNT, ("default",)).description
    assert tuple(column[0] for column in found) == ProvisioningKeyRow.__struct_fields__


@pytest.mark.parametrize("sums", [1, 2, 128])
def test_sums_are_added_to_what_is_there(connection, sums):
    connection.execute("BEGIN")
    connection.execute("INSERT INTO accounts VALUES ('a', 'A', 0, NULL)")
    text = key_statements.insert_spending(sums)
    for cost in (0.5, 0.25):
        connection.execute(text, [value for number in range(sums) for value in ("a", f"key_{number}", 7, cost)])
    assert connection.execute("SELECT count(*), min(cost), max(cost) FROM spending").fetchone() == (sums, 0.75, 0.75)
    connection.execute("ROLLBACK")
