"""Stories as tests of pytest, run as an author runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

BOT = "dialog: [{condition: true, response: !ENV 'Hello from ${PLACE}.'}]"
STORIES = """
- name: passes
  turns: [{message: hi, response: Hello from Bonn.}]
- name: fails
  markers: [slow]
  turns: [{message: hi, response: Goodbye.}]
- name: may fail
  xfail: true
  turns: [{message: hi, response: Goodbye.}]
- name: is skipped
  markers: [skip]
  turns: [{message: hi, response: Goodbye.}]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "bot.yaml").write_text(BOT)
    (tmp_path / ".env").write_text("PLACE=Bonn")
    (tmp_path / "stories.yaml").write_text(STORIES)
    (tmp_path / "more.stories.yaml").write_text("- {name: more, turns: []}")
    (tmp_path / "other.yaml").write_text("- {name: other, turns: []}")
    (tmp_path / "test_python.py").write_text("def test_python(): pass")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: takes long\n")
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", "-v", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=project, check=False)


def test_stories_are_found_by_name_beside_tests_in_python(project: Path) -> None:
    done = run(project, "--bot", "bot.yaml")
    assert done.returncode == 1, done.stdout
    for line in (
        "stories.yaml::passes PASSED",
        "stories.yaml::fails FAILED",
        "stories.yaml::may fail XFAIL",
        "stories.yaml::is skipped SKIPPED",
        "more.stories.yaml::more PASSED",
        "test_python.py::test_python PASSED",
    ):
        assert line in done.stdout
    assert "other" not in done.stdout
    assert "stories.yaml:6: story 'fails'" in done.stdout
    assert "Traceback" not in done.stdout
    assert "1 failed, 3 passed, 1 skipped, 1 xfailed" in done.stdout


def test_stories_are_selected_and_named(project: Path) -> None:
    done = run(project, "--bot", "bot.yaml", "-m", "slow", "stories.yaml")
    assert "1 failed, 3 deselected" in done.stdout
    done = run(project, "--bot", "bot.yaml", "other.yaml")
    assert done.returncode == 0, done.stdout
    assert "other.yaml::other PASSED" in done.stdout


def test_nothing_happens_without_a_bot(project: Path) -> None:
    done = run(project)
    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_a_bot_or_a_file_that_is_wrong_is_said_with_its_place(project: Path) -> None:
    (project / "stories.yaml").write_text("- {name: x, turns: [{message: hi}]}")
    done = run(project, "--bot", "bot.yaml", "stories.yaml")
    assert done.returncode == 2
    assert "stories.yaml:1:21: " in done.stdout
    (project / "bot.yaml").write_text("dialog: [{condition: true, respnse: x}]")
    done = run(project, "--bot", "bot.yaml", "other.yaml")
    assert done.returncode == 2
    assert "did you mean 'response'?" in done.stdout
