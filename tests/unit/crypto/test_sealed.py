"""Sealed values: they show nothing but the root key's id, and the module loads no cipher."""

import subprocess
import sys

from anyapi.crypto.sealed import Binding, CannotOpen, ClosedReason, Sealed


def test_only_the_id_of_the_root_key_shows():
    sealed = Sealed("ab12", b"wrapped", b"ciphertext")
    assert repr(sealed) == str(sealed) == "<Sealed under ab12>"


def test_the_reason_is_in_the_metadata():
    error = CannotOpen("the stored credential own:1 is shut", ClosedReason.DAMAGED)
    assert (error.reason, error.metadata) == (ClosedReason.DAMAGED, {"code": "damaged"})


def test_bindings_are_compared_by_value():
    assert Binding("a", "p", "r", 1) == Binding("a", "p", "r", 1) != Binding("a", "p", "r", 2)


def test_neither_this_nor_the_root_keys_load_the_cipher():
    code = "import sys, anyapi.crypto.sealed, anyapi.crypto.root_keys; print('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
