"""Finds the programs that the benchmark needs from the system, and their versions. Installs nothing."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .machine import CannotRun

MODULE_DIRECTORIES = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules", "/etc/nginx/modules")
LUA_MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")  # the first is loaded first: the second needs it
PRODUCT_PARTS = ("anyapi", "uvloop", "httptools", "msgspec", "sqlalchemy")


@dataclass(frozen=True)
class Tools:
    """Paths of the programs, and of nginx's loadable modules in the order in which they are loaded."""

    nginx: str
    nginx_modules: tuple[Path, ...]
    wrk: str
    openssl: str


def find() -> Tools:
    """All tools, or CannotRun with one sentence that names what is missing and what to install."""
    search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))  # a user's PATH often lacks sbin
    paths = {name: shutil.which(name, path=search) for name in ("nginx", "wrk", "openssl")}
    modules = _nginx_modules()
    missing = [name for name, path in paths.items() if path is None]
    if not modules:
        missing.insert(0, "nginx's Lua module")
    if missing:
        raise CannotRun(
            f"The benchmark cannot find {', '.join(missing)}: on Debian, install what it needs with "
            "`apt-get install nginx-light libnginx-mod-http-lua wrk openssl`."
        )
    return Tools(paths["nginx"] or "", modules, paths["wrk"] or "", paths["openssl"] or "")


def _nginx_modules() -> tuple[Path, ...]:
    for directory in MODULE_DIRECTORIES:
        paths = tuple(Path(directory, name) for name in LUA_MODULES)
        if all(path.exists() for path in paths):
            return paths
    return ()


def versions(tools: Tools, repository: Path) -> dict[str, str]:
    """Versions for the report: the product and what it stands on, the tools, and the commit that was measured."""
    found = {"python": platform.python_version()}
    for name in PRODUCT_PARTS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["nginx"] = _first_match(r"nginx/(\S+)", [tools.nginx, "-v"])
    found["wrk"] = _first_match(r"wrk\s+(\S+)", [tools.wrk, "-v"])
    found["openssl"] = _first_match(r"OpenSSL (\S+)", [tools.openssl, "version"])
    found["commit"] = _commit(repository)
    return found


def _first_match(pattern: str, command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    match = re.search(pattern, done.stdout + done.stderr)
    return match.group(1) if match else "unknown"


def _commit(repository: Path) -> str:
    git = shutil.which("git")
    if git is None:
        return "unknown"
    head = subprocess.run([git, "-C", repository, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([git, "-C", repository, "status", "--porcelain", "--", "src"], capture_output=True, text=True, check=False)
    if head.returncode != 0:
        return "unknown"
    return head.stdout.strip() + (" with changes in src" if changed.stdout.strip() else "")
