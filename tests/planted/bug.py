"""A bug that a test must catch: how it is planted, and whether it is caught."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]

TIMEOUT = 600.0
"""Seconds for a bug's tests: one that hangs shows the bug as well."""


class Bug(NamedTuple):
    """A bug that breaks an invariant."""

    name: str
    breaks: str
    """The invariant, as a sentence."""
    file: str
    old: str
    """Stands once in the file."""
    new: str
    tests: tuple[str, ...]
    """What must fail: arguments of pytest."""


def plant(bug: Bug, tree: Path) -> None:
    """Put a bug into a copy of the project."""
    file = tree / bug.file
    text = file.read_text()
    assert text.count(bug.old) == 1, f"{bug.name}: its place is {text.count(bug.old)} times in {bug.file}"
    file.write_text(text.replace(bug.old, bug.new))


def is_caught(bug: Bug) -> bool:
    """Whether the bug's tests fail with it."""
    with tempfile.TemporaryDirectory(prefix="planted-") as place:
        tree = Path(place) / "maxbot"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
        plant(bug, tree)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *bug.tests]
        try:
            run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return True
        # 1 is pytest's word for tests that failed; anything else is a mistake of ours.
        if run.returncode not in (0, 1):
            raise SystemExit(f"{bug.name}: the tests could not be run\n{run.stdout}{run.stderr}")
        for line in run.stdout.splitlines():
            if line.startswith(("FAILED", "ERROR")):
                print(f"    {line[:200]}", flush=True)
        return run.returncode == 1
