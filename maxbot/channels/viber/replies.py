"""What the bot says, as messages of Viber: …/rest-bot-api/#send-message and …/docs/tools/keyboards"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from maxbot.channels.expand import Abilities
from maxbot.channels.replies import native, some
from maxbot.channels.split import Limit
from maxbot.channels.viber.offers import written
from maxbot.commands import (
    Button,
    Buttons,
    Contact,
    File,
    Image,
    Location,
    Native,
    QuickReplies,
    Reply,
    Text,
    Video,
)

# A text has 7,000 characters and a whole request 30 kB: 7,000 UTF-16 units are 21,000 bytes at most, what is below
# a keyboard less. A caption has 512: later clients show 768, earlier ones cut.
ABILITIES = Abilities(
    sends=("text", "image", "file", "video", "location", "contact", "buttons", "quick_replies", "native"),
    text=Limit(7000),
    caption=Limit(512),
    captions=("image",),
    links=False,
    offer=Limit(3000),
    buttons=72,
    buttons_below_image=72,
    quick_replies=72,
    title=Limit(100),
    payload=Limit(100),
    reply_payload=Limit(100),
)

ROWS = 12
COLUMNS = 6
SHORT_TITLE = 12
"""Characters with which three buttons stand side by side."""

FILE_NAME_LIMIT = 256


def keyboard(buttons: Sequence[Button]) -> dict[str, Any]:
    """Return buttons in the place of the user's keyboard, in up to 12 rows."""
    width = _width(buttons)
    return {"Type": "keyboard", "DefaultHeight": False, "Buttons": [_button(one, width) for one in buttons]}


def _width(buttons: Sequence[Button]) -> int:
    """Return how many columns of six a button takes."""
    if len(buttons) > 3 * ROWS:
        return 1
    is_short = all(len(button.title) <= SHORT_TITLE for button in buttons)
    return 2 if is_short or len(buttons) > ROWS else COLUMNS


def _button(button: Button, width: int) -> dict[str, Any]:
    action, body = ("open-url", button.url) if button.url else ("reply", button.value)
    # Its text is HTML.
    return {"ActionType": action, "ActionBody": body, "Text": escape(button.title), "Columns": width, "Rows": 1}


def _offer(text: str, buttons: Sequence[Button], image: Any = None) -> dict[str, Any]:
    message = {"type": "picture", "media": image.url, "text": text} if image else {"type": "text", "text": text}
    return {**message, "keyboard": keyboard(buttons), **some(tracking_data=written(buttons))}


def _file(reply: File) -> dict[str, Any]:
    return {"type": "file", "media": reply.url, "size": reply.size, "file_name": file_name(reply)}


def file_name(reply: File) -> str:
    """Return the name of a file with its extension, without which Viber refuses it."""
    name = reply.name or PurePosixPath(unquote(urlsplit(reply.url).path)).name or "file"
    suffix = PurePosixPath(name).suffix or PurePosixPath(urlsplit(reply.url).path).suffix or ".bin"
    return name.removesuffix(suffix)[: FILE_NAME_LIMIT - len(suffix)] + suffix


def _video(reply: Video) -> dict[str, Any]:
    return {"type": "video", "media": reply.url, "size": reply.size, **some(duration=round(reply.duration or 0))}


def _location(reply: Location) -> dict[str, Any]:
    return {"type": "location", "location": {"lat": reply.latitude, "lon": reply.longitude}}


def _contact(reply: Contact) -> dict[str, Any]:
    return {"type": "contact", "contact": {"name": reply.name[:28], "phone_number": reply.phone[:18]}}


MAKERS: Mapping[type[Reply], Callable[[Any], dict[str, Any]]] = {
    Text: lambda reply: {"type": "text", "text": reply.text},
    Image: lambda reply: {"type": "picture", "media": reply.url, "text": reply.caption or ""},
    File: _file,
    Video: _video,
    Location: _location,
    Contact: _contact,
    Buttons: lambda reply: _offer(reply.text, reply.buttons, reply.image),
    QuickReplies: lambda reply: _offer(reply.text, reply.replies),
    Native: lambda reply: native(reply, "viber"),
}
