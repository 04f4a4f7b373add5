"""How a turn fetches what its user sent: from the channel, within limits."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from maxbot.channels.base import Channel
from maxbot.channels.media import Bounds, Media, bounded

Fetch: TypeAlias = Callable[[Mapping[str, Any], Bounds], Awaitable[Media]]
"""Fetches a file, by what stands of it in a message."""


def fetch_of(channel: Channel | None) -> Fetch | None:
    """Return what fetches files of a channel, which has been started; None where there is none."""
    if channel is None:
        return None

    async def fetch(file: Mapping[str, Any], bounds: Bounds) -> Media:
        media = await bounded(channel.fetch(file, bounds), bounds)
        return media._replace(name=str(file.get("name") or media.name))

    return fetch
