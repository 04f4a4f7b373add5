"""What an operator is told at the start and at the end of a run."""

import logging
import shlex
import socket
from collections.abc import Iterable

from maxbot.channels.base import Channel
from maxbot.settings import Settings
from maxbot.storage.prepare import open_backend, summarize

logger = logging.getLogger(__name__)


def base_url(settings: Settings, sockets: list[socket.socket]) -> str:
    """Return the URL under which the server is reached on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{sockets[0].getsockname()[1]}"


def announce(settings: Settings, sockets: list[socket.socket], channels: Iterable[Channel], serves: str) -> None:
    """Say where the bot is, what keeps its state, and what is left to do."""
    logger.info("The database is %s", settings.database)
    if settings.updater == "polling":
        logger.info("The bot polls %s with %s", ", ".join(channel.name for channel in channels), serves)
        return
    url = base_url(settings, sockets)
    logger.info("The bot listens on %s with %s", url, serves)
    for channel in channels:
        if channel.name == "web":
            logger.info("Talk to the bot at %s/web", url)
        elif not settings.public_url:
            logger.info(
                "Register https://YOUR-HOST/%s with %s as the webhook, or let --public-url do it",
                channel.name,
                channel.name,
            )


def farewell(settings: Settings) -> None:
    """Say what is left to do in the database, and how to resume."""
    assert settings.database is not None
    summary = summarize(open_backend(settings.database, settings.durability))
    if summary is None:
        logger.warning("Stopped. The database %s does not answer now", settings.database)
        return
    if summary.counters:
        logger.info("Counted: %s", ", ".join(f"{name} {value}" for name, value in sorted(summary.counters.items())))
    if summary.dead_letters:
        logger.warning("%d dead letters are in %s", summary.dead_letters, settings.database)
    if summary.updates or summary.commands:
        command = shlex.join(["maxbot", "run", "--bot", settings.bot, "--database", settings.database])
        logger.warning(
            "Stopped. %d updates and %d replies are waiting; this resumes them: %s",
            summary.updates,
            summary.commands,
            command,
        )
    else:
        logger.info("Stopped. Nothing is waiting in %s", settings.database)
