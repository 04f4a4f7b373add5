"""What the bot says, as messages of the Cloud API: …/whatsapp/messages and the pages below it, one a kind"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from maxbot.channels.expand import Abilities
from maxbot.channels.replies import native, some
from maxbot.channels.split import Limit, utf16
from maxbot.channels.window import Window
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
)
from maxbot.errors import Undeliverable

TEXT = Limit(4096)
CAPTION = Limit(1024)
MOST_BUTTONS = 3
BUTTON_TITLE = Limit(20)
"""Of a button; a row of a list has 24."""

# Bodies of 1,024 characters; a list has up to 10 rows, whose ids have 200 characters: …/interactive-list-messages
ABILITIES = Abilities(
    sends=("text", "image", "file", "audio", "video", "location", "contact", "buttons", "quick_replies", "native"),
    text=TEXT,
    caption=CAPTION,
    captions=("image", "file", "video"),
    links=False,
    offer=CAPTION,
    buttons=10,
    buttons_below_image=MOST_BUTTONS,
    link_buttons="alone",
    quick_replies=10,
    title=Limit(24),
    payload=Limit(200),
    reply_payload=Limit(200),
)

_MARKS = {"bold": "*", "italic": "_", "strike": "~", "code": "`", "pre": "```"}
"""https://faq.whatsapp.com/539178204879377"""


def marked(text: str, formats: Sequence[Format], limit: Limit) -> str:
    """Return a text with WhatsApp's marks, or without where it would be too long with them."""
    marks = [(place, mark) for one in formats if (mark := _MARKS.get(one.style)) for place in (one.start, one.end)]
    with_marks = text
    for place, mark in sorted(marks, reverse=True):
        with_marks = with_marks[:place] + mark + with_marks[place:]
    return with_marks if limit.fits(with_marks) else text


def _text(reply: Text) -> dict[str, Any]:
    body = marked(reply.text, reply.formats, TEXT)
    return {"type": "text", "text": {"body": body, "preview_url": False}}


def _media(type_: str, **fields: str) -> Callable[[Any], dict[str, Any]]:
    """Make a maker of messages with a file. Fields are the platform's names and ours."""

    def make(reply: Any) -> dict[str, Any]:
        caption = marked(reply.caption, reply.formats, CAPTION) if reply.caption else ""
        more = {theirs: getattr(reply, ours, None) for theirs, ours in fields.items()}
        return {"type": type_, type_: {**_source(reply.url), **some(caption=caption, **more)}}

    return make


def _source(url: str) -> dict[str, str]:
    """Return where a file is: at a URL, or with WhatsApp, which knows it by its id."""
    return {"link": url} if re.match("https?://", url) else {"id": url}


def _location(reply: Location) -> dict[str, Any]:
    place = {"latitude": reply.latitude, "longitude": reply.longitude}
    return {"type": "location", "location": {**place, **some(name=reply.name, address=reply.address)}}


def _contact(reply: Contact) -> dict[str, Any]:
    name = {"formatted_name": reply.name, "first_name": reply.name}
    return {"type": "contacts", "contacts": [{"name": name, "phones": [{"phone": reply.phone, "type": "CELL"}]}]}


def _offer(reply: Buttons | QuickReplies, list_button: str) -> dict[str, Any]:
    buttons = reply.buttons if isinstance(reply, Buttons) else reply.replies
    image = reply.image if isinstance(reply, Buttons) else None
    interactive: dict[str, Any] = {"body": {"text": marked(reply.text, reply.formats, CAPTION)}}
    if image:
        interactive["header"] = {"type": "image", "image": _source(image.url)}
    fits = len(buttons) <= MOST_BUTTONS and all(BUTTON_TITLE.fits(one.title) for one in buttons)
    if len(buttons) == 1 and buttons[0].url:
        interactive |= _link(buttons[0])
    elif fits or image:
        interactive |= _reply_buttons(buttons)
    else:
        interactive |= _list(buttons, list_button)
    return {"type": "interactive", "interactive": interactive}


def _link(button: Button) -> dict[str, Any]:
    parameters = {"display_text": _cut(button.title), "url": button.url}
    return {"type": "cta_url", "action": {"name": "cta_url", "parameters": parameters}}


def _reply_buttons(buttons: Sequence[Button]) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": one.value, "title": _cut(one.title)}} for one in buttons]
    return {"type": "button", "action": {"buttons": replies}}


def _list(buttons: Sequence[Button], list_button: str) -> dict[str, Any]:
    rows = [{"id": one.value, "title": one.title} for one in buttons]
    return {"type": "list", "action": {"button": list_button, "sections": [{"rows": rows}]}}


def _cut(title: str) -> str:
    while utf16(title) > BUTTON_TITLE.size:
        title = f"{title.rstrip('…')[:-1].rstrip()}…"
    return title


def _native(reply: Native) -> dict[str, Any]:
    """`{"whatsapp": {"template": {…}}}`: a type and its object."""
    found = list(native(reply, "whatsapp").items())
    if len(found) == 1 and re.fullmatch("[a-z]{1,30}", found[0][0]) and isinstance(found[0][1], dict | list):
        return {"type": found[0][0], found[0][0]: found[0][1]}
    raise Undeliverable('A native reply for WhatsApp is one type and its object: {"template": {"name": …}}')


def _is_template(content: Content) -> bool:
    named = (content.get("native") or {}).get("whatsapp")
    return isinstance(named, dict) and named.keys() == {"template"}


# …/whatsapp/messages/send-messages, customer service windows
WINDOW = Window(
    24 * 3600.0, _is_template, 'Send an approved template: {"native": {"whatsapp": {"template": {"name": …}}}}'
)


def makers(list_button: str) -> Mapping[type[Reply], Callable[[Any], dict[str, Any]]]:
    """Return how each kind becomes a message.

    Args:
        list_button: What opens a list of buttons.
    """
    return {
        Text: _text,
        Image: _media("image"),
        File: _media("document", filename="name"),
        Audio: _media("audio"),
        Video: _media("video"),
        Location: _location,
        Contact: _contact,
        Buttons: lambda reply: _offer(reply, list_button),
        QuickReplies: lambda reply: _offer(reply, list_button),
        Native: _native,
    }
