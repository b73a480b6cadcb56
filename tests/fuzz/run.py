"""Coverage-guided fuzzing of one target with atheris (libFuzzer), for so many seconds of CPU. Not a test by itself.

`python -m tests.fuzz.run TARGET SECONDS DIRECTORY` starts from the target's corpus and from what the directory holds; what reached new code
goes there. The first input that breaks a promise ends it with an error, and is written there as `crash-...`. `tests.fuzz.keep` adds to the
corpus what is worth it.
"""

import os
import resource
import sys
import time
from pathlib import Path

import atheris

LARGEST_INPUT = 20_000
WALL = 20
"""Times the CPU seconds that a run may take on a busy machine."""


def fuzz(target: str, seconds: int, place: Path) -> None:
    """Run until the time is over or a promise is broken; does not return."""
    with atheris.instrument_imports(include=["anyapi"]):
        from tests.fuzz import targets
    from tests.fuzz.corpus import inputs
    from tests.fuzz.mutation import Mutator

    place.mkdir(parents=True, exist_ok=True)
    known = inputs(target)
    for number, data in enumerate(known):
        (place / f"known-{number:05}").write_bytes(data)
        targets.TARGETS[target](data)  # what is made once is no growth, nor the time it takes
    mutator, end, done = Mutator(known), time.process_time() + seconds, [0]

    def one(data: bytes) -> None:
        done[0] += 1
        targets.run(target, data)
        if time.process_time() > end:
            print(f"{target}: {done[0]} inputs in {seconds} s of CPU", flush=True)
            os._exit(0)  # libFuzzer takes any other end for a finding

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        return mutator.mutate(data, most, seed, atheris.Mutate)

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options = [f"-max_total_time={WALL * seconds}", f"-max_len={LARGEST_INPUT}", f"-rss_limit_mb={peak + targets.MEGABYTES}", "-timeout=60"]
    options += [f"-artifact_prefix={place}/", "-len_control=0"]
    atheris.Setup([sys.argv[0], *options, str(place)], one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    fuzz(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
