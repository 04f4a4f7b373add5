"""What users do in Viber, as messages for the bot: …/rest-bot-api/#receive-message-from-user"""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

import msgspec

from maxbot.channels import native as natives
from maxbot.channels.json import decode
from maxbot.channels.viber.offers import answered
from maxbot.errors import BadRequest
from maxbot.types import Dialog, Message, Update

logger = logging.getLogger(__name__)

NATIVE = ("sticker", "conversation_started", "subscribed", "unsubscribed")
"""What a bot gets where its channel's option `native` names it."""

# Tokens have 63 bits: more than the numbers of JavaScript hold.
_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Id = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$")]


class _Sender(msgspec.Struct):
    id: _Id


class _Location(msgspec.Struct):
    lat: float
    lon: float


class _Contact(msgspec.Struct):
    name: str = ""
    phone_number: str | None = None


class _Message(msgspec.Struct):
    type: str
    text: str | None = None
    media: str | None = None
    tracking_data: str = ""
    file_name: str | None = None
    size: int | None = None
    file_size: int | None = None
    duration: float | None = None
    location: _Location | None = None
    contact: _Contact | None = None


class _Kind(msgspec.Struct):
    event: str
    desc: str = ""


class _Event(msgspec.Struct):
    event: str
    message_token: _Number = 0
    timestamp: _Number | None = None
    sender: _Sender | None = None
    message: _Message | None = None
    desc: str = ""


_kind_decoder = msgspec.json.Decoder(_Kind)
_decoder = msgspec.json.Decoder(_Event)


def read(body: bytes, channel: str, native: Collection[str] = ()) -> Update | None:
    """Read one event; None for those that the bot has nothing to say to.

    Args:
        body: JSON.
        channel: Name of the instance.
        native: Kinds of `NATIVE` that the bot gets as they are.

    Raises:
        BadRequest: It is no event of Viber.
    """
    try:
        event = decode(_decoder, body)
    except BadRequest:
        # What Viber adds to an event must not bring it back again and again; what is no event is refused.
        kind = decode(_kind_decoder, body)
        event = _Event(kind.event, desc=kind.desc)
    if event.event == "failed":
        logger.warning("Viber did not deliver a message that it had taken: %s", event.desc[:200] or "no reason said")
    if event.event == "message" and event.sender is not None and event.message is not None:
        said = _said(event.message)
        if said is not None:
            return Update(Dialog(channel, event.sender.id), str(event.message_token), said, event.timestamp)
    return _native(body, channel, native) if native else None


def _native(body: bytes, channel: str, native: Collection[str]) -> Update | None:
    for event, key in natives.objects([msgspec.Raw(body)]):
        kind, value = event.get("event"), event
        if kind == "message" and isinstance(event.get("message"), dict):
            value = event["message"]
            kind = value.get("type")
        person = event.get("sender") or event.get("user")
        user = natives.user_of(person.get("id") if isinstance(person, dict) else event.get("user_id"))
        if isinstance(kind, str) and kind in native and user is not None:
            return Update(Dialog(channel, user), key, natives.message(kind, value))
    return None


def _said(message: _Message) -> Message | None:
    """Return what a bot is told; None for kinds that it has nothing to say to (stickers)."""
    make = _KINDS.get(message.type)
    return None if make is None else make(message)


def _text(message: _Message) -> Message | None:
    return answered(message.text, message.tracking_data) if message.text else None


def _media(kind: str) -> Callable[[_Message], Message | None]:
    def make(message: _Message) -> Message | None:
        if not message.media:
            return None
        found: dict[str, Any] = {
            "url": message.media,
            "caption": message.text or None,
            "name": message.file_name if kind == "file" else None,
            "size": message.file_size if message.size is None else message.size,
            "duration": message.duration,
        }
        return {kind: {name: value for name, value in found.items() if value is not None}}

    return make


def _place(message: _Message) -> Message | None:
    place = message.location
    return None if place is None else {"location": {"latitude": place.lat, "longitude": place.lon}}


def _person(message: _Message) -> Message | None:
    person = message.contact
    if person is None:
        return None
    return {"contact": {"name": person.name, **({"phone": person.phone_number} if person.phone_number else {})}}


_KINDS: Mapping[str, Callable[[_Message], Message | None]] = {
    "text": _text,
    "url": lambda message: {"text": message.media} if message.media else None,
    "picture": _media("image"),
    "video": _media("video"),
    "file": _media("file"),
    "location": _place,
    "contact": _person,
}
