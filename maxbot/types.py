"""The values that travel between the steps of a message's path. They are frozen and do nothing themselves."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

Message: TypeAlias = dict[str, Any]
"""What the user said: `{"text": "hello"}` or `{"image": {"url": ..., "caption": ...}}`; JSON values only."""

State: TypeAlias = dict[str, Any]
"""What the bot remembers of a dialog; JSON values only. A new dialog starts with `{}`."""


Address: TypeAlias = dict[str, Any]
"""Where a platform wants the answer, as its updates say: a thread, a reply token. Small, JSON values only.

A dialog keeps the latest one. The bot sees nothing of it.
"""


Begun: TypeAlias = dict[str, Any]
"""What a platform calls a message that a channel has begun to show, and will finish. Small, JSON values only."""


class Dialog(msgspec.Struct, frozen=True, order=True):
    """A user on a channel: the unit of order. One turn of a dialog runs at a time."""

    channel: str
    """The channel's name, as in `channels` of `bot.yaml`; contains no colon."""
    user: str
    """The platform's name for the user (Telegram: the chat's id in decimal digits); at most 200 characters."""

    @property
    def channel_name(self) -> str:
        """`channel`, as templates name it."""
        return self.channel

    @property
    def user_id(self) -> str:
        """`user`, as templates name it."""
        return self.user

    def __getitem__(self, name: str) -> str:
        """Return `dialog["channel_name"]` and `dialog["user_id"]`: so locks of bots of MaxBot 0.3 ask for them."""
        if name not in ("channel_name", "user_id"):
            raise KeyError(name)
        found: str = getattr(self, name)
        return found

    @classmethod
    def named(cls, name: str) -> "Dialog":
        """Return the dialog whose `str` this is."""
        channel, _, user = name.partition(":")
        return cls(channel, user)

    def __str__(self) -> str:
        return f"{self.channel}:{self.user}"


class Update(msgspec.Struct, frozen=True):
    """One message as the platform delivered it."""

    dialog: Dialog
    key: str
    """The same for every delivery of the same update, unique in its channel; at most 200 characters."""
    message: Message
    sequence: int | None = None
    """The platform's own number, growing within a dialog. Orders updates that arrive in one delivery."""
    address: Address | None = None
    """Where to answer to, beyond the user's name; None leaves the dialog's as it is."""
    is_request: bool = False
    """Whether `message` is what another program asks for: `{"method": ..., "params": {...}}`. No channel sets it."""


class Command(msgspec.Struct, frozen=True):
    """One reply that a turn produced, on its way to the platform."""

    content: dict[str, Any]
    """`{"text": ...}` or another of the kinds in `maxbot.commands`."""
    key: str = ""
    """Unique and the same at every attempt: what a platform with idempotent sending is given. The outbox sets it."""
    resend: bool = True
    """Whether to send again where nobody knows if the last attempt arrived (no: payments, one-time codes)."""
    address: Address | None = None
    """The dialog's latest, see `Update.address`. The outbox sets it."""
    place: str = ""
    """Where the author wrote it, as in `bot.yaml:12`: for the log, and not stored. Empty where nobody knows."""
    begun: Begun | None = None
    """A message that the user sees already, see `Channel.draft`: this one takes its place. The outbox sets it."""

    @property
    def begun_key(self) -> str:
        """The key under which a message was begun that this one finishes."""
        return begun_key(self.key)


def begun_key(key: str) -> str:
    """Return the key under which a message is begun that the command with a key finishes."""
    return f"{key}.begun"


class Timer(msgspec.Struct, frozen=True):
    """A request that a turn makes of its own dialog, for later."""

    id: str
    """No other timer's; at most 32 characters."""
    seconds: float
    """From the commit of the turn to the request."""
    name: str
    """The method; at most 200 characters."""
    params: dict[str, Any]
    """JSON values."""


class TimerChanges(msgspec.Struct, frozen=True):
    """What a turn does to the timers of its dialog."""

    set: Sequence[Timer] = ()
    cancelled: Sequence[str] = ()
    """Names and ids of timers that the turns before it have set."""

    def __bool__(self) -> bool:
        return bool(self.set or self.cancelled)


class TurnResult(msgspec.Struct, frozen=True):
    """What came of running one message through the bot: stored both or neither."""

    commands: list[Command]
    """The replies in order."""
    state: State
    """What to remember from now on."""
    listening: bool = False
    """Whether the dialog waits in some place for the user's answer."""
    visited: Any = None
    """What happened in the dialog, for the journal; None for a Python bot."""
    early: Sequence[Command] = ()
    """The replies that left before the turn ended, in order."""
    timers: TimerChanges = TimerChanges()
    """Stored with the rest."""
