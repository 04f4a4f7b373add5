"""The edge and its processes: supervisor, workers, web application, polling, signals.

The server puts the parts together and decides nothing about messages: what happens to them is in the folders that an
update passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maxbot.bot import MaxBot
    from maxbot.settings import Settings


def serve(settings: Settings, bot: MaxBot) -> int:
    """Serve a bot until a signal stops it.

    Args:
        settings: What the user said.
        bot: Loaded.

    Returns:
        The exit status: 0 after a stop that was asked for.

    Raises:
        UsageError: The settings do not fit the bot.
        StartError: The machine says no.
    """
    # The signal handlers are installed before this is called, and nothing slow may be imported before them.
    from maxbot.server.run import run

    return run(settings, bot)
