"""What the author of a bot wrote, checked: plain values that name their places. How it was written is left to `bot/`.

Templates and expressions are `Source`s, names are texts. `place` is where the definition starts, for errors.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from maxbot.dialog.source import Place, Source

Item: TypeAlias = "NodeDefinition | SubtreeReference"
"""What stands in a list of nodes."""


class SlotDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A value that a node asks for."""

    name: str
    check_for: Source
    """An expression: a true value fills the slot."""
    value: Source | None = None
    """An expression, evaluated for the value once `check_for` was true."""
    condition: Source | None = None
    """An expression: the slot is passed over where it is false."""
    prompt: Source | None = None
    found: Source | None = None
    not_found: Source | None = None
    place: Place


class HandlerDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """An answer while slots are asked."""

    condition: Source
    response: Source
    place: Place


class SubtreeReference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the nodes of a subtree take part."""

    name: str
    """That of a subtree which is there and used nowhere else: the reader has checked it."""
    place: Place
    """Of the name."""


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What else a node may say of itself."""

    after_digression_followup: Literal["allow_return", "never_return"] = "allow_return"


class NodeDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the dialog."""

    condition: Source
    response: Source
    label: str | None = None
    """Unique in the whole tree, subtrees included."""
    followup: tuple[Item, ...] | None = None
    """None where the key is missing."""
    slot_filling: tuple[SlotDefinition, ...] | None = None
    """None where the key is missing; an empty one is finished at once."""
    slot_handlers: tuple[HandlerDefinition, ...] = ()
    settings: NodeSettings = NodeSettings()
    place: Place
    label_place: Place | None = None


class SubtreeDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes that a file of their own holds."""

    name: str
    nodes: tuple[Item, ...]
    guard: Source | None = None
    """An expression: whether the nodes take part; None is always."""
    place: Place
    """Of the name."""


class RpcParameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of an RPC method: any JSON value but null."""

    name: str
    required: bool = False


class RpcMethodDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What another program may ask for."""

    method: str
    params: tuple[RpcParameter, ...] = ()
    """Each name once: of two the reader keeps the last."""
    place: Place


class IntentDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Examples of what a user wants. Several of one name are one intent with all their examples."""

    name: str
    examples: tuple[str, ...]
    place: Place


class EntityValueDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A value of an entity and how it is recognised."""

    name: str
    phrases: tuple[str, ...] = ()
    regexps: tuple[Source, ...] = ()
    """Python's regular expressions; the reader has compiled each once, to see that it can be."""
    place: Place


class EntityDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be found in messages. Of two of one name both find, the last one's values are the defined ones."""

    name: str
    values: tuple[EntityValueDefinition, ...] = ()
    place: Place


class ExtensionDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """An extension that is switched on, and its configuration as plain data."""

    name: str
    config: dict[str, Any]
    """Converted where maxbot knows the extension; texts, lists and mappings of an extension of the author's own."""
    place: Place
    """Of the name."""
    places: dict[tuple[str | int, ...], Place] = {}
    """Where each value of `config` stands, by the keys and numbers that lead to it."""


class ChannelDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A channel, and its options as plain data."""

    name: str
    """The instance's: first part of its dialogs and its path."""
    type: str
    """Which platform: `name` itself where the author gives no `type`."""
    options: dict[str, Any]
    """Checked against the channel's own `Options`."""
    place: Place
    """Of the name."""


class BotDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A whole bot."""

    extensions: tuple[ExtensionDefinition, ...] = ()
    """In the order in which they are applied."""
    channels: tuple[ChannelDefinition, ...] = ()
    rpc: tuple[RpcMethodDefinition, ...] = ()
    dialog: tuple[Item, ...] = ()
    subtrees: tuple[SubtreeDefinition, ...] = ()
    """By the names of their files; also those that nobody uses."""
    intents: tuple[IntentDefinition, ...] = ()
    entities: tuple[EntityDefinition, ...] = ()
