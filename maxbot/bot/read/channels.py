"""The section `channels`: each channel's options are those of its class."""

import re
from collections.abc import Mapping as Lookup
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from maxbot.bot.read.kinds import Kind, Schema, Schemas
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.values import Broken, Mapping, Scalar, Sequence, Value
from maxbot.channels import registry
from maxbot.channels.base import Channel
from maxbot.dialog.definitions import ChannelDefinition
from maxbot.errors import UsageError

Types: TypeAlias = Lookup[str, type[Channel]]
"""Classes of channels, by the name of their type."""


class Channels(Kind):
    """A mapping of the channels' names to their options."""

    title = "mapping of channels to their options"

    def __init__(self, own: Types = MappingProxyType({})) -> None:
        self._own = own

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Mapping):
            return self._mistake(value, reading, name, "a mapping of channels: 'web: {}'")
        # What is written behind a key may be a token, and errors are printed and sent around.
        with reading.mistakes.hidden():
            found = [_Reader(self._own, reading).read(value, name) for name in value.entries]
        return tuple(channel for channel in found if channel is not None)

    def json_schema(self, schemas: Schemas) -> Schema:
        known = {type_: _options_schema(type_, schemas) for type_ in registry.known_types()}
        instance = {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": list(registry.known_types())}},
        }
        return {"type": "object", "properties": known, "additionalProperties": instance}


def make_channel(definition: ChannelDefinition, own: Types = MappingProxyType({})) -> Channel:
    """Return the channel.

    Args:
        definition: As it was read.
        own: Classes of channels of the author's own, by type.

    Raises:
        BotError: Its class refuses the options; has the place of the channel.
    """
    channel_class: Any = own.get(definition.type) or registry.channel_class(definition.type)
    try:
        channel: Channel = channel_class(**definition.options)
    except (ValueError, UsageError) as error:
        raise definition.place.error(f"channel {definition.name!r}: {error}") from error
    if definition.name != definition.type:
        channel.name = definition.name
    return channel


class _Reader:
    def __init__(self, own: Types, reading: Reading) -> None:
        self._own = own
        self._reading = reading
        self._known = registry.known_types()

    def read(self, channels: Mapping, name: str) -> ChannelDefinition | None:
        reading, place, value = self._reading, channels.keys[name], channels.entries[name]
        if isinstance(value, Scalar) and value.is_null:
            value = Mapping({}, {}, value.place)
        if isinstance(value, Broken):
            return None
        type_ = self._type(name, value, channels)
        if type_ is None:
            return None
        if not isinstance(value, Mapping):
            reading.mistakes.add(value.place, f"the channel {name!r} is a mapping of options: 'key: value'")
            return None
        if not name or ":" in name or "/" in name:
            reading.mistakes.add(place, f"a channel has a name without colon and slash, not {name!r}")
            return None
        try:
            options = self._options(value, type_)
        except UsageError as error:
            reading.mistakes.add(place, str(error))
            return None
        return None if options is None else ChannelDefinition(name=name, type=type_, options=options, place=place)

    def _type(self, name: str, value: Value, channels: Mapping) -> str | None:
        given = value.entries.get("type") if isinstance(value, Mapping) else None
        mistakes = self._reading.mistakes
        if isinstance(given, Broken):
            return None
        if given is None:
            if name in self._own or name in self._known:
                return name
            message = f"unknown channel {shown(name)} (a name of your own needs a 'type')"
            mistakes.add_unknown(channels.keys[name], message, name, [*self._own, *self._known])
        elif isinstance(given, Scalar) and (given.text in self._own or given.text in self._known):
            return given.text
        else:
            word = given.text if isinstance(given, Scalar) else ""
            mistakes.add_unknown(given.place, "unknown type of a channel", word, [*self._own, *self._known])
        return None

    def _options(self, options: Mapping, type_: str) -> dict[str, Any] | None:
        found: Any = self._own.get(type_) or registry.channel_class(type_)
        if hasattr(found, "Options"):
            return _read_options(options, type_, found.Options, self._reading)
        try:
            return {"config": _config(found, _given(options))}
        except ValueError as error:
            self._reading.mistakes.add(options.place, f"channel {type_!r}: {error}")
            return None


def _config(channel_class: Any, config: dict[str, Any]) -> Any:
    """Return the configuration of a channel of the author's own, as its own schema converts it."""
    if channel_class.ConfigSchema is not None:
        # Imported here: few bots have schemas.
        from maxbot.bot.schemas import read_schema

        return read_schema(channel_class.ConfigSchema).load(config)
    if config:
        raise ValueError(f"it has no ConfigSchema, so there is nothing to configure: no {', '.join(config)}")
    return config


def _read_options(options: Mapping, type_: str, struct: Any, reading: Reading) -> dict[str, Any] | None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    # Names first: the errors of msgspec name one key, and not where it stands.
    right = True
    for key, field in fields.items():
        if field.required and key not in options.keys:
            reading.mistakes.add(options.place, f"the key {key!r} is missing for this {type_}")
            right = False
        elif key in options.entries:
            right = _check_option(struct, options, key, reading) and right
    for key, place in options.keys.items():
        if key not in fields and key != "type":
            reading.mistakes.add_unknown(place, f"unknown key {shown(key)} for {type_}", key, fields)
            right = False
    if not right:
        return None
    converted = msgspec.convert(_given(options), struct, strict=False)
    return msgspec.structs.asdict(converted)


def _check_option(struct: Any, options: Mapping, key: str, reading: Reading) -> bool:
    field = next(field for field in msgspec.structs.fields(struct) if field.encode_name == key)
    value = options.entries[key]
    if isinstance(value, Broken):
        return False
    try:
        msgspec.convert(_plain(value), field.type, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        place, shown = _find(value, path.strip("`"))
        reading.mistakes.add(place, f"{key}{shown}: {message}")
        return False
    return True


def _given(options: Mapping) -> dict[str, Any]:
    return {key: _plain(value) for key, value in options.entries.items() if key != "type"}


def _plain(value: Value) -> Any:
    if isinstance(value, Scalar):
        return None if value.is_null else value.text
    if isinstance(value, Sequence):
        return [_plain(item) for item in value.items]
    return {key: _plain(item) for key, item in value.entries.items()} if isinstance(value, Mapping) else None


def _find(value: Value, path: str) -> tuple[Any, str]:
    """Return the place of what msgspec calls `$.a.b[0]`, and its name."""
    shown = ""
    for key, index in re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", path):
        if key and isinstance(value, Mapping) and key in value.entries:
            value, shown = value.entries[key], f"{shown}.{key}"
        elif index and isinstance(value, Sequence):
            value, shown = value.items[int(index)], f"{shown}[{index}]"
        else:
            break
    return value.place, shown


def _options_schema(type_: str, schemas: Schemas) -> Schema:
    struct: Any = registry.channel_class(type_).Options  # type: ignore[attr-defined]
    (schema,), components = msgspec.json.schema_components([struct], ref_template="#/definitions/{name}")
    schemas.update(components)
    name = f"{type_}_channel"
    schemas[name] = schemas.pop(schema["$ref"].rpartition("/")[2])
    schemas[name].setdefault("properties", {})["type"] = {"const": type_}
    return {"$ref": f"#/definitions/{name}"}
