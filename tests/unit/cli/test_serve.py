"""`anyapi serve` before anything heavy is imported: scrubbing decided, options known."""

import subprocess
import sys


def run(*arguments, env=None):
    command = [sys.executable, "-m", "anyapi", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, check=False)


def test_importing_it_imports_nothing_heavy():
    code = "import sys, anyapi.cli.serve; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert not {"msgspec", "uvloop", "sqlite3", "asyncio", "sqlalchemy", "yaml"} & set(loaded)


def test_its_options_are_explained():
    answer = run("--help")
    assert answer.returncode == 0
    assert "--config" in answer.stdout
    assert "--quiet" in answer.stdout


def test_a_missing_file_is_named(tmp_path):
    answer = run("--config", str(tmp_path / "none.toml"))
    assert answer.returncode == 1
    assert "none.toml" in answer.stderr
    assert "Traceback" not in answer.stderr
