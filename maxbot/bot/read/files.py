"""Which files a bot has, and what each of them holds."""

from dataclasses import dataclass, field
from pathlib import Path

from maxbot.errors import BotError

BOT_FILE = "bot.yaml"


@dataclass(frozen=True)
class BotFiles:
    """The files of a bot, in the order in which they are read. Files of a folder come by their names."""

    bot: Path
    is_directory: bool = False
    rpc: list[Path] = field(default_factory=list)
    dialog: list[Path] = field(default_factory=list)
    subtrees: list[Path] = field(default_factory=list)
    intents: list[Path] = field(default_factory=list)
    entities: list[Path] = field(default_factory=list)

    @property
    def all(self) -> list[Path]:
        """All of them."""
        return [self.bot, *self.rpc, *self.dialog, *self.subtrees, *self.intents, *self.entities]


def find_files(directory: Path, bot_file: str = BOT_FILE) -> BotFiles:
    """Return the files of a bot directory.

    Args:
        directory: As the user wrote it: errors name the files below it.
        bot_file: The file with the sections.

    Raises:
        BotError: There is no such file.
    """
    bot = directory / bot_file
    if not bot.is_file():
        raise BotError(f"there is no {bot_file} in this directory", file=str(directory))
    return BotFiles(
        bot=bot,
        is_directory=True,
        rpc=_single(directory, "rpc", bot),
        dialog=_single(directory, "dialog", bot),
        subtrees=sorted(path for path in directory.glob("dialog/**/*.yaml") if path.is_file()),
        intents=[*_single(directory, "intents", bot), *_folder(directory, "intents")],
        entities=[*_single(directory, "entities", bot), *_folder(directory, "entities")],
    )


def _single(directory: Path, name: str, bot: Path) -> list[Path]:
    path = directory / f"{name}.yaml"
    # A bot file may be called like that: `--bot dialog.yaml`.
    return [path] if path.is_file() and path != bot else []


def _folder(directory: Path, name: str) -> list[Path]:
    return sorted(path for path in (directory / name).glob("*.yaml") if path.is_file())
