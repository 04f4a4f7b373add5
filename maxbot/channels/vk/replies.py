"""What the bot says, as parameters of `messages.send`: https://dev.vk.com/en/method/messages.send"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from maxbot.channels.replies import made, native, some
from maxbot.channels.split import utf16
from maxbot.commands import (
    Audio,
    Button,
    Buttons,
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
)
from maxbot.errors import Undeliverable

PAYLOAD = '{"button":%s}'
ROW = 5
"""Buttons side by side: https://dev.vk.com/en/api/bots/development/keyboard"""

SHORT_TITLE = 12
"""Characters of a button's title with which three stand side by side on a telephone."""

INLINE_ROWS, ROWS = 6, 10

_OURS = frozenset(("access_token", "v", "peer_id", "peer_ids", "user_id", "user_ids", "random_id", "domain", "chat_id"))
_STYLES = {"bold": "bold", "italic": "italic", "underline": "underline", "link": "url"}
_KNOWN = re.compile(r"(photo|video|audio|doc|wall|market|poll)-?\d+_\d+(_\w+)?")


class Upload(msgspec.Struct, frozen=True):
    """A file that VK has to be given before the message."""

    kind: Literal["photo", "doc", "audio_message"]
    url: str
    name: str = ""


class Post(msgspec.Struct, frozen=True):
    """A message."""

    fields: dict[str, str]
    """Parameters, without the user and the number."""
    upload: Upload | None = None
    instead: str = ""
    """The text to send where the file cannot be uploaded."""


def post(content: Content) -> Post:
    """Return what sends a command's content.

    Raises:
        Undeliverable: Nothing does.
    """
    return made(content, "VK", _MAKERS)


def payload_size(value: str) -> int:
    """Count a payload as it is written."""
    return len(msgspec.json.encode(value)) - 2


def format_data(text: str, formats: Sequence[Format]) -> str:
    """Return formats as VK counts them, in UTF-16 code units; empty for none that it knows.

    Source: https://dev.vk.com/en/reference/objects/message, `format_data`; seen in vknet/vk #1625, vkbottle #1152
    """
    items = [
        {
            "type": _STYLES[one.style],
            "offset": utf16(text[: one.start]),
            "length": utf16(text[one.start : one.end]),
            **({"url": one.url} if one.url else {}),
        }
        for one in formats
        if one.style in _STYLES
    ]
    return _json({"version": 1, "items": items}) if items else ""


def keyboard(buttons: Sequence[Button], *, inline: bool) -> str:
    """Return buttons below a message, or in the place of the user's keyboard until one is pressed."""
    most = INLINE_ROWS if inline else ROWS
    width = 3 if all(len(button.title) <= SHORT_TITLE for button in buttons) else 1
    width = next(width for width in (width, 2, 3, ROW) if len(buttons) <= width * most or width == ROW)
    actions = [_action(button) for button in buttons]
    rows = [actions[begin : begin + width] for begin in range(0, len(actions), width)]
    return _json({"inline": True, "buttons": rows} if inline else {"one_time": True, "buttons": rows})


def _action(button: Button) -> dict[str, Any]:
    if button.url:
        return {"action": {"type": "open_link", "label": button.title, "link": button.url}}
    payload = PAYLOAD % _json(button.value)
    return {"action": {"type": "text", "label": button.title, "payload": payload}, "color": "primary"}


def _words(text: str, formats: Sequence[Format]) -> dict[str, str]:
    return some(message=text, format_data=format_data(text, formats))


def _media(kind: Literal["photo", "doc", "audio_message"], reply: Any, name: str = "") -> Post:
    words = _words(reply.caption or "", reply.formats)
    if _KNOWN.fullmatch(reply.url):
        return Post({**words, "attachment": reply.url})
    return Post(words, Upload(kind, reply.url, name), _linked(reply))


def _linked(reply: Any) -> str:
    return "\n".join(part for part in (reply.caption, reply.url) if part)


def _video(reply: Any) -> Post:
    """VK takes videos only as posts of a user; it shows a preview of the link."""
    words = _words(reply.caption or "", reply.formats)
    return Post({**words, "attachment": reply.url} if _KNOWN.fullmatch(reply.url) else {"message": _linked(reply)})


def _location(reply: Any) -> Post:
    words = "\n".join(part for part in (reply.name, reply.address) if part)
    return Post({"lat": str(reply.latitude), "long": str(reply.longitude), **some(message=words)})


def _buttons(reply: Any) -> Post:
    fields = {**_words(reply.text, reply.formats), "keyboard": keyboard(reply.buttons, inline=True)}
    if not reply.image:
        return Post(fields)
    image = _media("photo", reply.image)
    return Post({**image.fields, **fields}, image.upload, f"{reply.text}\n{reply.image.url}")


def _quick_replies(reply: Any) -> Post:
    return Post({**_words(reply.text, reply.formats), "keyboard": keyboard(reply.replies, inline=False)})


def _native(reply: Any) -> Post:
    """`{"vk": {"sticker_id": 1}}`: parameters of messages.send."""
    fields = native(reply, "vk")
    if taken := sorted(_OURS & fields.keys()):
        raise Undeliverable(f"A native reply for vk says nothing of {', '.join(taken)}")
    return Post({name: value if isinstance(value, str) else _json(value) for name, value in fields.items()})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_MAKERS: dict[type[Reply], Callable[[Any], Post]] = {
    Text: lambda reply: Post(_words(reply.text, reply.formats)),
    Image: lambda reply: _media("photo", reply),
    File: lambda reply: _media("doc", reply, reply.name or ""),
    Audio: lambda reply: _media("audio_message" if reply.voice else "doc", reply),
    Video: _video,
    Location: _location,
    Buttons: _buttons,
    QuickReplies: _quick_replies,
    Native: _native,
}
