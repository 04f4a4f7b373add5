"""What users do in Messenger, as messages for the bot.

Source: …/messenger-platform/webhooks/webhook-events/messages and /messaging_postbacks
"""

import hashlib
from collections.abc import Collection, Iterator
from typing import Annotated, Any

import msgspec

from maxbot.channels import native as natives
from maxbot.channels.json import decode
from maxbot.channels.meta import milliseconds, update_key
from maxbot.channels.window import said_at
from maxbot.errors import BadRequest
from maxbot.types import Dialog, Message, Update

Id = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$")]

MEDIA = {"image": "image", "video": "video", "audio": "audio", "file": "file"}

THUMBS = (369239263222822, 369239343222814, 369239383222810)
"""Stickers that Messenger's own button sends: small, larger, largest."""


NATIVE = ("reaction", "referral", "optin", "message_edit", "delivery", "read")
"""Events that a bot gets where its channel's option `native` names them."""


def opens_window(kind: str, value: Any) -> bool:
    """Whether a native event opens the window in which a bot may write.

    Meta names messages, buttons like Get Started, ads and plugins that begin a conversation, a link to m.me in a
    conversation that is there already, and reactions. An opt-in has a `type` where the user allowed marketing or a
    notification, and has none where a plugin began the conversation. What is not named (edits, receipts, a reaction
    that is taken back) opens nothing: a push that is refused here harms less than one that Meta refuses later.

    Source: …/messenger-platform/policy (as of 28 September 2026); its list of user actions was read where others
    restate it: https://docs.botmother.com/article/42064 and https://help.aliyun.com/document_detail/2837708.html
    """
    told = value if isinstance(value, dict) else {}
    match kind:
        case "referral":
            return True
        case "reaction":
            return told.get("action") != "unreact"
        case "optin":
            return "type" not in told
    return False


class _Coordinates(msgspec.Struct):
    lat: float
    long: float


class _Payload(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    sticker_id: int | None = None
    coordinates: _Coordinates | None = None


class _Attachment(msgspec.Struct):
    type: str
    payload: _Payload | None = None
    title: str | None = None


class _QuickReply(msgspec.Struct):
    payload: str


class _Message(msgspec.Struct):
    mid: Id
    text: str | None = None
    quick_reply: _QuickReply | None = None
    attachments: list[_Attachment] | None = None
    is_echo: bool = False
    is_deleted: bool = False


class _Postback(msgspec.Struct):
    mid: Id | None = None
    title: str | None = None
    payload: str | None = None


class _User(msgspec.Struct):
    id: Id | None = None
    """None where a user is known by a reference only, which cannot be written to."""


class _Event(msgspec.Struct):
    sender: _User | None = None
    recipient: _User | None = None
    timestamp: int | str = 0
    message: _Message | None = None
    postback: _Postback | None = None


class _Entry(msgspec.Struct):
    messaging: list[_Event] = []


class _Delivery(msgspec.Struct):
    object: str
    entry: list[_Entry] = []


class _LooseEntry(msgspec.Struct):
    messaging: list[msgspec.Raw] = []


class _LooseDelivery(msgspec.Struct):
    entry: list[_LooseEntry] = []


_decoder = msgspec.json.Decoder(_Delivery)
_loose_decoder = msgspec.json.Decoder(_LooseDelivery)
_event_decoder = msgspec.json.Decoder(_Event)


def read(body: bytes, channel: str, page_id: str | None, native: Collection[str] = ()) -> list[Update]:
    """Read a delivery: its updates in the order of their times. One `mid` may come twice.

    Args:
        body: JSON.
        channel: Name of the instance.
        page_id: Events of other pages are left out; None for any page.
        native: Kinds of `NATIVE` that the bot gets as they are.

    Raises:
        BadRequest: It is no delivery of Messenger.
    """
    updates: dict[str, Update] = {}
    for event in _events(body):
        for update in _read_event(event, channel, page_id):
            updates.setdefault(update.key, update)
    if native:
        updates |= {update.key: update for update in _native(body, channel, page_id, native)}
    return sorted(updates.values(), key=lambda update: update.sequence or 0)


def _events(body: bytes) -> Iterator[_Event]:
    try:
        delivery = decode(_decoder, body)
    except BadRequest:
        yield from _understood(body)
        return
    if delivery.object == "page":
        for entry in delivery.entry:
            yield from entry.messaging


def _understood(body: bytes) -> Iterator[_Event]:
    """Yield the events that are what we know: the others must not bring a delivery back again and again."""
    for entry in decode(_loose_decoder, body).entry:
        for raw in entry.messaging:
            try:
                yield decode(_event_decoder, raw)
            except BadRequest:
                continue


def _native(body: bytes, channel: str, page_id: str | None, native: Collection[str]) -> Iterator[Update]:
    raws = [raw for entry in decode(_loose_decoder, body).entry for raw in entry.messaging]
    for event, key in natives.objects(raws):
        sender, recipient, timestamp = (event.get(name) for name in ("sender", "recipient", "timestamp"))
        user = natives.user_of(sender.get("id")) if isinstance(sender, dict) else None
        page = recipient.get("id") if isinstance(recipient, dict) else None
        kind = next((kind for kind in NATIVE if kind in native and kind in event), None)
        if user is None or kind is None or user == page or (page_id is not None and page != page_id):
            continue
        sequence = milliseconds(timestamp) if isinstance(timestamp, int | str) else None
        address = said_at(sequence) or None if opens_window(kind, event[kind]) else None
        yield Update(Dialog(channel, user), key, natives.message(kind, event[kind]), sequence, address)


def _read_event(event: _Event, channel: str, page_id: str | None) -> Iterator[Update]:
    user = event.sender.id if event.sender else None
    page = event.recipient.id if event.recipient else None
    if user is None or user == page or (page_id is not None and page != page_id):
        return
    dialog, sequence = Dialog(channel, user), milliseconds(event.timestamp)
    address = said_at(sequence) or None
    if event.message is not None and not event.message.is_echo and not event.message.is_deleted:
        for number, message in enumerate(_messages(event.message)):
            key = event.message.mid if number == 0 else f"{event.message.mid}#{number}"
            yield Update(dialog, update_key(key), message, sequence, address)
    elif event.postback is not None and (pressed := _pressed(event.postback)):
        yield Update(dialog, _postback_key(event, user), pressed, sequence, address)


def _postback_key(event: _Event, user: str) -> str:
    assert event.postback is not None
    if event.postback.mid:
        return update_key(event.postback.mid)
    told = f"{user} {event.timestamp} {event.postback.payload}"
    return hashlib.sha256(told.encode()).hexdigest()


def _messages(message: _Message) -> Iterator[Message]:
    """Yield what a bot is told: each attachment is a message; the text belongs to the first."""
    if message.quick_reply is not None:
        title = message.text or message.quick_reply.payload
        yield {"text": title, "button": {"payload": message.quick_reply.payload, "title": title}}
        return
    text = message.text
    for attachment in message.attachments or ():
        if found := _attached(attachment, text):
            yield found
            text = None
    if text:
        yield {"text": text}


def _attached(attachment: _Attachment, text: str | None) -> Message | None:
    payload = attachment.payload
    if payload is None:
        return None
    if payload.sticker_id in THUMBS:
        return {"text": "👍"}
    if attachment.type == "location" and payload.coordinates is not None:
        place: dict[str, Any] = {"latitude": payload.coordinates.lat, "longitude": payload.coordinates.long}
        return {"location": {**place, "name": attachment.title} if attachment.title else place}
    kind = MEDIA.get(attachment.type)
    if kind is None or not payload.url:
        return None
    return {kind: {"url": payload.url, "caption": text} if text else {"url": payload.url}}


def _pressed(postback: _Postback) -> Message | None:
    payload = postback.payload or postback.title
    if not payload:
        return None
    return {"button": {"payload": payload, "title": postback.title} if postback.title else {"payload": payload}}
