"""What the bot says, as messages of the Send API: …/messenger-platform/send-messages"""

from collections.abc import Callable, Mapping
from typing import Any

from maxbot.channels.expand import Abilities
from maxbot.channels.replies import native, some
from maxbot.channels.split import Limit
from maxbot.commands import Audio, Button, Buttons, File, Image, Native, QuickReplies, Reply, Text, Video

# Texts: 2,000 characters, of a template 640 (…/send-messages/template/button), counted in UTF-16 code units to be
# on the safe side. Quick replies: 13, titles of 20 characters (…/send-messages/quick-replies).
ABILITIES = Abilities(
    sends=("text", "image", "file", "audio", "video", "buttons", "quick_replies", "native"),
    text=Limit(2000),
    caption=Limit(0),
    links=False,
    offer=Limit(640),
    buttons=3,
    buttons_below_image=0,
    quick_replies=13,
    title=Limit(20),
    payload=Limit(1000),
    reply_payload=Limit(1000),
)


def _attachment(kind: str) -> Callable[[Any], dict[str, Any]]:
    return lambda reply: {"attachment": {"type": kind, "payload": {"url": reply.url, "is_reusable": True}}}


def _buttons(reply: Buttons) -> dict[str, Any]:
    template = {"template_type": "button", "text": reply.text, "buttons": [_button(one) for one in reply.buttons]}
    return {"attachment": {"type": "template", "payload": template}}


def _button(button: Button) -> dict[str, str]:
    if button.url:
        return {"type": "web_url", "title": button.title, "url": button.url}
    return {"type": "postback", "title": button.title, "payload": button.value}


def _quick_replies(reply: QuickReplies) -> dict[str, Any]:
    offered = [{"content_type": "text", "title": one.title, "payload": one.value} for one in reply.replies]
    return {"text": reply.text, "quick_replies": offered}


def _native(reply: Native) -> dict[str, Any]:
    """`{"facebook": {…}}`: the `message` of a call."""
    return some(**native(reply, "facebook"))


MAKERS: Mapping[type[Reply], Callable[[Any], dict[str, Any]]] = {
    Text: lambda reply: {"text": reply.text},
    Image: _attachment("image"),
    File: _attachment("file"),
    Audio: _attachment("audio"),
    Video: _attachment("video"),
    Buttons: _buttons,
    QuickReplies: _quick_replies,
    Native: _native,
}
