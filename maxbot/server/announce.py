"""What an operator is told at the start of a run."""

import logging
import socket
from collections.abc import Iterable

from maxbot.channels.base import Channel
from maxbot.settings import Settings

logger = logging.getLogger(__name__)


def base_url(settings: Settings, sockets: list[socket.socket]) -> str:
    """Return the URL under which the server is reached on this machine."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host or "localhost"
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
        _announce_channel(channel, url, registers=settings.public_url is not None)


def _announce_channel(channel: Channel, url: str, *, registers: bool) -> None:
    if channel.name == "web":
        logger.info("Talk to the bot at %s/web", url)
        return
    if not registers:
        logger.info(
            "Register https://YOUR-HOST/%s with %s as the webhook, or let --public-url do it",
            channel.name,
            channel.name,
        )
    if not channel.verifies:
        logger.warning(
            "Webhooks of %s are not verified: whoever reaches %s can forge messages. Set its secret in bot.yaml",
            channel.name,
            url,
        )
