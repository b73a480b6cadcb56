"""The demo that is proven: a real gateway, whose places are where it writes, and nothing of it is left."""

import os
from pathlib import Path

from anyapi.prove.caller import Ended
from anyapi.prove.demo import MODEL, demo
from anyapi.prove.sinks import PREFIXES


def test_it_answers_and_writes_where_it_says():
    with demo({**os.environ, "ANYAPI_SCRUB": "nonsense"}) as (caller, place):
        assert caller.chat(caller.planted.new("one"), MODEL) == Ended(200)
        assert caller.chat(caller.planted.new("two"), "acme/fails") == Ended(502)
        assert (place.data_dir / "anyapi.db").is_file()
        assert any("event=started" in log.read_text() for log in place.logs)
        assert Path(f"/proc/{place.pids[0]}").is_dir()
        assert place.data_dir.parent.name.startswith(PREFIXES), "what is ours is not taken for a leak"
    assert not place.data_dir.exists()
    assert not Path(f"/proc/{place.pids[0]}").exists()
