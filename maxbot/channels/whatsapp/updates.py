"""What users do in WhatsApp, as messages for the bot.

Source: …/whatsapp/webhooks/reference/messages and the pages below it, one a kind
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import msgspec

from maxbot.channels import native as natives
from maxbot.channels.json import decode
from maxbot.channels.meta import milliseconds, update_key
from maxbot.channels.window import said_at
from maxbot.errors import BadRequest
from maxbot.types import Dialog, Message, Update

logger = logging.getLogger(__name__)

Id = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,200}$")]


NATIVE = ("sticker", "reaction", "order", "system", "nfm_reply", "unsupported")
"""Messages that a bot gets where its channel's option `native` names them; `nfm_reply` is an answered form."""


class _Text(msgspec.Struct):
    body: str


class _Media(msgspec.Struct):
    """Of all kinds; a file is fetched by its id."""

    id: str
    mime_type: str | None = None
    filename: str | None = None
    caption: str | None = None
    voice: bool = False


class _Location(msgspec.Struct):
    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class _Name(msgspec.Struct):
    formatted_name: str


class _Phone(msgspec.Struct):
    phone: str | None = None
    wa_id: str | None = None


class _Contact(msgspec.Struct):
    name: _Name
    phones: list[_Phone] = []


class _Chosen(msgspec.Struct):
    id: str
    title: str = ""


class _Interactive(msgspec.Struct):
    button_reply: _Chosen | None = None
    list_reply: _Chosen | None = None


class _Button(msgspec.Struct):
    """Of a template."""

    text: str
    payload: str | None = None


class _Message(msgspec.Struct, rename={"sender": "from"}):
    id: Id
    type: str
    sender: Id | None = None
    from_user_id: Id | None = None
    group_id: str | None = None
    timestamp: int | str = 0
    text: _Text | None = None
    image: _Media | None = None
    video: _Media | None = None
    document: _Media | None = None
    audio: _Media | None = None
    voice: _Media | None = None
    location: _Location | None = None
    contacts: list[_Contact] | None = None
    interactive: _Interactive | None = None
    button: _Button | None = None


class _Error(msgspec.Struct):
    code: int = 0
    title: str = ""


class _Status(msgspec.Struct):
    id: str = ""
    status: str = ""
    errors: list[_Error] = []


class _Metadata(msgspec.Struct):
    phone_number_id: str | None = None


class _Value(msgspec.Struct):
    metadata: _Metadata | None = None
    messages: list[_Message] = []
    statuses: list[_Status] = []


class _Change(msgspec.Struct):
    field: str
    value: _Value | None = None


class _Entry(msgspec.Struct):
    changes: list[_Change] = []


class _Delivery(msgspec.Struct):
    object: str
    entry: list[_Entry] = []


class _LooseValue(msgspec.Struct):
    metadata: _Metadata | None = None
    messages: list[msgspec.Raw] = []


class _LooseChange(msgspec.Struct):
    value: msgspec.Raw = msgspec.Raw(b"{}")


class _LooseEntry(msgspec.Struct):
    changes: list[_LooseChange] = []


class _LooseDelivery(msgspec.Struct):
    entry: list[_LooseEntry] = []


_decoder = msgspec.json.Decoder(_Delivery)
_loose_decoder = msgspec.json.Decoder(_LooseDelivery)
_loose_value_decoder = msgspec.json.Decoder(_LooseValue)
_message_decoder = msgspec.json.Decoder(_Message)


class Said(NamedTuple):
    """An update, and by what else its user is known."""

    update: Update
    id: str | None = None
    """That WhatsApp gives to those who hide their number; None for others, as far as it says."""
    number: str | None = None


def read(body: bytes, channel: str, phone_number_id: str, native: Collection[str] = ()) -> list[Said]:
    """Read a delivery: its updates in the order of their times.

    Args:
        body: JSON.
        channel: Name of the instance.
        phone_number_id: Messages to other numbers are left out: one URL serves all numbers of an app.
        native: Kinds of `NATIVE` that the bot gets as they are.

    Raises:
        BadRequest: It is no delivery of WhatsApp.
    """
    found: dict[str, Said] = {}
    for message in _messages(body, phone_number_id):
        user = message.sender or message.from_user_id
        said = _message(message)
        if user is None or said is None or message.group_id is not None:
            continue
        key = update_key(message.id)
        # What shows that the bot is typing needs the id of the message that it answers.
        sequence = milliseconds(message.timestamp)
        update = Update(Dialog(channel, user), key, said, sequence, {"message_id": message.id, **said_at(sequence)})
        found.setdefault(key, Said(update, message.from_user_id, message.sender))
    if native:
        found |= {one.update.key: one for one in _native(body, channel, phone_number_id, native)}
    return sorted(found.values(), key=lambda one: one.update.sequence or 0)


def _messages(body: bytes, phone_number_id: str) -> Iterator[_Message]:
    try:
        delivery = decode(_decoder, body)
    except BadRequest:
        yield from _understood(body, phone_number_id)
        return
    if delivery.object != "whatsapp_business_account":
        return
    for entry in delivery.entry:
        for change in entry.changes:
            if change.field == "messages" and change.value and _is_for(change.value.metadata, phone_number_id):
                yield from change.value.messages
                _say_failed(change.value.statuses)


def _understood(body: bytes, phone_number_id: str) -> Iterator[_Message]:
    """Yield the messages that are what we know: the others must not bring a delivery back for seven days."""
    for raw in _raw_messages(body, phone_number_id):
        try:
            yield decode(_message_decoder, raw)
        except BadRequest:
            continue


def _raw_messages(body: bytes, phone_number_id: str) -> Iterator[msgspec.Raw]:
    for entry in decode(_loose_decoder, body).entry:
        for change in entry.changes:
            try:
                value = decode(_loose_value_decoder, change.value)
            except BadRequest:
                continue
            if _is_for(value.metadata, phone_number_id):
                yield from value.messages


def _native(body: bytes, channel: str, phone_number_id: str, native: Collection[str]) -> Iterator[Said]:
    for message, key in natives.objects(list(_raw_messages(body, phone_number_id))):
        kind, value = message.get("type"), message
        if kind == "interactive" and isinstance(message.get("interactive"), dict):
            value = message["interactive"]
            kind = value.get("type")
        number, id = natives.user_of(message.get("from")), natives.user_of(message.get("from_user_id"))
        user = number or id
        if isinstance(kind, str) and kind in native and user is not None and "group_id" not in message:
            timestamp = message.get("timestamp")
            sequence = milliseconds(timestamp) if isinstance(timestamp, int | str) else None
            told = natives.message(kind, value.get(kind, value.get("errors")))
            address = None if kind == "system" else said_at(sequence) or None
            yield Said(Update(Dialog(channel, user), key, told, sequence, address), id, number)


def _is_for(metadata: _Metadata | None, phone_number_id: str) -> bool:
    return metadata is not None and metadata.phone_number_id == phone_number_id


def _say_failed(statuses: list[_Status]) -> None:
    """A message that was accepted can fail later: nothing can be done, and the operator is to know."""
    for status in statuses:
        if status.status == "failed":
            why = ", ".join(f"{error.code} {error.title}" for error in status.errors) or "no reason said"
            logger.warning("WhatsApp did not deliver a message that it had taken: %s", why)


def _message(message: _Message) -> Message | None:
    """Return what a bot is told; None for kinds that it has nothing to say to (stickers, reactions)."""
    make = _KINDS.get(message.type)
    try:
        return None if make is None else make(message)
    except AttributeError:  # its type names what it does not have
        return None


def _file(file: Any, **more: Any) -> dict[str, Any]:
    found = {
        "file_id": file.id,
        "mime_type": file.mime_type,
        "name": file.filename,
        "caption": file.caption,
        "voice": file.voice or None,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


def _place(place: Any) -> Message:
    found = {
        "latitude": place.latitude, "longitude": place.longitude, "name": place.name, "address": place.address
    }  # fmt: skip
    return {"location": {name: value for name, value in found.items() if value is not None}}


def _person(contacts: Any) -> Message | None:
    if not contacts:
        return None
    first: _Contact = contacts[0]
    phone = first.phones[0] if first.phones else _Phone()
    found = {"name": first.name.formatted_name, "phone": phone.phone, "user_id": phone.wa_id}
    return {"contact": {name: value for name, value in found.items() if value is not None}}


def _chosen(interactive: Any) -> Message | None:
    chosen: _Chosen | None = interactive.button_reply or interactive.list_reply
    return None if chosen is None else _pressed(chosen.id, chosen.title)


def _pressed(payload: str, title: str) -> Message:
    """Return a press: WhatsApp shows the title as the user's own words."""
    title = title or payload
    return {"text": title, "button": {"payload": payload, "title": title}}


_KINDS: Mapping[str, Callable[[Any], Message | None]] = {
    "text": lambda message: {"text": message.text.body},
    "image": lambda message: {"image": _file(message.image)},
    "video": lambda message: {"video": _file(message.video)},
    "document": lambda message: {"file": _file(message.document)},
    "audio": lambda message: {"audio": _file(message.audio)},
    "voice": lambda message: {"audio": _file(message.voice, voice=True)},
    "location": lambda message: _place(message.location),
    "contacts": lambda message: _person(message.contacts),
    "interactive": lambda message: _chosen(message.interactive),
    "button": lambda message: _pressed(message.button.payload or message.button.text, message.button.text),
}
