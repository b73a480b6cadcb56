"""What the first process of a container needs: the kernel gives number 1 no signal that it has no handler for, SIGTERM neither.

Imports next to nothing.
"""

import os
import signal
import sys
from types import FrameType

FIRST = 1


def end_when_told() -> None:
    """Have SIGTERM end this process while it starts, as it ends any other; else a container would be killed after its patience."""
    if os.getpid() == FIRST:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
