import subprocess
import sys
from pathlib import Path
from types import CodeType

import pytest

import maxbot
from maxbot.bot.read.places import innermost_place, shown_path


def traceback_through(*files: str) -> BaseException:
    """Return an error that passed through functions of these files, the last one inside the others."""
    call = "raise ValueError('x')"
    space: dict[str, object] = {}
    for number, file in enumerate(reversed(files)):
        code: CodeType = compile(f"def f{number}():\n    {call}\n", file, "exec")
        exec(code, space)
        call = f"f{number}()"
    try:
        eval(call, space)
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["/bots/a/bot.py"], "/bots/a/bot.py"),
        (["/bots/a/bot.py", "/bots/a/sub/helper.py"], "/bots/a/sub/helper.py"),
        (["/bots/a/bot.py", "/usr/lib/python3/json.py"], "/bots/a/bot.py"),
        (["/bots/a/bot.py", "/bots/a/.venv/lib/site-packages/x.py"], "/bots/a/bot.py"),
        (["/bots/a/bot.py", "/bots/another/x.py"], "/bots/a/bot.py"),
        (["/usr/lib/x.py"], None),
    ],
)
def test_the_innermost_line_of_the_bots_own_code(files: list[str], expected: str | None) -> None:
    place = innermost_place(traceback_through(*files).__traceback__, "/bots/a/bot.py")
    assert (place.file if place else None) == expected


def test_code_without_a_file_owns_no_other_file() -> None:
    place = innermost_place(traceback_through("<string>", "/usr/lib/x.py").__traceback__, "<string>")
    assert place is not None
    assert (place.file, place.line) == ("<string>", 2)


def test_maxbot_is_not_the_bots_own_code_even_where_it_lies_in_its_folder() -> None:
    root = Path(maxbot.__file__).parent.parent
    own = str(root / "mybot.py")
    place = innermost_place(traceback_through(own, str(root / "maxbot" / "bot" / "turns.py")).__traceback__, own)
    assert place is not None
    assert place.file == shown_path(own)


def test_paths_are_shown_relative_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_path(str(tmp_path / "a" / "bot.py")) == "a/bot.py"
    assert shown_path("/elsewhere/bot.py") == "/elsewhere/bot.py"


def test_a_bot_started_from_a_string_names_its_line() -> None:
    code = """
from maxbot import MaxBot
bot = MaxBot()
@bot.handler
async def handle(turn):
    turn.say("")
bot.process_message("hi")
"""
    root = Path(maxbot.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert "TurnError: <string>:6: the text of a reply is empty" in done.stderr
