"""What users do at VK, as messages for the bot.

Source: https://dev.vk.com/en/api/community-events/json-schema, https://dev.vk.com/en/reference/objects/message
"""

from collections.abc import Callable, Collection
from typing import Annotated, Any

import msgspec

from maxbot.channels.json import decode
from maxbot.errors import BadRequest
from maxbot.types import Dialog, Message, Update

KINDS = ("message_new", "message_event")
"""Of events: what `read` makes something of. Edits, reads and own replies change nothing that was answered already."""

_Id = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Key = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,150}\Z")]


class Envelope(msgspec.Struct):
    """What is around every event."""

    type: str
    object: msgspec.Raw = msgspec.Raw(b"null")
    group_id: _Id | None = None
    event_id: _Key | None = None
    secret: str | None = None


class _Size(msgspec.Struct):
    url: str
    width: _Count = 0
    height: _Count = 0


class _Media(msgspec.Struct):
    """A photo, document, voice message or graffiti: they have little in common, and no two the same name."""

    sizes: list[_Size] = []
    url: str | None = None
    width: _Count | None = None
    height: _Count | None = None
    title: str | None = None
    size: _Count | None = None
    link_ogg: str | None = None
    link_mp3: str | None = None
    duration: _Count | None = None


class _Attachment(msgspec.Struct):
    type: str
    photo: _Media | None = None
    doc: _Media | None = None
    audio_message: _Media | None = None
    graffiti: _Media | None = None


class _Coordinates(msgspec.Struct):
    latitude: float
    longitude: float


class _Place(msgspec.Struct):
    title: str | None = None


class _Geo(msgspec.Struct):
    coordinates: _Coordinates
    place: _Place | None = None


class _Action(msgspec.Struct):
    """Somebody joined, left, pinned a message: it comes as a message without words."""

    type: str


class _Message(msgspec.Struct):
    from_id: _Id
    peer_id: _Id | None = None
    id: _Id = 0
    conversation_message_id: _Id | None = None
    out: int = 0
    text: str = ""
    payload: str | None = None
    attachments: list[msgspec.Raw] = []
    geo: _Geo | None = None
    action: _Action | None = None


class _New(msgspec.Struct):
    message: msgspec.Raw = msgspec.Raw(b"")


class Press(msgspec.Struct):
    """Of a button of the kind `callback`."""

    user_id: _Id
    peer_id: _Id
    event_id: _Key
    payload: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def named(self) -> dict[str, str | int]:
        """What tells it from others."""
        return {"event_id": self.event_id, "user_id": self.user_id, "peer_id": self.peer_id}


class _Anybody(msgspec.Struct):
    """Who did something, in an event of any kind."""

    peer_id: _Id | None = None
    user_id: _Id | None = None
    from_id: _Id | None = None


class Read(msgspec.Struct, frozen=True):
    """What an event of VK has for us."""

    update: Update | None = None
    press: Press | None = None
    """What VK waits to hear of, where a button was pressed."""


_envelope_decoder = msgspec.json.Decoder(Envelope)
_new_decoder = msgspec.json.Decoder(_New)
_message_decoder = msgspec.json.Decoder(_Message)
_attachment_decoder = msgspec.json.Decoder(_Attachment)
_press_decoder = msgspec.json.Decoder(Press)
_anybody_decoder = msgspec.json.Decoder(_Anybody)
_any_decoder = msgspec.json.Decoder(Any)


def envelope(body: bytes | msgspec.Raw) -> Envelope:
    """Read what is around an event, and nothing of the event itself.

    Raises:
        BadRequest: It is no event of VK.
    """
    return decode(_envelope_decoder, body)


def read(event: Envelope, channel: str, native: Collection[str] = ()) -> Read:
    """Read one event.

    Args:
        event: As it came.
        channel: Name of the instance.
        native: Types of events and attachments that the bot is told of as they are.

    Raises:
        BadRequest: It is no event of VK.
    """
    if event.type == "message_new":
        return Read(_said(event, channel, native))
    if event.type == "message_event":
        press = decode(_press_decoder, event.object)
        message = {"button": {"payload": payload(_anything(press.payload))}}
        return Read(Update(Dialog(channel, str(press.peer_id)), event.event_id or press.event_id, message), press)
    if event.type in native and event.event_id:
        who = decode(_anybody_decoder, event.object)
        user = who.peer_id or who.user_id or who.from_id
        if user:
            told = {"native": {event.type: _anything(event.object)}}
            return Read(Update(Dialog(channel, str(user)), event.event_id, told))
    return Read()


def _said(event: Envelope, channel: str, native: Collection[str]) -> Update | None:
    # Before version 5.103 of the API the message was the object itself.
    inner = decode(_new_decoder, event.object).message
    message = decode(_message_decoder, inner if bytes(inner) else event.object)
    peer = message.peer_id or message.from_id
    if message.out or message.from_id < 0 or message.action is not None:
        return None
    told = _told(message, native)
    if told is None:
        return None
    number = message.conversation_message_id or None
    # In chats the id is 0. Events of old versions have no event_id.
    key = event.event_id or (f"{peer}:{number or message.id}" if number or message.id else None)
    if key is None:
        raise BadRequest("The event has no event_id")
    return Update(Dialog(channel, str(peer)), key, told, number)


def _told(message: _Message, native: Collection[str]) -> Message | None:
    """Return what a bot is told of a message; None for kinds that it has nothing to say to (stickers, posts)."""
    words = unescaped(message.text)
    if message.payload is not None:
        button = {"payload": payload(_loaded(message.payload))}
        return {"button": {**button, "title": words}, "text": words} if words else {"button": button}
    for raw in message.attachments:
        attachment = decode(_attachment_decoder, raw)
        if (told := _attached(attachment, words)) is not None:
            return told
        if attachment.type in native:
            return {
                "native": {attachment.type: _anything(raw).get(attachment.type)},
                **({"text": words} if words else {}),
            }
    if message.geo is not None:
        return {"location": _place(message.geo), **({"text": words} if words else {})}
    return {"text": words} if words else None


def _attached(attachment: _Attachment, caption: str) -> Message | None:
    for name, (kind, make) in _ATTACHMENTS.items():
        if attachment.type == name and (media := getattr(attachment, name)) is not None:
            made = {**make(media), "caption": caption}
            return {kind: {key: value for key, value in made.items() if value}} if made.get("url") else None
    return None


def _photo(media: _Media) -> dict[str, Any]:
    if not media.sizes:
        return {}
    largest = max(media.sizes, key=lambda size: size.width * size.height)
    return {"url": largest.url, "width": largest.width, "height": largest.height}


def _voice(media: _Media) -> dict[str, Any]:
    return {"url": media.link_ogg or media.link_mp3, "duration": media.duration, "voice": True}


_ATTACHMENTS: dict[str, tuple[str, Callable[[_Media], dict[str, Any]]]] = {
    "photo": ("image", _photo),
    "graffiti": ("image", lambda media: {"url": media.url, "width": media.width, "height": media.height}),
    "doc": ("file", lambda media: {"url": media.url, "name": media.title, "size": media.size}),
    "audio_message": ("audio", _voice),
}


def _place(geo: _Geo) -> dict[str, Any]:
    place = {"latitude": geo.coordinates.latitude, "longitude": geo.coordinates.longitude}
    return {**place, "name": geo.place.title} if geo.place and geo.place.title else place


def unescaped(text: str) -> str:
    """Undo what VK does to a text that is to be shown in a page."""
    if "&" not in text:
        return text
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return text


def _loaded(text: str) -> Any:
    try:
        return _anything(text.encode())
    except BadRequest:
        return text


def _anything(body: bytes | msgspec.Raw) -> Any:
    value = decode(_any_decoder, body)
    try:
        msgspec.json.encode(value)
    except OverflowError:
        pass
    else:
        return value
    raise BadRequest("A number in the JSON is too large")


def payload(value: Any) -> str:
    """Return a button's payload as the text that the bot gave it: what is not ours as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("button"), str):
        return str(value["button"])
    return msgspec.json.encode(value).decode()
