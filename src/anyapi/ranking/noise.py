"""Draws the noise of a release. Run as a script, in a process of its own that ends with it: OpenDP takes 37 MB and is needed once a week.

Reads `{"counts": [...], "scale": 1.0, "shown_from": 34}` from standard input and writes `{"epsilon": 1.0, "shown": [[place, count], ...]}`
to standard output. Counts that are not shown, noisy or not, leave this process in no form. Imports nothing of AnyAPI.
"""

import json
import sys
from collections.abc import Callable, Sequence
from typing import cast

import opendp.prelude as dp

Mechanism = Callable[[Sequence[int]], list[int]]


def discrete_laplace(scale: float) -> tuple[Mechanism, float]:
    """What adds discrete Laplace noise to whole numbers, and the epsilon that OpenDP proves of it where one of them differs by one."""
    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    mechanism = dp.m.make_laplace(*space, scale=scale)
    return cast("Mechanism", mechanism), float(mechanism.map(d_in=1))


def drawn(asked: dict[str, object]) -> dict[str, object]:
    """The answer to what was asked."""
    counts, shown_from = cast("list[int]", asked["counts"]), cast("int", asked["shown_from"])
    mechanism, epsilon = discrete_laplace(cast("float", asked["scale"]))
    noisy = mechanism(counts) if counts else []
    return {"epsilon": epsilon, "shown": [[place, count] for place, count in enumerate(noisy) if count >= shown_from]}


if __name__ == "__main__":
    json.dump(drawn(json.load(sys.stdin)), sys.stdout)
