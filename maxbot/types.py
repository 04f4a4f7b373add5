"""The values that travel between the steps of a message's path. They are frozen and do nothing themselves."""

from typing import Any, TypeAlias

import msgspec

Message: TypeAlias = dict[str, Any]
"""What the user said: `{"text": "hello"}` or `{"image": {"url": ..., "caption": ...}}`; JSON values only."""

State: TypeAlias = dict[str, Any]
"""What the bot remembers of a dialog; JSON values only. A new dialog starts with `{}`."""


class Dialog(msgspec.Struct, frozen=True, order=True):
    """A user on a channel: the unit of order. One turn of a dialog runs at a time."""

    channel: str
    """The channel's name, as in `channels` of `bot.yaml`; contains no colon."""
    user: str
    """The platform's name for the user (Telegram: the chat's id in decimal digits); at most 200 characters."""

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
    address: Any = None
    """Where to answer to, beyond the user's name (a thread, a token to reply with): small JSON, or None. The dialog
    keeps the latest."""


class Command(msgspec.Struct, frozen=True):
    """One reply that a turn produced, on its way through the outbox to the platform."""

    content: dict[str, Any]
    """`{"text": ...}` or `{"image": {"url": ..., "caption": ...}}`."""
    key: str = ""
    """Unique and the same at every attempt: what a platform with idempotent sending is given. Given by the outbox."""
    resend: bool = True
    """Whether to send again where nobody knows if the last attempt arrived (no: payments, one-time codes)."""
    address: Any = None
    """The latest `Update.address` of the dialog. Given by the outbox."""


class Turn(msgspec.Struct, frozen=True):
    """What came of running one message through the bot: stored both or neither."""

    commands: list[Command]
    """The replies in order."""
    state: State
    """What to remember from now on."""
    listening: bool = False
    """Whether the dialog waits in some place for the user's answer."""
    visited: Any = None
    """What happened in the dialog, for the journal; None for a Python bot."""
