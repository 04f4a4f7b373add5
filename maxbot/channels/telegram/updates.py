"""What users do at Telegram, as messages for the bot: https://core.telegram.org/bots/api#update"""

from collections.abc import Callable, Collection
from typing import Annotated, Any

import msgspec

from maxbot.channels import native as natives
from maxbot.channels.json import decode
from maxbot.errors import BadRequest
from maxbot.types import Dialog, Message, Update

KINDS = ["message", "callback_query"]
"""Of updates: what `read` makes something of. Edits change nothing that was answered already."""

OTHER_KINDS = frozenset(
    [
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
    ]
)
"""Kinds of updates that Telegram delivers to those who ask for them: a bot gets them where `native` names them."""

# Telegram's numbers have at most 52 significant bits; what is stored has 64.
_UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_ChatId = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
_Size = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _Chat(msgspec.Struct):
    id: _ChatId


class _File(msgspec.Struct):
    """#photosize, #document, #audio, #voice, #video: they have much in common."""

    file_id: str
    width: _Size | None = None
    height: _Size | None = None
    duration: _Size | None = None
    file_name: str | None = None
    mime_type: str | None = None
    file_size: _Size | None = None


class _Location(msgspec.Struct):
    latitude: float
    longitude: float


class _Venue(msgspec.Struct):
    location: _Location
    title: str
    address: str


class _Contact(msgspec.Struct):
    phone_number: str
    first_name: str
    last_name: str | None = None
    user_id: _ChatId | None = None


class _Button(msgspec.Struct):
    text: str
    callback_data: str | None = None


class _Markup(msgspec.Struct):
    inline_keyboard: list[list[_Button]] = []


class _Message(msgspec.Struct):
    chat: _Chat
    text: str | None = None
    caption: str | None = None
    photo: list[_File] | None = None
    document: _File | None = None
    audio: _File | None = None
    voice: _File | None = None
    video: _File | None = None
    location: _Location | None = None
    venue: _Venue | None = None
    contact: _Contact | None = None


class _Pressed(msgspec.Struct):
    """The message that had the button; Telegram may not know it any more."""

    chat: _Chat
    reply_markup: _Markup | None = None


class _Press(msgspec.Struct):
    id: str
    message: _Pressed | None = None
    data: str | None = None


class _Update(msgspec.Struct):
    update_id: _UpdateId
    message: _Message | None = None
    callback_query: _Press | None = None


class _Identity(msgspec.Struct):
    update_id: _UpdateId


_update_decoder = msgspec.json.Decoder(_Update)
_plain_decoder = msgspec.json.Decoder(dict[str, Any])
_identity_decoder = msgspec.json.Decoder(_Identity)


class Read(msgspec.Struct, frozen=True):
    """What an update of Telegram has for us."""

    update: Update | None = None
    press: str = ""
    """What Telegram waits to hear of, where a button was pressed: its `callback_query_id`."""


def asked_for(native: Collection[str]) -> list[str]:
    """Return the kinds of updates that a bot wants to have delivered."""
    return [*KINDS, *sorted(OTHER_KINDS.intersection(native))]


def read(body: bytes, channel: str, native: Collection[str] = ()) -> Read:
    """Read one update.

    Args:
        body: JSON.
        channel: Name of the instance.
        native: Kinds of updates, and what may be in a message, that the bot gets as they are.

    Raises:
        BadRequest: It is no update of Telegram.
    """
    content = decode(_update_decoder, body)
    press = content.callback_query
    chat, message = None, None
    if content.message is not None:
        chat, message = content.message.chat, _message(content.message)
    elif press is not None and press.message is not None and press.data is not None:
        chat, message = press.message.chat, _pressed(press.data, press.message.reply_markup)
    update = None
    if chat is not None and message is not None:
        update = Update(Dialog(channel, str(chat.id)), str(content.update_id), message, content.update_id)
    elif native:
        update = _native(body, channel, native)
    return Read(update, press.id if press else "")


def _native(body: bytes, channel: str, native: Collection[str]) -> Update | None:
    content = decode(_plain_decoder, body)
    message = content.get("message")
    for kind in native:
        if isinstance(happened := content.get(kind), dict):
            chat, value = _chat(happened), happened
        elif isinstance(message, dict) and kind in message:
            chat, value = _chat(message), message[kind]
        else:
            continue
        if chat is not None:
            number = content["update_id"]
            return Update(Dialog(channel, chat), str(number), natives.message(kind, value), number)
    return None


def _chat(happened: dict[str, Any]) -> str | None:
    """Return the chat in which something happened, or else the person who did it: that is their private chat."""
    for name in ("chat", "from", "user"):
        found = happened.get(name)
        if isinstance(found, dict) and type(found.get("id")) is int and abs(found["id"]) <= 2**53:
            return str(found["id"])
    return None


def update_id(body: bytes | msgspec.Raw) -> int | None:
    """Return the number of an update that may be malformed."""
    try:
        return decode(_identity_decoder, body).update_id
    except BadRequest:
        return None


def _message(message: _Message) -> Message | None:
    """Return what a bot is told of a message; None for kinds that it has nothing to say to (stickers, joins)."""
    if message.text is not None:
        return {"text": message.text}
    if message.photo:
        largest = max(message.photo, key=lambda size: (size.width or 0) * (size.height or 0))
        return {"image": _file(largest, message)}
    for name, make in _KINDS.items():
        if getattr(message, name) is not None:
            return make(message)
    return None


def _pressed(data: str, markup: _Markup | None) -> Message:
    button = {"payload": data}
    rows = markup.inline_keyboard if markup else []
    title = next((one.text for row in rows for one in row if one.callback_data == data), None)
    return {"button": button if title is None else {**button, "title": title}}


def _file(file: _File, message: _Message, **more: Any) -> dict[str, Any]:
    found = {
        "file_id": file.file_id,
        "width": file.width,
        "height": file.height,
        "duration": file.duration,
        "name": file.file_name,
        "mime_type": file.mime_type,
        "size": file.file_size,
        "caption": message.caption,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def _place(message: _Message) -> Message:
    venue = message.venue
    place = venue.location if venue else message.location
    assert place is not None
    named = {"name": venue.title, "address": venue.address} if venue else {}
    return {"location": {"latitude": place.latitude, "longitude": place.longitude, **named}}


def _person(message: _Message) -> Message:
    contact = message.contact
    assert contact is not None
    person = {"name": " ".join(filter(None, (contact.first_name, contact.last_name))), "phone": contact.phone_number}
    return {"contact": person if contact.user_id is None else {**person, "user_id": str(contact.user_id)}}


_KINDS: dict[str, Callable[[_Message], Message]] = {
    "document": lambda message: {"file": _file(message.document, message)},  # type: ignore[arg-type]
    "audio": lambda message: {"audio": _file(message.audio, message)},  # type: ignore[arg-type]
    "voice": lambda message: {"audio": _file(message.voice, message, voice=True)},  # type: ignore[arg-type]
    "video": lambda message: {"video": _file(message.video, message)},  # type: ignore[arg-type]
    "venue": _place,  # before location, which a venue has as well
    "location": _place,
    "contact": _person,
}
