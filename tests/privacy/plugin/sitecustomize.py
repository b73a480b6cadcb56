"""Faults inside a gateway under test: Python loads this module at start, because the tests put its folder on PYTHONPATH.

`ANYAPI_TEST_FAULTS` lists `module:qualified.name=action`, separated by spaces. While a file `module.qualified.name.action` stands in the
folder `ANYAPI_TEST_ARMED`, with the mark of a request in it, a call of that function that holds the request acts first:

- `raise`: RuntimeError whose text, notes and cause hold what the functions on the stack were given: the request, the answer;
- `print`: what the functions were given goes to standard output and standard error;
- `write`: it goes into files: the working directory, the temporary directories, the home;
- `spawn`: it goes into the arguments and the environment of a child process;
- `skip`: nothing, and the function is not called at all.

A file that ends in `.fired` says that it acted (`content`), or that it was called and held nothing of the request (`nothing`). One that ends
in `.missing` says that there is no such function.
`ANYAPI_TEST_MALLOPT=1` takes the wiping of freed memory back at start, so that the check of it has something to find.
"""

import ctypes
import functools
import importlib.abc
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ARMED = os.environ.get("ANYAPI_TEST_ARMED", "")
M_PERTURB = -6
LONGEST = 200_000
children = []


def planted_text(mark):
    """Every text with the mark in it that the functions on the stack hold: arguments and locals, and what hangs on them."""
    parts, frame = [], sys._getframe(2)  # that of the wrapper: it holds the arguments
    while frame is not None:
        for value in list(frame.f_locals.values()):
            parts += [text for text in _texts(value, 3) if mark in text]
        frame = frame.f_back
    return " ".join(parts)[:LONGEST]


def _texts(value, depth):
    if isinstance(value, bytes | bytearray | memoryview):
        return [bytes(value).decode("latin-1")]
    if isinstance(value, str):
        return [value]
    if depth == 0:
        return []
    if isinstance(value, dict):
        return [text for pair in list(value.items()) for part in pair for text in _texts(part, depth - 1)]
    if isinstance(value, list | tuple):
        return [text for part in value for text in _texts(part, depth - 1)]
    try:
        return [bytes(value).decode("latin-1")] if type(value).__name__ == "Raw" else _attributes(value, depth)
    except Exception:
        return []


def _attributes(value, depth):
    if not type(value).__module__.startswith(("anyapi.", "msgspec")):
        return []
    names = getattr(type(value), "__struct_fields__", None) or getattr(type(value), "__slots__", ()) or vars(value)
    return [text for name in names if not name.startswith("__") for text in _texts(getattr(value, name, None), depth - 1)]


def act(name, action):
    mark = Path(ARMED, name).read_text()
    text = planted_text(mark)
    fired = Path(ARMED, f"{name}.fired")
    if not text:
        if not fired.exists():
            fired.write_text("nothing")
        return
    fired.write_text("content")
    if action == "raise":
        error = RuntimeError(f"could not handle {text}")
        error.add_note(f"while it held {text}")
        raise error from ValueError(text)
    if action == "print":
        print(text, flush=True)
        print(text, file=sys.stderr, flush=True)
    elif action == "write":
        for place in (Path.cwd(), Path(tempfile.gettempdir()), Path("/tmp"), Path.home()):
            (place / f"leak-{os.getpid()}").write_text(text)
    elif action == "spawn":
        short = text[text.index(mark) :][:1000].replace("\0", "")
        command = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()", short]
        children.append(subprocess.Popen(command, stdin=subprocess.PIPE, env={"LEAK": short}))


def wrap(function, name, action):
    @functools.wraps(function)
    def wrapper(*arguments, **named):
        if os.path.exists(os.path.join(ARMED, name)):
            if action == "skip":
                Path(ARMED, f"{name}.fired").write_text("nothing")
                return None
            act(name, action)
        return function(*arguments, **named)

    return wrapper


class Finder(importlib.abc.MetaPathFinder):
    """Lets modules load as ever, then wraps the functions that are to fail."""

    def __init__(self, faults):
        self.faults = faults

    def find_spec(self, name, path=None, target=None):
        if name not in self.faults:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = Loader(spec.loader, self.faults[name])
                return spec
        return None


class Loader(importlib.abc.Loader):
    """The real loader, and then the wrapping."""

    def __init__(self, real, faults):
        self.real, self.faults = real, faults

    def create_module(self, spec):
        return self.real.create_module(spec)

    def exec_module(self, module):
        self.real.exec_module(module)
        for name, action in self.faults:
            whole = f"{module.__name__}.{name}.{action}"
            owner, last = module, name.rsplit(".", 1)[-1]
            try:
                for part in name.split(".")[:-1]:
                    owner = getattr(owner, part)
                setattr(owner, last, wrap(getattr(owner, last), whole, action))
            except AttributeError:
                Path(ARMED, f"{whole}.missing").touch()


def install():
    faults = {}
    for entry in os.environ.get("ANYAPI_TEST_FAULTS", "").split():
        place, _, action = entry.partition("=")
        module, _, name = place.partition(":")
        faults.setdefault(module, []).append((name, action))
    if faults:
        sys.meta_path.insert(0, Finder(faults))
    if os.environ.get("ANYAPI_TEST_MALLOPT"):
        ctypes.CDLL(None).mallopt(M_PERTURB, 0)


install()
