"""What a bot's YAML may hold: its sections and keys, turned into channels and the nodes of the dialog."""

import importlib
import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from maxbot.bot.read.resources import Mapping, Scalar, Sequence, Value, suggestion
from maxbot.channels.base import Channel
from maxbot.dialog.definitions import NodeDefinition
from maxbot.errors import BotError, UsageError

# Only what a file names is imported: channels bring HTTP clients with them.
CHANNELS = {
    "telegram": "maxbot.channels.telegram:TelegramChannel",
    "web": "maxbot.channels.web.channel:WebChannel",
}

# Keys of the language that later versions know.
LATER_SECTIONS = ("intents", "entities", "rpc", "extensions")
LATER_NODE_KEYS = ("followup", "slot_filling", "slot_handlers", "settings", "subtree")


@dataclass(frozen=True)
class BotDefinition:
    """What a YAML file says."""

    channels: list[Channel] = field(default_factory=list)
    dialog: list[NodeDefinition] = field(default_factory=list)


def read_bot(root: Value | None, file: str) -> BotDefinition:
    """Return what the YAML of a file says.

    Raises:
        BotError: It is not a bot; has file, line and column.
    """
    if root is None:
        raise BotError("there is nothing in this file; a bot has the sections 'channels' and 'dialog'", file=file)
    top = _mapping(root, "a bot")
    top.check_keys(optional=("channels", "dialog"), unsupported=LATER_SECTIONS)
    return BotDefinition(
        channels=read_channels(top.entries.get("channels")),
        dialog=read_dialog(top.entries.get("dialog")),
    )


def read_dialog(value: Value | None) -> list[NodeDefinition]:
    """Return the nodes of the section `dialog`."""
    if value is None or _is_null(value):
        return []
    if not isinstance(value, Sequence):
        raise value.place.error("the dialog is a list of nodes: '- condition: ...', '  response: ...'")
    nodes = []
    labels: dict[str, Scalar] = {}
    for item in value.items:
        node = _mapping(item, "a node")
        node.check_keys(("condition", "response"), ("label",), LATER_NODE_KEYS)
        if "label" in node.entries:
            label = _text(node.entries["label"], "a label")
            if label.text in labels:
                first = labels[label.text].place.line
                raise label.place.error(f"the label {label.text!r} is used already, in line {first}")
            labels[label.text] = label
        nodes.append(_read_node(node))
    return nodes


def _read_node(node: Mapping) -> NodeDefinition:
    label = node.entries.get("label")
    condition = _text(node.entries["condition"], "a condition")
    response = node.entries["response"]
    if not isinstance(response, Scalar):
        raise response.place.error("a response is a text; write several lines as a block: 'response: |'")
    name = label.text if isinstance(label, Scalar) else None
    return NodeDefinition(condition=condition.source(), response=response.source(), label=name, place=node.place)


def read_channels(value: Value | None) -> list[Channel]:
    """Return the channels of the section `channels`."""
    if value is None or _is_null(value):
        return []
    channels = _mapping(value, "the section 'channels'")
    try:
        return [_read_channel(channels, name) for name in channels.entries]
    except BotError as error:
        # What is written behind a key may be a token, and errors are printed and sent around.
        if error.source is not None:
            error.source = re.sub(r"(:\s+)\S.*", r"\1***", error.source, count=1)
        raise


def _read_channel(channels: Mapping, name: str) -> Channel:
    if name not in CHANNELS:
        raise channels.keys[name].error(f"unknown channel {name!r}{suggestion(name, CHANNELS)}")
    module, _, attribute = CHANNELS[name].partition(":")
    channel_class: Any = getattr(importlib.import_module(module), attribute)
    value = channels.entries[name]
    if _is_null(value):
        value = Mapping({}, {}, value.place)
    options = _mapping(value, f"the channel {name!r}")
    # Names first: the errors of msgspec name one key, and not where it stands.
    fields = msgspec.structs.fields(channel_class.Options)
    options.check_keys(
        required=(field.encode_name for field in fields if field.required),
        optional=(field.encode_name for field in fields if not field.required),
    )
    try:
        converted = msgspec.convert(_plain(options), channel_class.Options, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        place, shown = _find(options, path.strip("`"))
        raise place.error(f"{shown}: {message}" if shown else message) from None
    try:
        channel: Channel = channel_class(**msgspec.structs.asdict(converted))
    except (ValueError, UsageError) as error:
        raise channels.keys[name].error(f"channel {name!r}: {error}") from error
    return channel


_Plain: TypeAlias = "str | list[_Plain] | dict[str, _Plain] | None"


def _plain(value: Value) -> _Plain:
    if isinstance(value, Scalar):
        return None if value.is_null else value.text
    if isinstance(value, Sequence):
        return [_plain(item) for item in value.items]
    return {key: _plain(item) for key, item in value.entries.items()}


def _find(value: Value, path: str) -> tuple[Any, str]:
    """Return the place of what msgspec calls `$.a.b[0]`, and its name."""
    shown = ""
    for key, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        if key and isinstance(value, Mapping) and key in value.entries:
            value, shown = value.entries[key], f"{shown}.{key}" if shown else key
        elif index and isinstance(value, Sequence):
            value, shown = value.items[int(index)], f"{shown}[{index}]"
        else:
            break
    return value.place, shown


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and value.is_null


def _mapping(value: Value, name: str) -> Mapping:
    if not isinstance(value, Mapping):
        raise value.place.error(f"{name} is a mapping ('key: value'), not a {_kind(value)}")
    return value


def _text(value: Value, name: str) -> Scalar:
    if not isinstance(value, Scalar):
        raise value.place.error(f"{name} is a text, not a {_kind(value)}")
    if not value.text.strip():
        raise value.place.error(f"{name} is missing here")
    return value


def _kind(value: Value) -> str:
    return {Scalar: "text", Sequence: "list", Mapping: "mapping"}[type(value)]
