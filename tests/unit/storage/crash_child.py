"""The process that `test_crash` kills: puts usage rows and records decisions at a steady rate, and tells its parent through a pipe.

Each message is one byte of kind and one number: `a` before a request is accepted, `p` after its row was put, `d` after its decision
record was reported durable. Writes of this size to a pipe are whole or absent.
"""

import asyncio
import os
import struct
import sys
import time
from pathlib import Path

from tests.conformance.samples import decision_record, usage_row

from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.usage_writer import UsageWriter

MESSAGE = struct.Struct("=cId")


async def main(directory, pipe, first, pace):
    usage, decisions = UsageWriter(directory, time.time), DecisionWriter(directory)

    def tell(kind, number):
        os.write(pipe, MESSAGE.pack(kind, number, time.monotonic()))

    async def durable(number):
        await decisions.record(decision_record(number))
        tell(b"d", number)

    waiting = set()
    for number in range(first, first + 1_000_000):
        tell(b"a", number)
        usage.accept()
        if number % 2:
            task = asyncio.ensure_future(durable(number))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        usage.put(usage_row(number))
        tell(b"p", number)
        await asyncio.sleep(pace)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
