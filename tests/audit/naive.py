"""RFC 6962 as its text defines it (sections 2.1, 2.1.1, 2.1.2), recursive and slow. Imports nothing of the product: it is the oracle."""

import hashlib


def mth(entries):
    """MTH(D[n])."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def split(n):
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m, entries, root=mth):
    """PATH(m, D[n])."""
    n = len(entries)
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return [*path(m, entries[:k], root), root(entries[k:])]
    return [*path(m - k, entries[k:], root), root(entries[:k])]


def proof(m, entries, root=mth):
    """PROOF(m, D[n])."""
    return subproof(m, entries, True, root)


def subproof(m, entries, b, root):
    n = len(entries)
    if m == n:
        return [] if b else [root(entries)]
    k = split(n)
    if m <= k:
        return [*subproof(m, entries[:k], b, root), root(entries[k:])]
    return [*subproof(m - k, entries[k:], False, root), root(entries[:k])]


def remembering():
    """`mth` that remembers by entries: the same recursion, each subtree once. Entries must differ."""
    known = {}

    def root(entries):
        if not entries:
            return mth(entries)
        key = (entries[0], len(entries))
        if key not in known:
            if len(entries) == 1:
                known[key] = hashlib.sha256(b"\x00" + entries[0]).digest()
            else:
                k = split(len(entries))
                known[key] = hashlib.sha256(b"\x01" + root(entries[:k]) + root(entries[k:])).digest()
        return known[key]

    return root
