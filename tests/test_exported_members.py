import subprocess
import sys
from pathlib import Path

import pytest

import maxbot
import maxbot.bot


def test_what_an_author_imports() -> None:
    assert maxbot.__all__ == [
        *("BotError", "CannotFetch", "Channel", "Command", "Dialog", "MaxBot", "MaxBotError", "Media", "Turn", "Update")
    ]
    assert maxbot.bot.__all__ == ["MaxBot", "Turn", "load_bot"]


@pytest.mark.parametrize("name", maxbot.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(maxbot, name).__name__ == name


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="module 'maxbot' has no attribute 'Robot'"):
        maxbot.Robot  # noqa: B018


def test_importing_the_package_loads_none_of_them() -> None:
    code = "import sys, maxbot; print([name for name in sys.modules if name.startswith('maxbot.')])"
    root = Path(maxbot.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout == "[]\n"
