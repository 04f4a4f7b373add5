"""What the bot says, as calls of Telegram's methods: https://core.telegram.org/bots/api#available-methods"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from maxbot.channels.split import utf16
from maxbot.commands import (
    Audio,
    Button,
    Buttons,
    Contact,
    Content,
    File,
    Format,
    Image,
    Location,
    Native,
    QuickReplies,
    Reply,
    Text,
    Video,
    read,
)
from maxbot.errors import Undeliverable

Call = tuple[str, dict[str, Any]]
"""A method and what it is given, without the chat."""

SHORT_TITLE = 12
"""Characters of a button's title with which three stand side by side on a telephone."""

_STYLES = {"strike": "strikethrough", "link": "text_link"}


def call(content: Content) -> Call:
    """Return the call that sends a command's content.

    Raises:
        Undeliverable: There is none.
    """
    try:
        reply = read(content)
    except ValueError as error:
        raise Undeliverable(f"Telegram cannot be sent this: {error}") from None
    if reply is None:
        raise Undeliverable(f"Telegram cannot be sent a reply with {', '.join(content) or 'nothing'}")
    return _CALLS[type(reply)](reply)


def entities(text: str, formats: Sequence[Format]) -> list[dict[str, Any]]:
    """Return formats as Telegram counts them, in UTF-16 code units: #messageentity"""
    return [
        {
            "type": _STYLES.get(one.style, one.style),
            "offset": utf16(text[: one.start]),
            "length": utf16(text[one.start : one.end]),
            **({"url": one.url} if one.url else {}),
        }
        for one in formats
    ]


def inline_keyboard(buttons: Sequence[Button]) -> dict[str, Any]:
    """Return buttons below a message: #inlinekeyboardmarkup"""
    return {
        "inline_keyboard": _rows(
            buttons,
            lambda button: {
                "text": button.title,
                **({"url": button.url} if button.url else {"callback_data": button.value}),
            },
        )
    }


def keyboard(replies: Sequence[Button]) -> dict[str, Any]:
    """Return buttons in the place of the user's keyboard, until one is pressed: #replykeyboardmarkup"""
    rows = _rows(replies, lambda button: {"text": button.title})
    return {"keyboard": rows, "one_time_keyboard": True, "resize_keyboard": True}


def _rows(buttons: Sequence[Button], make: Callable[[Button], dict[str, str]]) -> list[list[dict[str, str]]]:
    width = 3 if all(len(button.title) <= SHORT_TITLE for button in buttons) else 1
    return [[make(button) for button in buttons[begin : begin + width]] for begin in range(0, len(buttons), width)]


def _text(reply: Any, **more: Any) -> Call:
    return "sendMessage", {"text": reply.text, **_some(entities=entities(reply.text, reply.formats)), **more}


def _media(method: str, key: str, reply: Any, **more: Any) -> Call:
    caption = reply.caption or ""
    words = _some(caption=caption, caption_entities=entities(caption, reply.formats))
    return method, {key: reply.url, **words, **_some(**more)}


def _buttons(reply: Any) -> Call:
    markup = inline_keyboard(reply.buttons)
    if not reply.image:
        return _text(reply, reply_markup=markup)
    words = _some(caption=reply.text, caption_entities=entities(reply.text, reply.formats))
    return "sendPhoto", {"photo": reply.image.url, **words, "reply_markup": markup}


def _audio(reply: Any) -> Call:
    method, key = ("sendVoice", "voice") if reply.voice else ("sendAudio", "audio")
    return _media(method, key, reply, duration=round(reply.duration or 0))


def _location(reply: Any) -> Call:
    place = {"latitude": reply.latitude, "longitude": reply.longitude}
    if not reply.name:
        return "sendLocation", place
    return "sendVenue", {**place, "title": reply.name, "address": reply.address or reply.name}


def _native(reply: Any) -> Call:
    """`{"telegram": {"sendDice": {"emoji": "🎲"}}}`: one method and what it is given."""
    methods = list(reply.platforms.get("telegram", {}).items())
    if len(methods) == 1:
        method, payload = methods[0]
        if re.fullmatch("send[A-Za-z]{1,30}", method) and isinstance(payload, dict):
            return method, payload
    raise Undeliverable('A native reply for Telegram is one method that sends: {"sendDice": {"emoji": "🎲"}}')


def _some(**values: Any) -> dict[str, Any]:
    """Return what there is."""
    return {name: value for name, value in values.items() if value}


_CALLS: dict[type[Reply], Callable[[Any], Call]] = {
    Text: _text,
    Image: lambda reply: _media("sendPhoto", "photo", reply),
    File: lambda reply: _media("sendDocument", "document", reply),
    Audio: _audio,
    Video: lambda reply: _media("sendVideo", "video", reply, duration=round(reply.duration or 0)),
    Location: _location,
    Contact: lambda reply: ("sendContact", {"phone_number": reply.phone, "first_name": reply.name}),
    Buttons: _buttons,
    QuickReplies: lambda reply: _text(reply, reply_markup=keyboard(reply.replies)),
    Native: _native,
}
