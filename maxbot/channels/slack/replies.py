"""What the bot says, as messages of Slack: https://docs.slack.dev/reference/methods/chat.postMessage

Blocks: https://docs.slack.dev/reference/block-kit/blocks; their limits are those of slack_sdk 3.47.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from maxbot.channels.replies import made, native
from maxbot.channels.slack.mrkdwn import escaped, mrkdwn
from maxbot.commands import (
    Audio,
    Button,
    Buttons,
    Content,
    File,
    Format,
    Image,
    Native,
    QuickReplies,
    Reply,
    Text,
    Video,
)
from maxbot.errors import Undeliverable

BUTTON_ACTION, REPLY_ACTION, LINK_ACTION = "maxbot-button-", "maxbot-reply-", "maxbot-link-"
"""Beginnings of the `action_id` of what we offer."""

URL_LIMIT = 3000
"""Characters of the URL of an image or a link."""

_OURS = frozenset(("channel", "token", "thread_ts", "as_user"))


class Upload(msgspec.Struct, frozen=True):
    """A file that Slack has to be given."""

    url: str
    name: str
    comment: str
    """What is said with it."""


class Post(msgspec.Struct, frozen=True):
    """A message, without the channel."""

    payload: dict[str, Any]
    """Of chat.postMessage. Where there is an upload: what to send where that is not possible."""
    upload: Upload | None = None
    instead: dict[str, Any] | None = None
    """To send where Slack does not take the blocks, as it cannot fetch their image."""


def post(content: Content) -> Post:
    """Return what sends a command's content.

    Raises:
        Undeliverable: Nothing does.
    """
    return made(content, "Slack", _MAKERS)


def _words(text: str, formats: Sequence[Format] = ()) -> dict[str, Any]:
    """Return a text. Without formats it is meant literally: a star is a star."""
    return {"text": mrkdwn(text, formats), **({} if formats else {"mrkdwn": False})}


def _linked(reply: Any) -> dict[str, Any]:
    """Return the caption and, below it, the URL, of which Slack shows a preview."""
    caption = mrkdwn(reply.caption, reply.formats) if reply.caption else ""
    return {"text": "\n".join(part for part in (caption, escaped(reply.url)) if part)}


def _section(text: str, formats: Sequence[Format]) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(text, formats), "verbatim": True}}


def _image_block(url: str, caption: str = "") -> dict[str, Any]:
    if len(url) > URL_LIMIT:
        raise Undeliverable(f"Slack takes no URL of more than {URL_LIMIT} characters")
    title = {"title": {"type": "plain_text", "text": caption}} if caption else {}
    return {"type": "image", "image_url": url, "alt_text": caption or "image", **title}


def _actions(buttons: Iterable[Button], action: str) -> dict[str, Any]:
    return {"type": "actions", "elements": [_button(button, action, n) for n, button in enumerate(buttons)]}


def _button(button: Button, action: str, number: int) -> dict[str, Any]:
    face = {"type": "button", "text": {"type": "plain_text", "text": button.title}}
    if button.url:
        return {**face, "action_id": f"{LINK_ACTION}{number}", "url": button.url}
    return {**face, "action_id": f"{action}{number}", "value": button.value}


def _image(reply: Any) -> Post:
    caption = reply.caption or ""
    text = escaped(caption) if caption else escaped(reply.url)
    return Post({"text": text, "blocks": [_image_block(reply.url, caption)]}, instead=_linked(reply))


def _file(reply: Any) -> Post:
    comment = mrkdwn(reply.caption or "", reply.formats)
    return Post(_linked(reply), Upload(reply.url, getattr(reply, "name", None) or "", comment))


def _buttons(reply: Any) -> Post:
    blocks = [_section(reply.text, reply.formats), _actions(reply.buttons, BUTTON_ACTION)]
    text = {"text": escaped(reply.text)}
    if not reply.image:
        return Post({**text, "blocks": blocks})
    linked = _section(f"{reply.text}\n{reply.image.url}", reply.formats)
    return Post(
        {**text, "blocks": [_image_block(reply.image.url), *blocks]}, instead={**text, "blocks": [linked, blocks[1]]}
    )


def _quick_replies(reply: Any) -> Post:
    blocks = [_section(reply.text, reply.formats), _actions(reply.replies, REPLY_ACTION)]
    return Post({"text": escaped(reply.text), "blocks": blocks})


def _native(reply: Any) -> Post:
    """`{"slack": {"text": "…", "blocks": […]}}`: arguments of chat.postMessage."""
    payload = native(reply, "slack")
    if taken := sorted(_OURS & payload.keys()):
        raise Undeliverable(f"A native reply for slack says nothing of {', '.join(taken)}")
    return Post(payload)


_MAKERS: dict[type[Reply], Callable[[Any], Post]] = {
    Text: lambda reply: Post(_words(reply.text, reply.formats)),
    Image: _image,
    File: _file,
    Audio: _file,
    Video: lambda reply: Post(_linked(reply)),
    Buttons: _buttons,
    QuickReplies: _quick_replies,
    Native: _native,
}
