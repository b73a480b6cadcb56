"""Names are one line that shows what it is, whoever reads it and where."""

import pytest

from anyapi.control.names import LONGEST_NAME, check_name, plain
from anyapi.errors import BadRequest

WRONG = ["\x1b[2Jgone", "a\nb", "a\rb", "a\tb", "\x9b31m", "\x7f", "\u202eevil", "a\u2066b", "a\u2028b"]
RIGHT = ["", "web", "Zoë's app", "نص عربي", "می\u200cخواهم", "ความ", "👩\u200d💻", "10\u00a0000", "a" * LONGEST_NAME]


@pytest.mark.parametrize("name", [*WRONG, "a" * (LONGEST_NAME + 1)])
def test_what_shows_as_something_else_is_no_name(name):
    with pytest.raises(BadRequest) as refused:
        check_name(name)
    assert refused.value.field == "name"


@pytest.mark.parametrize("name", RIGHT)
def test_people_write_as_they_write(name):
    check_name(name)
    assert plain(name) == name


@pytest.mark.parametrize("name", WRONG)
def test_a_terminal_obeys_nothing_of_it(name):
    assert plain(name).isprintable()


@pytest.mark.parametrize("name", WRONG)
def test_no_page_makes_such_a_name(staffed, name):
    owner, operator = staffed.browser("owner@x.org"), staffed.browser("operator@x.org")
    for by, path, body in [
        (owner, "/api/accounts/default/keys", {"name": f"x{name}x"}),
        (owner, "/api/accounts/default/projects", {"id": "app", "name": f"x{name}x"}),
        (owner, "/api/accounts/default/logs/recipients", {"name": f"x{name}x", "recipient": "age1" + "q" * 58}),
        (operator, "/api/accounts", {"id": "acme", "name": f"x{name}x"}),
    ]:
        refused = by.post(path, body)
        assert (refused.status_code, refused.json()["error"]["metadata"].get("field")) == (400, "name"), path
        assert name not in refused.text
    made = owner.post("/api/accounts/default/keys", {"name": "fine"}).json()["key"]
    assert owner.send("PUT", f"/api/accounts/default/keys/{made['id']}", {"name": f"x{name}x"}).status_code == 400
    assert [row["name"] for row in owner.get("/api/accounts/default/keys").json()] == ["fine"]
