"""The channels of a bot, as its author and the server see them."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from types import MappingProxyType

from maxbot.channels.base import Channel
from maxbot.errors import BotError


class BotChannels:
    """Channels by their names: `bot.channels.telegram`, `bot.channels["telegram"]`. False where there is none.

    Args:
        channels: In the order in which they are gone through.

    Raises:
        BotError: One is no channel, has a name that cannot be used, or one that another has.
    """

    def __init__(self, channels: Iterable[Channel] = ()) -> None:
        self._by_name = _by_name(channels)

    @property
    def by_name(self) -> Mapping[str, Channel]:
        """The same as a mapping."""
        return MappingProxyType(self._by_name)

    @property
    def names(self) -> set[str]:
        """Their names."""
        return set(self._by_name)

    def get(self, name: str) -> Channel | None:
        """Return a channel, None if there is none of this name."""
        return self._by_name.get(name)

    def values(self) -> ValuesView[Channel]:
        """Return the channels."""
        return self._by_name.values()

    def items(self) -> ItemsView[str, Channel]:
        """Return names and channels."""
        return self._by_name.items()

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Channel:
        return self._by_name[name]

    def __getattr__(self, name: str) -> Channel:
        try:
            return self.__dict__["_by_name"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"the bot has no channel {name!r}") from None


def _by_name(channels: Iterable[Channel]) -> dict[str, Channel]:
    found: dict[str, Channel] = {}
    for channel in channels:
        if not isinstance(channel, Channel):
            raise BotError(f"channels are objects of classes made from maxbot.Channel, not {channel!r}")
        if not channel.name or ":" in channel.name or "/" in channel.name:
            raise BotError(f"{type(channel).__name__} needs a name without colon and slash, not {channel.name!r}")
        if channel.name in found:
            raise BotError(f"there are two channels with the name {channel.name!r}")
        found[channel.name] = channel
    return found
