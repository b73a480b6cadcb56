"""The process in which `test_disk_full` fills the disk. Prints `ok` or raises.

Two ways: a file size limit on the process (writes fail with EFBIG, needs no rights), or a small file system that really is full.
"""

import asyncio
import os
import resource
import signal
import sys
import time
from pathlib import Path

from tests.conformance.samples import decision_record, usage_row

from anyapi.errors import StorageError
from anyapi.storage.decision_writer import DecisionWriter
from anyapi.storage.sqlite import SqliteStore
from anyapi.storage.usage_writer import UsageWriter


class SizeLimit:
    """No file of this process may grow beyond what the database has now."""

    def __init__(self, directory):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        self.size = max(path.stat().st_size for path in directory.iterdir()) + 20_000

    def fill(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.hard))

    def free(self):
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.hard, self.hard))


class FullDisk:
    """A file takes all the room of the file system."""

    def __init__(self, directory):
        self.path = directory / "ballast"

    def fill(self):
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        try:
            for size in (65536, 512):
                try:
                    while True:
                        os.write(descriptor, b"x" * size)
                except OSError:
                    continue
        finally:
            os.close(descriptor)

    def free(self):
        self.path.unlink()


async def main(directory, kind):
    store = SqliteStore(directory, time.time)
    events = []
    usage = UsageWriter(directory, time.time, interval=0.01, report=events.append)
    decisions = DecisionWriter(directory, report=events.append)
    await decisions.record(decision_record(1))
    disk = kind(directory)
    disk.fill()

    durable, number, codes = 1, 2, []
    while len(codes) < 5:
        try:
            await decisions.record(decision_record(number))
            durable += 1
        except StorageError as error:
            codes.append(error.metadata["code"])
        number += 1
        assert number < 10_000, "the disk does not fill up"
    assert all(code.startswith(("SQLITE_FULL", "SQLITE_IOERR")) for code in codes), codes
    puts = 3000
    for row in range(puts):
        usage.accept()
        usage.put(usage_row(row))
    try:
        usage.flush(0.5)
        raise AssertionError("the rows went somewhere")
    except StorageError:
        pass
    assert usage.state.failing
    # A refused record must not have been written after all and counted by nobody.
    assert store.decision_count() == durable, (store.decision_count(), durable)

    disk.free()
    # Nobody sends while we are not ready: it must find out by itself.
    decisions.flush(10)
    assert not decisions.state.failing
    await decisions.record(decision_record(number))
    usage.flush(10)
    assert not usage.state.failing
    assert not decisions.state.failing
    assert store.decision_count() == durable + 1
    assert usage.state.written == puts
    assert {event.kind for event in events} == {"failed", "recovered"}, events
    usage.close()
    decisions.close()
    assert store._read("check", "PRAGMA integrity_check") == [("ok",)]
    store.close()
    print("ok")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), {"limit": SizeLimit, "disk": FullDisk}[sys.argv[2]]))
