"""`maxbot stories` as a user runs it."""

from pathlib import Path

import pytest

from tests.cli.test_main import run

GOOD = "- {name: good, turns: [{message: hi, response: hi}]}\n"
BAD = "- {name: bad, turns: [{message: hi, response: ho}, {message: hi, response: hi}]}\n"
MAY_FAIL = "- {name: may, markers: [xfail], turns: [{message: hi, response: ho}]}\n"
SKIPPED = "- {name: not now, markers: [skip], turns: [{message: hi, response: ho}]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bot.yaml").write_text("dialog: [{condition: true, response: '{{ message.text }}'}]")
    return tmp_path


def test_all_stories_run_and_are_summed_up(folder: Path) -> None:
    (folder / "stories.yaml").write_text(BAD + GOOD + MAY_FAIL + SKIPPED)
    done = run("stories", "-B", "bot.yaml", cwd=folder)
    assert done.returncode == 1, done.stderr
    lines = done.stdout.split("\n")
    assert [line for line in lines if line.startswith(("bad ", "good ", "may ", "not now "))] == [
        "bad FAILED",
        "good OK",
        "may XFAIL",
        "not now SKIPPED",
    ]
    assert "stories.yaml:1: story 'bad'" in done.stdout
    assert "Mismatch at step [0]" in done.stdout
    assert lines[-2] == "1 FAILED, 1 OK, 1 XFAIL, 1 SKIPPED"


def test_files_and_folders_can_be_named(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "a.stories.yaml").write_text(GOOD)
    (folder / "b.yaml").write_text(GOOD)
    done = run("stories", "--bot", "bot.yaml", "-S", "deep", "-S", "b.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "good OK\ngood OK\n2 OK\n")


def test_the_first_failure_may_end_it(folder: Path) -> None:
    (folder / "stories.yaml").write_text(BAD + GOOD)
    done = run("stories", "-x", "-B", ".", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.endswith("1 FAILED\n")


@pytest.mark.parametrize(
    ("stories", "says", "code"),
    [(None, "there is no file stories.yaml", 2), ("name: x", "stories.yaml:1:1", 1), ("- {name: x}", "'turns'", 1)],
)
def test_what_cannot_be_read_is_said(folder: Path, stories: str | None, says: str, code: int) -> None:
    if stories is not None:
        (folder / "stories.yaml").write_text(stories)
    done = run("stories", "-B", "bot.yaml", cwd=folder)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_variables_are_read_from_files_here_and_beside_the_bot(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "bot.yaml").write_text("dialog: [{condition: true, response: !ENV '${HERE} ${BESIDE}'}]")
    (folder / "deep" / "stories.yaml").write_text("- {name: good, turns: [{message: hi, response: one two}]}\n")
    (folder / ".env").write_text("HERE=one\n")
    (folder / "deep" / ".env").write_text("HERE=three\nBESIDE=two\n")
    for option in ("-B", "--bot"):
        done = run("stories", option, "deep/bot.yaml", cwd=folder)
        assert (done.returncode, done.stdout) == (0, "good OK\n1 OK\n"), done.stderr
