"""Where a bot is read from."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

from maxbot.bot.read.bot import INLINE, Options, Prepare, read_files, read_inline
from maxbot.bot.read.files import BOT_FILE, BotFiles, find_files
from maxbot.dialog.definitions import BotDefinition
from maxbot.errors import BotError


class Resources(NamedTuple):
    """A text, or files."""

    files: BotFiles
    text: str | None = None
    """Of a bot without files."""

    @property
    def directory(self) -> Path | None:
        """Where the bot's files are; None for a bot without files."""
        return None if self.text is not None else self.files.bot.parent

    @property
    def watched(self) -> list[Path]:
        """The files; a change of one of them makes it another bot."""
        return [] if self.text is not None else [path.absolute() for path in self.files.all]

    def read(self, prepare: Prepare, options: Options) -> BotDefinition:
        """Return the bot.

        Raises:
            BotError: It is none; has every mistake with file, line and column.
        """
        if self.text is not None:
            return read_inline(self.text, prepare, options)
        return read_files(self.files, prepare, options)


def inline(text: str) -> Resources:
    """Return a bot that is a text."""
    return Resources(BotFiles(Path(INLINE)), text)


def package_directory(package: str) -> Path:
    """Return the directory of a package, without importing it.

    Raises:
        BotError: There is no such package, or it is a single module.
    """
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError) as error:
        raise BotError(f"the package {package!r} cannot be imported: {error}") from error
    places = found.submodule_search_locations if found else None
    if not places:
        raise BotError(f"there is no package {package!r}" if found is None else f"{package!r} is a module, no package")
    return Path(next(iter(places)))


def directory(path: Path, bot_file: str | None = None) -> Resources:
    """Return a bot directory.

    Raises:
        BotError: It has no such file.
    """
    return Resources(find_files(path, bot_file or BOT_FILE))
