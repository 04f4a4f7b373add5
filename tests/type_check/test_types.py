"""Type checkers find an author's mistakes, and nothing in a bot that has none."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent

MYPY = [sys.executable, "-m", "mypy", "--config-file=", "--strict", "--no-error-summary"]
PYRIGHT = [sys.executable, "-m", "basedpyright", "--level=error", f"--pythonpath={sys.executable}"]

CHECKERS = [pytest.param(MYPY, id="mypy"), pytest.param(PYRIGHT, id="pyright")]


def lines_with_errors(checker: list[str], file: Path) -> set[int]:
    done = subprocess.run([*checker, str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr  # it has run
    return {int(line) for line in re.findall(rf"{file.name}:(\d+):(?:\d+ -)? error", done.stdout)}


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_good_bot_has_no_errors(checker: list[str]) -> None:
    assert lines_with_errors(checker, FOLDER / "good.py") == set()


@pytest.mark.parametrize("checker", CHECKERS)
def test_each_mistake_of_a_bad_bot_is_found(checker: list[str]) -> None:
    file = FOLDER / "bad.py"
    wrong = {number for number, line in enumerate(file.read_text().splitlines(), 1) if line.endswith("# wrong")}
    assert lines_with_errors(checker, file) == wrong
