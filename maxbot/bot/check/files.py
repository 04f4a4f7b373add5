"""Files beside a bot that look as if they belonged to it, and are not read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from maxbot.errors import Mistake

UNREAD = ("bot.yml", "dialog.yml", "intents.yml", "entities.yml", "rpc.yml", "intents/*.yml", "entities/*.yml")


def check_files(files: Sequence[Path]) -> Iterator[Mistake]:
    """Yield a warning for each file that nobody reads.

    Args:
        files: Those of the bot, the one with its sections first.
    """
    folder = files[0].parent
    for pattern in (*UNREAD, "dialog/**/*.yml"):
        for path in sorted(folder.glob(pattern)):
            if path not in files:
                yield Mistake("nobody reads this file: the files of a bot end with .yaml", file=str(path))
