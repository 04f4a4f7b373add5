"""What the bot says, as messages of the Send API: …/messenger-platform/send-messages"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from maxbot.channels.expand import Abilities
from maxbot.channels.replies import native, some
from maxbot.channels.split import Limit
from maxbot.channels.window import Window
from maxbot.commands import Audio, Button, Buttons, Content, File, Image, Native, QuickReplies, Reply, Text, Video
from maxbot.errors import Undeliverable

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


MESSAGE_TAG = "MESSAGE_TAG"
TAG_KEYS = frozenset(("messaging_type", "tag"))
MESSAGE_KEYS = frozenset(("text", "attachment", "attachments", "quick_replies", "metadata"))


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
    """`{"facebook": {…}}`: the `message` of a call, and the tag that it has outside the 24 hours."""
    said = some(**native(reply, "facebook"))
    tags = {name: said[name] for name in TAG_KEYS if name in said}
    if said.keys() - MESSAGE_KEYS - TAG_KEYS or said.keys() <= TAG_KEYS or (tags and not _is_tagged(said)):
        raise Undeliverable(
            f"A native reply for Messenger has {', '.join(sorted(MESSAGE_KEYS))} of a message, and perhaps a tag with "
            "messaging_type MESSAGE_TAG"
        )
    return said


def _is_tagged(said: Mapping[str, Any]) -> bool:
    tag = said.get("tag")
    named = isinstance(tag, str) and re.fullmatch("[A-Z_]{1,100}", tag) is not None
    return named and said.get("messaging_type", MESSAGE_TAG) == MESSAGE_TAG


def _has_tag(content: Content) -> bool:
    named = (content.get("native") or {}).get("facebook")
    return isinstance(named, dict) and _is_tagged(named)


def sending(message: dict[str, Any]) -> dict[str, Any]:
    """Return what a call has for a message: it is a response, or what its tag says."""
    if "tag" not in message:
        return {"messaging_type": "RESPONSE", "message": message}
    plain = {name: value for name, value in message.items() if name not in TAG_KEYS}
    return {"messaging_type": MESSAGE_TAG, "tag": message["tag"], "message": plain}


# …/messenger-platform/policy/policy-overview, standard messaging window and message tags
WINDOW = Window(
    24 * 3600.0,
    _has_tag,
    'Send a message with a tag that Meta grants: {"native": {"facebook": {"tag": "HUMAN_AGENT", "text": …}}}',
)


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
