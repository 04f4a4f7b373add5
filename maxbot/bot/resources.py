"""Where a bot is read from."""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maxbot.bot.read.bot import INLINE, Options, Prepare, read_files, read_inline
from maxbot.bot.read.files import BOT_FILE, BotFiles, find_files
from maxbot.bot.sections import MAPPINGS, OwnResources, Sections, of_files, parsed
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.source import Document
from maxbot.errors import BotError


@dataclass(frozen=True)
class Resources(Sections):
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

    def section(self, name: str) -> Any:
        """Return the data of a section."""
        if self.text is None:
            return of_files(self.files, name)
        data = parsed(Document(INLINE, self.text)) if name != "dialog_subtrees" else {}
        return data.get(name) or ({} if name in MAPPINGS else [])


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


class ChosenResources:
    """What a bot is read from, as its author says it: the last call counts."""

    _source: Resources | OwnResources | None = None

    def use_inline_resources(self, text: str) -> None:
        """Read the bot from a text."""
        self._source = inline(text)

    def use_file_resources(self, path: str | os.PathLike[str]) -> None:
        """Read the bot from a single file, whatever stands beside it."""
        self._source = Resources(BotFiles(Path(path)))

    def use_directory_resources(self, path: str | os.PathLike[str], botfile: str = BOT_FILE) -> None:
        """Read the bot from a directory.

        Raises:
            BotError: It has no such file.
        """
        self._source = directory(Path(path), botfile)

    def use_package_resources(self, package: str, botfile: str | None = None) -> None:
        """Read the bot from the directory of a package.

        Raises:
            BotError: There is no such package, or its directory has no such file.
        """
        self._source = directory(package_directory(package), botfile)

    def use_resources(self, resources: Any) -> None:
        """Read the bot from an object with `load_extensions(schema)`, `load_dialog(schema)` and so on.

        Each method returns plain data: see `maxbot.bot.sections`.
        """
        self._source = OwnResources(resources)

    @property
    def source(self) -> Resources | OwnResources:
        """What reads the bot; an empty one where nobody has said."""
        return self._source or inline("{}")

    @property
    def resources(self) -> Any:
        """What the bot is read from: has `load_intents()` and so on."""
        return self.source.given if isinstance(self.source, OwnResources) else self.source

    @property
    def directory(self) -> Path | None:
        """Where the bot's files are; None for a bot without files."""
        return self.source.directory
