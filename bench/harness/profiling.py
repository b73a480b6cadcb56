"""`--profile`: where AnyAPI spends its time under each load, sampled by py-spy. Gives pictures, no figures: the sampling itself costs."""

import shutil
import subprocess
import sys
from pathlib import Path

from .figures import ANYAPI
from .load import Phase
from .machine import CannotRun
from .session import Session

PHASES = (Phase.REQUEST, Phase.STREAM, Phase.LARGE)
SECONDS = 10
QUICK_SECONDS = 3
RATE_HZ = 500


def record(session: Session, directory: Path, *, quick: bool) -> list[Path]:
    """One flame graph a phase in `directory`. Returns their paths. Raises CannotRun without py-spy."""
    beside = Path(sys.executable).parent / "py-spy"
    spy = str(beside) if beside.exists() else shutil.which("py-spy")
    if spy is None:
        raise CannotRun("--profile needs py-spy, which is not installed: `.venv/bin/uv pip install py-spy` puts it beside AnyAPI.")
    directory.mkdir(exist_ok=True)
    seconds = QUICK_SECONDS if quick else SECONDS
    session.prepare(many_keys=False)
    target = session.start(ANYAPI)
    written = []
    for phase in PHASES:
        path = directory / f"{phase}.svg"
        command = [
            spy,
            "record",
            "--pid",
            str(target.process.pid),
            "--duration",
            str(seconds),
            "--rate",
            str(RATE_HZ),
            "--native",
            "-o",
            str(path),
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as recorder:
            session.load.drive_for(target, phase, seconds + 1)
            _, said = recorder.communicate()
        if recorder.returncode != 0:
            raise CannotRun(f"py-spy could not record: {said.strip()[-400:]}")
        written.append(path)
    session.stop(target)
    return written
