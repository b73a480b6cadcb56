"""A clock that a test can step: Python loads this module at the start of a gateway, because the test puts its folder on PYTHONPATH.

`ANYAPI_TEST_CLOCK` names a file with the seconds that are added to the time of day. Clocks that only go forward stay as they are.
"""

import os
import time
from pathlib import Path

place, real = Path(os.environ["ANYAPI_TEST_CLOCK"]), time.time
time.time = lambda: real() + float(place.read_text())
