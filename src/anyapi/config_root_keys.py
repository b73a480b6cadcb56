"""Root keys of stored credentials: from `ANYAPI_ROOT_KEY`, or from a file that the environment or `[encryption]` names. Reads that file.

INVARIANT: no text made here holds a key or a part of one. Seals and opens nothing: `anyapi.crypto.envelope` does.
"""

from collections.abc import Mapping
from pathlib import Path

from anyapi.catalogue.reading import Problems
from anyapi.config_values import Config
from anyapi.crypto.root_keys import NotARootKey, RootKeys, parse_root_keys
from anyapi.errors import ConfigError
from anyapi.regular_file import read_regular

KEY, KEY_FILE = "ANYAPI_ROOT_KEY", "ANYAPI_ROOT_KEY_FILE"
_LARGEST_FILE = 4096


def root_key_file(configured: Path | None, env: Mapping[str, str]) -> Path | None:
    """The file to read: what the environment names goes before `encryption.root_key_file`."""
    return Path(env[KEY_FILE]) if env.get(KEY_FILE) else configured


def read_root_keys(file: Path | None, env: Mapping[str, str], problems: Problems, configured_in: Path | None = None) -> RootKeys:
    """The root keys, the first of them for sealing; none where nothing names any. Notes what is wrong, and gives none then.

    `configured_in` is the configuration file, which a problem with `file` is noted of unless the environment named that.
    """
    if env.get(KEY):
        if env.get(KEY_FILE):
            problems.note("environment", None, KEY, f"stands beside {KEY_FILE}; keep one of them")
        return _parsed(env[KEY], ("environment", KEY), "", problems)
    if file is None:
        return RootKeys()
    place = ("environment", KEY_FILE) if env.get(KEY_FILE) else (str(configured_in or "anyapi.toml"), "encryption.root_key_file")
    try:
        text = read_regular(file, _LARGEST_FILE).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        remedy = "correct the path, or put the file back that sealed what is stored"
        problems.note(place[0], None, place[1], f"the file of root keys {file} cannot be read ({why}): {remedy}")
        return RootKeys()
    return _parsed(text, place, f" in {file}", problems)


def root_keys_of(config: Config, env: Mapping[str, str]) -> RootKeys:
    """The root keys for a command that seals or opens. Raises `ConfigError`, also where there is none."""
    problems = Problems()
    keys = read_root_keys(config.root_key_file, env, problems, config.file)
    problems.raise_config_error()
    if not keys:
        raise ConfigError(
            "there is no root key to seal credentials with. Make one (`openssl rand -base64 32 > root.key`, kept apart from the data "
            f"directory and its backups), and name the file in {KEY_FILE} or `encryption.root_key_file`, for the server too"
        )
    return keys


def _parsed(text: str, place: tuple[str, str], where: str, problems: Problems) -> RootKeys:
    try:
        return parse_root_keys(text)
    except NotARootKey as error:
        problems.note(place[0], None, place[1], f"no usable root key{where}: {error}")
        return RootKeys()
