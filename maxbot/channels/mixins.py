"""Channels put together of mixins, as bots of MaxBot 0.3 have them: `receive_text`, `send_text` and the like by name.

A class is made of its mixins, the last added first, and then the channel that is extended, or `Channel`. A mixin has
`async send_KIND(command, dialog)` for kinds of replies. One for a channel of its own has `async create_dialog(data)`
and `async receive_KIND(data)` besides: `data` is the JSON of a webhook, `POST /NAME`. `update_key(data)` may name what
recognises a redelivery; without it every delivery counts as a new one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from maxbot.channels.base import Channel, Received, Request
from maxbot.channels.expand import Abilities
from maxbot.channels.json import decode
from maxbot.errors import BadRequest, Undeliverable
from maxbot.types import Command, Dialog, Update

SEND, RECEIVE = "send_", "receive_"

_json: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class Mixed(Channel):
    """What comes behind the mixins: finds what they have."""

    ConfigSchema: ClassVar[Any] = None
    """Checks what stands below the channel's name; only `{}` without it."""

    def __init__(self, config: Any = None) -> None:
        self.config = {} if config is None else config

    async def receive(self, request: Request) -> Received:
        self.verify(request)
        update = await self.read(decode(_json, request.body))
        return Received() if update is None else Received([update])

    async def read(self, data: Any) -> Update | None:
        """Return what the first receiver makes of the data, None if none makes anything of it."""
        dialog = await self.create_dialog(data)
        for name in _names(type(self), RECEIVE):
            message = await getattr(self, name)(data)
            if message is not None:
                who = Dialog(dialog["channel_name"], dialog["user_id"])
                return Update(who, self.update_key(data), message)
        return None

    async def send(self, command: Command, dialog: Dialog) -> None:
        name = _sender(type(self), command)
        if name is None:
            kinds = ", ".join(command.content)
            raise Undeliverable(f"channel {self.name} has no method that sends {kinds}")
        await getattr(self, name)(_Content(command), {"channel_name": dialog.channel, "user_id": dialog.user})

    async def create_dialog(self, data: Any) -> dict[str, str]:
        """Return who speaks: `channel_name` and `user_id`."""
        raise BadRequest(f"channel {self.name} has no create_dialog(data)")

    def update_key(self, data: Any) -> str:
        """Return what is the same for every delivery of the same update."""
        return uuid.uuid4().hex

    @property
    def verifies(self) -> bool:
        return type(self).verify is not Channel.verify


def made_of(name: str, mixins: Sequence[type[Any]], base: type[Channel] | None) -> type[Channel]:
    """Return the class of a channel.

    Args:
        name: Of the channel.
        mixins: In the order in which they were added.
        base: The channel that is extended; None for one of the author's own.

    Raises:
        ValueError: A mixin wants to receive what a channel that knows its platform receives itself.
    """
    bases = tuple(reversed(mixins))
    if base is None:
        kinds = tuple(found.removeprefix(SEND) for mixin in mixins for found in _names(mixin, SEND))
        own = {"type": name, "name": name, "abilities": Abilities(sends=kinds)}
        return type(name, (*bases, Mixed), own)
    if receivers := [found for mixin in mixins for found in _names(mixin, RECEIVE)]:
        raise ValueError(f"{receivers[0]}: what {name} delivers is read by its own channel")
    return type(name, (*bases, _Extended, base), {"type": base.type, "name": base.name})


class _Extended(Channel):
    """Between the mixins and the channel that they extend: sends what they can, and leaves them the rest."""

    def check(self, content: dict[str, Any]) -> None:
        if self._mixed(Command(content)) is None:
            super().check(content)

    async def send(self, command: Command, dialog: Dialog) -> None:
        name = self._mixed(command)
        if name is None:
            await super().send(command, dialog)
            return
        await getattr(self, name)(_Content(command), {"channel_name": dialog.channel, "user_id": dialog.user})

    def _mixed(self, command: Command) -> str | None:
        """Return the name of the mixin's method that sends it; None where the channel does."""
        name = _sender(type(self), command)
        return None if name in ("send_text", "send_image") and not _overrides(type(self), name) else name

    async def send_text(self, command: dict[str, Any], dialog: dict[str, str]) -> None:
        """Send as the channel does."""
        await super().send(_command(command), Dialog(dialog["channel_name"], dialog["user_id"]))

    async def send_image(self, command: dict[str, Any], dialog: dict[str, str]) -> None:
        """Send as the channel does."""
        await super().send(_command(command), Dialog(dialog["channel_name"], dialog["user_id"]))


def _overrides(channel: type[Any], name: str | None) -> bool:
    return name is not None and getattr(channel, name) is not getattr(_Extended, name)


def _names(owner: type[Any], prefix: str) -> Iterator[str]:
    """Return methods by their prefix, in alphabetical order."""
    return (name for name in sorted(dir(owner)) if name.startswith(prefix) and callable(getattr(owner, name)))


def _sender(channel: type[Any], command: Command) -> str | None:
    return next((name for name in _names(channel, SEND) if name.removeprefix(SEND) in command.content), None)


class _Content(dict[str, Any]):
    """The content of a command, which still knows the command."""

    def __init__(self, command: Command) -> None:
        super().__init__(_rendered(command.content))
        self.command = command


def _command(content: dict[str, Any]) -> Command:
    if isinstance(content, _Content):
        return msgspec.structs.replace(content.command, content=dict(content))
    return Command(content)


def _rendered(value: Any) -> Any:
    """Return a content whose texts can be asked for theirs: `command["text"].render()`."""
    if isinstance(value, str):
        return _Text(value)
    if isinstance(value, dict):
        return {key: _rendered(item) for key, item in value.items()}
    return [_rendered(item) for item in value] if isinstance(value, list) else value


class _Text(str):
    __slots__ = ()

    def render(self) -> str:
        return str.__str__(self)
