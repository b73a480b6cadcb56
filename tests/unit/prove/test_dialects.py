"""Requests of the other formats: names tell them apart, bodies hold canaries, and what ends here is told from what a provider ends."""

import contextlib
import json

from anyapi.prove import dialects
from anyapi.prove.planted import Planted


def test_every_class_has_a_name_of_its_own():
    names = [one.name for one in (*dialects.asked(), *dialects.refused())]
    doubled = {name for name in names if names.count(name) > 1}
    assert doubled == set()
    assert len(names) > 100


def test_each_body_is_full_of_canaries():
    for one in (*dialects.asked(), *dialects.refused()):
        mark = Planted().new(one.name)
        body = one.body(mark)
        assert mark.text.encode() in body, one.name
        assert one.path in {*dialects.BODIES, dialects.COUNT}


def test_what_ends_here_names_no_provider_that_fails():
    for one in dialects.refused():
        with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            body = json.loads(one.body(Planted().new(one.name)))
            model = body.get("model", "") if isinstance(body, dict) else ""
            assert not model.endswith(tuple(dialects.FAULTS)), one.name
        assert {status for status, _ in one.wanted} <= {200, 400, 403, 404}
