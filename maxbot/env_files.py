"""Files `.env`: variables for the bot, read before anything else is."""

import os

from maxbot.errors import UsageError


def read_env_files(bot: str) -> None:
    """Read `.env` here, then the one beside the bot; what the environment has already stays.

    Args:
        bot: As `--bot` names it; empty where nobody has.

    Raises:
        UsageError: One of them cannot be read.
    """
    here = os.getcwd()
    _read(here)
    bot = bot or os.environ.get("MAXBOT_BOT", "")
    folder = os.path.abspath(bot if os.path.isdir(bot) else os.path.dirname(bot))
    if folder != here:
        _read(folder)


def _read(folder: str) -> None:
    path = os.path.join(folder, ".env")
    if not os.path.isfile(path):
        return
    from dotenv import load_dotenv

    try:
        load_dotenv(path, override=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {os.path.relpath(path)}: {error}") from None
