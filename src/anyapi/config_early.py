"""What is needed before all else is imported: whether memory is to be scrubbed, and what outlasts that. The rest is `anyapi.config`.

It decides whether the process executes itself again, and what was imported before that is imported twice. A file that cannot be read is
no reason to stop here: the full reading says what is wrong with it.
"""

import tomllib
from collections.abc import Mapping, MutableMapping
from pathlib import Path


def wants_scrubbing(path: Path | None, env: Mapping[str, str]) -> bool:
    """What `ANYAPI_SCRUB`, else `scrub.enabled` in the file says; true where neither says anything sound."""
    said = env.get("ANYAPI_SCRUB")
    if said:
        return said != "false"
    file = path or Path(env.get("ANYAPI_CONFIG") or "anyapi.toml")
    if not file.is_file():  # a pipe would hold us up; the full reading says that it is one
        return True
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    section = content.get("scrub")
    return not isinstance(section, dict) or section.get("enabled") is not False


def keep_data_dir(named: Path | None, env: MutableMapping[str, str]) -> None:
    """Put the data directory of the command line into an environment, where it goes before everything else.

    A process that executes itself again finds it there, and so do the workers that it starts.
    """
    if named is not None:
        env["ANYAPI_DATA_DIR"] = str(named.absolute())
