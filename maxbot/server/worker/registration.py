"""Webhooks: registered with each platform, whatever it takes, and again where the bot has become another one."""

import asyncio
import hashlib
import logging
from collections.abc import Collection

from maxbot.backoff import backoff
from maxbot.channels.base import Channel
from maxbot.errors import SendError

logger = logging.getLogger(__name__)


async def register(channels: Collection[Channel], public_url: str) -> None:
    """Tell the platforms where to deliver. One that does not take it is asked again, until it does.

    Args:
        channels: The bot's.
        public_url: Under which the platforms reach the server.
    """
    await asyncio.gather(*(_register(channel, f"{public_url.rstrip('/')}/{channel.name}") for channel in channels))


async def _register(channel: Channel, url: str) -> None:
    failures = 0
    while True:
        try:
            return await channel.register(url)
        except Exception as error:
            failures += 1
            pause = backoff(failures, first=1.0, longest=60.0)
            logger.error(
                "The webhook of %s is not registered, next attempt in %.0f seconds: %s",
                channel.name,
                pause,
                error if isinstance(error, SendError) else f"{type(error).__name__}: {error}",
                exc_info=not isinstance(error, SendError),
            )
        await asyncio.sleep(pause)


def identity(channels: Collection[Channel]) -> str:
    """Return a text that is another one where the channels, their tokens or their secrets are others."""
    facts = sorted((channel.name, type(channel).__qualname__, *channel.secrets) for channel in channels)
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()
