"""Finds and reads files of stories."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from maxbot.bot import MaxBot
from maxbot.bot.read.places import shown_path
from maxbot.bot.read.resources import read_text
from maxbot.bot.read.stories import Story, read_stories
from maxbot.dialog.source import Document
from maxbot.errors import UsageError

NAMES = ("stories.yaml", "*.stories.yaml")
"""Files that hold stories in a folder."""


def is_stories_file(path: Path) -> bool:
    """Whether a file's name says that it holds stories."""
    return any(path.match(name) for name in NAMES)


def find_stories(paths: Iterable[Path]) -> list[Path]:
    """Return files of stories: those that are named, and those of folders at any depth, in the order of names.

    Raises:
        UsageError: There is no such file, or none in a folder.
    """
    return [file for path in paths for file in _find(path)]


def _find(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"there is no file {path} with stories")
        yield path
        return
    found = sorted(file for file in path.rglob("*.yaml") if is_stories_file(file))
    if not found:
        raise UsageError(f"there are no stories in {path}: their files are called {' or '.join(NAMES)}")
    yield from found


def load_stories(path: Path, bot: MaxBot) -> tuple[Story, ...]:
    """Return the stories of a file.

    Raises:
        BotError: It cannot be read, or requests what the bot does not have; has every mistake with its place.
    """
    document = Document(shown_path(str(path)), read_text(path))
    return read_stories(document, None if bot.definition is None else bot.definition.rpc)
