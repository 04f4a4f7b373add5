"""What users do at Slack, as messages for the bot.

Source: https://docs.slack.dev/reference/events/message, https://docs.slack.dev/reference/events/app_mention,
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import re
from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import parse_qs

import msgspec

from maxbot.channels.json import decode
from maxbot.channels.slack.replies import LINK_ACTION, REPLY_ACTION
from maxbot.errors import BadRequest
from maxbot.types import Address, Dialog, Message, Update

SAID = ("message", "app_mention")
"""Events that are messages. The second comes beside the first where the app gets all messages of a channel."""

SUBTYPES = ("", "file_share", "thread_broadcast")
"""Of messages: those that a user wrote. Others are edits, deletions, joins, and what bots say."""

PRESS = b"payload="
FORMS = (PRESS, b"token=", b"ssl_check=")
"""How what is no JSON begins: a form with JSON in it where a button was pressed; slash commands; a check of TLS."""

_Id = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,60}\Z")]
_Trigger = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,150}\Z")]
_Ts = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]

_LINK = re.compile(r"<(?:mailto:|tel:)?([^<>|@#!][^<>|]*)(?:\|[^<>]*)?>")


class _Authorization(msgspec.Struct):
    """Whose app it is; where it is a bot's, the one that talks here."""

    user_id: str | None = None
    is_bot: bool = False


class Envelope(msgspec.Struct):
    """What is around every event."""

    type: str
    event: msgspec.Raw = msgspec.Raw(b"{}")
    event_id: _Id | None = None
    challenge: str = ""
    authorizations: list[_Authorization] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    subtype: str | None = None
    bot_id: str | None = None
    hidden: bool = False


class _File(msgspec.Struct):
    id: _Id
    name: str | None = None
    mimetype: str | None = None
    size: _Count | None = None
    subtype: str | None = None
    original_w: _Count | None = None
    original_h: _Count | None = None
    duration_ms: _Count | None = None


class _Said(_Event, kw_only=True):
    channel: _Id
    user: str | None = None
    text: str = ""
    ts: _Ts | None = None
    thread_ts: _Ts | None = None
    files: list[_File] = []


class _Somewhere(msgspec.Struct):
    """Where something happened, in an event of any kind."""

    channel: Any = None
    item: Any = None


class _Named(msgspec.Struct):
    id: _Id


class _Text(msgspec.Struct):
    text: str = ""


class _Option(msgspec.Struct):
    value: str
    text: _Text | None = None


class _Action(msgspec.Struct):
    action_id: str = ""
    value: str | None = None
    text: _Text | None = None
    selected_option: _Option | None = None
    action_ts: _Ts | None = None


class _Where(msgspec.Struct):
    """The message that had the button."""

    ts: _Ts | None = None
    thread_ts: _Ts | None = None


class _Press(msgspec.Struct):
    type: str
    channel: _Named | None = None
    message: _Where | None = None
    actions: list[_Action] = []
    trigger_id: _Trigger | None = None


_envelope_decoder = msgspec.json.Decoder(Envelope)
_event_decoder = msgspec.json.Decoder(_Event)
_said_decoder = msgspec.json.Decoder(_Said)
_somewhere_decoder = msgspec.json.Decoder(_Somewhere)
_press_decoder = msgspec.json.Decoder(_Press)
_any_decoder = msgspec.json.Decoder(Any)


def envelope(body: bytes) -> Envelope:
    """Read what is around an event, and nothing of the event itself.

    Raises:
        BadRequest: It is no event of Slack.
    """
    return decode(_envelope_decoder, body)


def read(body: bytes, channel: str, native: Collection[str] = ()) -> Update | None:
    """Read one delivery: an event, or a press of a button.

    Args:
        body: JSON, or a form with JSON in it.
        channel: Name of the instance.
        native: Types and subtypes of events that the bot is told of as they are.

    Raises:
        BadRequest: It is nothing that Slack delivers.
    """
    if not body.startswith(FORMS):
        return _happened(envelope(body), channel, native)
    return _pressed(_unwrapped(body), channel) if body.startswith(PRESS) else None


def _happened(around: Envelope, channel: str, native: Collection[str]) -> Update | None:
    if around.type != "event_callback":
        return None
    said = _as_said(around.event)
    event = said or decode(_event_decoder, around.event)
    if event.bot_id is not None:
        return None
    if event.type in SAID and (event.subtype or "") in SUBTYPES and not event.hidden:
        return _said(around, said or decode(_said_decoder, around.event), channel)
    kind = next((name for name in (event.subtype or "", event.type) if name in native), None)
    return None if kind is None or around.event_id is None else _told_as_it_is(around, around.event_id, kind, channel)


def _as_said(event: msgspec.Raw) -> _Said | None:
    """Return an event that looks like a message, as nearly all do; others have other things under the same names."""
    try:
        return decode(_said_decoder, event)
    except BadRequest:
        return None


def _said(around: Envelope, said: _Said, channel: str) -> Update | None:
    bots = [one.user_id for one in around.authorizations or () if one.is_bot and one.user_id]
    message = _message(said, bots)
    # Of one message there may be two events; those of old apps may have no ts.
    key = f"{said.channel}:{said.ts}" if said.ts else around.event_id
    if key is None:
        raise BadRequest("The event has neither ts nor event_id")
    if said.user in bots or message is None:
        return None
    return Update(Dialog(channel, said.channel), key, message, sequence(said.ts), address(said.thread_ts))


def _told_as_it_is(around: Envelope, key: str, kind: str, channel: str) -> Update | None:
    somewhere = decode(_somewhere_decoder, around.event)
    place = somewhere.channel or (somewhere.item.get("channel") if isinstance(somewhere.item, dict) else None)
    if not isinstance(place, str) or not re.fullmatch(r"[!-~]{1,60}", place):
        return None
    return Update(Dialog(channel, place), key, {"native": {kind: _anything(around.event)}})


def _message(said: _Said, bots: Collection[str]) -> Message | None:
    words = plain(_without_mention(said.text, bots))
    if said.files:
        file = said.files[0]
        kind = (file.mimetype or "").partition("/")[0]
        return {kind if kind in ("image", "audio", "video") else "file": _file(file, kind, words)}
    return {"text": words} if words else None


def _file(file: _File, kind: str, caption: str) -> dict[str, Any]:
    found = {
        "file_id": file.id,
        "width": file.original_w,
        "height": file.original_h,
        "duration": file.duration_ms / 1000 if file.duration_ms else None,
        "voice": True if file.subtype == "slack_audio" else None,
        "name": file.name if kind != "image" else None,
        "mime_type": file.mimetype if kind != "image" else None,
        "size": file.size,
        "caption": caption,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _without_mention(text: str, bots: Collection[str]) -> str:
    """Take out the mention of the bot with which a message to it begins."""
    for bot in bots if text.startswith("<@") else ():
        if text.startswith((f"<@{bot}>", f"<@{bot}|")):
            return text.partition(">")[2].lstrip()
    return text


def plain(text: str) -> str:
    """Return a text as the user wrote it; mentions of people and channels stay as Slack writes them.

    Source: https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
    """
    if "<" in text:
        text = _LINK.sub(r"\1", text)
    if "&" in text:
        text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return text


def _unwrapped(body: bytes) -> bytes:
    try:
        fields = parse_qs(body.decode(), strict_parsing=True, errors="strict", max_num_fields=100)
        return fields["payload"][0].encode()
    except (ValueError, KeyError):
        pass
    raise BadRequest("The form has no payload")


def _pressed(payload: bytes, channel: str) -> Update | None:
    press = decode(_press_decoder, payload)
    if press.type != "block_actions" or press.channel is None or not press.actions:
        return None
    action, where = press.actions[0], press.message or _Where()
    if action.action_id.startswith(LINK_ACTION):  # Slack tells of these as well
        return None
    key = press.trigger_id or f"{press.channel.id}:{where.ts}:{action.action_id[:60]}:{action.action_ts}"
    if not key.isprintable():
        raise BadRequest("An action_id is printable")
    dialog = Dialog(channel, press.channel.id)
    return Update(dialog, key, _button(action), sequence(action.action_ts), address(where.thread_ts))


def _button(action: _Action) -> Message:
    chosen = action.selected_option
    value = action.value if chosen is None else chosen.value
    text = action.text if chosen is None else chosen.text
    title = text.text if text else ""
    button = {"payload": value or action.action_id, **({"title": title} if title else {})}
    # Elsewhere a quick reply counts as the user's words; a bot that reads words shall do so here.
    is_reply = action.action_id.startswith(REPLY_ACTION) and title
    return {"button": button, "text": title} if is_reply else {"button": button}


def sequence(ts: str | None) -> int | None:
    """Return the place of a message in its channel: microseconds."""
    if ts is None:
        return None
    seconds, _, rest = ts.partition(".")
    return int(seconds + rest.ljust(6, "0"))


def address(thread_ts: str | None) -> Address:
    """Return where to answer to: in the thread; where there is none, that counts as well."""
    return {"thread_ts": thread_ts} if thread_ts else {}


def _anything(body: bytes | msgspec.Raw) -> Any:
    value = decode(_any_decoder, body)
    try:
        msgspec.json.encode(value)
    except OverflowError:
        pass
    else:
        return value
    raise BadRequest("A number in the JSON is too large")
