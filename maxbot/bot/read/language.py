"""The keys of a bot's files: the one place where the language of `bot.yaml` is declared.

What is declared here is read and checked, is `maxbot schema`, and makes the tables of the reference.
"""

import re
import warnings
from typing import Any

from maxbot.bot.read.kinds import FLAG, TEXT, WRONG, Choice, Expression, Kind, ListOf, Schema, Schemas, Template, Wrong
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.records import Key, Record
from maxbot.bot.read.values import Mapping, Scalar, Value
from maxbot.dialog.definitions import (
    EntityDefinition,
    EntityValueDefinition,
    HandlerDefinition,
    IntentDefinition,
    NodeDefinition,
    NodeSettings,
    RpcMethodDefinition,
    RpcParameter,
    SlotDefinition,
    SubtreeDefinition,
    SubtreeReference,
)
from maxbot.dialog.source import Place, Source


class Regexp(Kind):
    """A regular expression of Python's module `re`."""

    title = "regular expression"

    def read(self, value: Value, reading: Reading, name: str) -> Source | Wrong:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, "a regular expression, a text")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(value.text)
        except (re.error, RecursionError, OverflowError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
            reading.mistakes.add(value.place, f"this is no regular expression: {reason}")
            return WRONG
        return value.source()

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"type": ["string", "number"], "format": "regex"}


class Item(Kind):
    """What stands in a list of nodes: a node or a reference to a subtree."""

    title = "node or subtree"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if (
            not isinstance(value, Mapping)
            or "subtree" not in value.keys
            or {"condition", "response"} <= value.keys.keys()
        ):
            return NODE.read(value, reading, name)
        return SUBTREE.read(value, reading, name)

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"anyOf": [NODE.json_schema(schemas), SUBTREE.json_schema(schemas)]}


ITEMS = ListOf(Item(), "nodes")


def _check_node(node: Mapping, reading: Reading) -> bool:
    label = node.entries.get("label")
    if isinstance(label, Scalar):
        reading.labels.append((label.text, label.place))
    needs = [key for key in ("followup", "slot_filling") if key in node.keys]
    if not needs or "label" in node.keys:
        return True
    reading.mistakes.add(node.place, f"a node with {needs[0]!r} needs a label, a name of its own: 'label: ...'")
    return False


def _node(place: Place, **values: Any) -> NodeDefinition:
    label = values.pop("label", None)
    if label is None:
        return NodeDefinition(place=place, **values)
    return NodeDefinition(place=place, label=label.text, label_place=label.place, **values)


def _settings(place: Place, **values: Any) -> NodeSettings:
    return NodeSettings(**values)


def _parameter(place: Place, name: str, required: bool = False) -> RpcParameter:
    return RpcParameter(name=name, required=required)


def _method(place: Place, method: Source, params: tuple[RpcParameter, ...] = ()) -> RpcMethodDefinition:
    last = {parameter.name: parameter for parameter in params}
    return RpcMethodDefinition(method=method.text, params=tuple(last.values()), place=method.place)


def _note_method(method: Mapping, reading: Reading) -> bool:
    name = method.entries.get("method")
    if isinstance(name, Scalar):
        reading.methods.append((name.text, name.place))
    return True


def _subtree(place: Place, name: Source, **values: Any) -> SubtreeDefinition:
    return SubtreeDefinition(name=name.text, place=name.place, **values)


def _check_reference(reference: Mapping, reading: Reading) -> bool:
    name = reference.entries.get("subtree")
    if isinstance(name, Scalar):
        reading.references.append((SubtreeReference(name=name.text, place=name.place), reading.subtree))
    return True


def _reference(place: Place, subtree: Source) -> SubtreeReference:
    return SubtreeReference(name=subtree.text, place=subtree.place)


class PlacedText(Kind):
    """A name whose place is of interest later."""

    title = TEXT.title

    def read(self, value: Value, reading: Reading, name: str) -> Source | Wrong:
        if not isinstance(value, Scalar):
            return self._mistake(value, reading, name, "a text")
        return value.source()

    def json_schema(self, schemas: Schemas) -> Schema:
        return TEXT.json_schema(schemas)


SLOT = Record(
    "slot",
    "A value that the node asks for.",
    Key("name", TEXT, "the value is `slots.NAME`", required=True),
    Key("check_for", Expression(), "a true value fills the slot", required=True),
    Key("value", Expression(), "evaluated once `check_for` was true; its result is stored instead", default="none"),
    Key("condition", Expression(), "a slot whose condition is false is passed over", default="always"),
    Key(
        "prompt",
        Template("listen_again", "response"),
        "asks for the value; a slot without one is optional",
        default="none",
    ),
    Key(
        "found",
        Template("move_on", "prompt_again", "listen_again", "response"),
        "runs each time the slot was filled",
        default="none",
    ),
    Key(
        "not_found",
        Template("prompt_again", "listen_again", "response"),
        "runs if nobody understood the message",
        default="none",
    ),
    make=SlotDefinition,
)

HANDLER = Record(
    "slot handler",
    "An answer while slots are asked.",
    Key("condition", Expression(), "is the handler meant?", required=True),
    Key("response", Template("move_on", "response"), "what it says", required=True),
    make=HandlerDefinition,
)

SETTINGS = Record(
    "settings",
    "What else a node says of itself.",
    Key(
        "after_digression_followup",
        Choice("allow_return", "never_return"),
        "whether a digression comes back to this node",
        default="allow_return",
    ),
    make=_settings,
)

NODE = Record(
    "node",
    "An answer: the first node whose condition is true answers.",
    Key("condition", Expression(), "is the node meant?", required=True),
    Key(
        "response",
        Template("listen", "followup", "jump_to", "end"),
        "what the node says; may be empty",
        required=True,
    ),
    Key("label", PlacedText(), "the node's name, unique in the whole bot", default="none"),
    Key("followup", ITEMS, "nodes that wait for the answer to this one; needs a label", default="none"),
    Key("slot_filling", ListOf(SLOT, "slots"), "what is asked before the response; needs a label", default="none"),
    Key("slot_handlers", ListOf(HANDLER, "handlers"), "answers while slots are asked", default="none"),
    Key("settings", SETTINGS, "what else the node says of itself", default="none"),
    make=_node,
    finish=_check_node,
)

SUBTREE = Record(
    "subtree reference",
    "The nodes of a file in `dialog/` take part here.",
    Key("subtree", PlacedText(), "the `name` in that file; each is used once", required=True),
    make=_reference,
    finish=_check_reference,
)

SUBTREE_FILE = Record(
    "subtree",
    "Nodes in a file of their own, below `dialog/`.",
    Key("name", PlacedText(), "what a reference says", required=True),
    Key("nodes", ITEMS, "the nodes; may be empty", required=True),
    Key("guard", Expression(), "whether the nodes take part", default="true"),
    make=_subtree,
)

INTENT = Record(
    "intent",
    "Something that users want, with examples of how they say it.",
    Key("name", TEXT, "it is `intents.NAME` in conditions", required=True),
    Key("examples", ListOf(TEXT, "texts", at_least=1), "what users say", required=True),
    make=IntentDefinition,
)

ENTITY_VALUE = Record(
    "entity value",
    "A value, and how it is recognised.",
    Key("name", TEXT, "it is `entities.ENTITY.NAME` in conditions", required=True),
    Key("phrases", ListOf(TEXT, "texts"), "words that stand for it", default="none"),
    Key("regexps", ListOf(Regexp(), "regular expressions"), "as in Python's `re`", default="none"),
    make=EntityValueDefinition,
)

ENTITY = Record(
    "entity",
    "Something to be found in messages.",
    Key("name", TEXT, "it is `entities.NAME` in conditions", required=True),
    Key("values", ListOf(ENTITY_VALUE, "values"), "the values it may have", default="none"),
    make=EntityDefinition,
)

RPC_PARAMETER = Record(
    "RPC parameter",
    "A parameter of a method: any JSON value but null.",
    Key("name", TEXT, "it is `params.NAME` in conditions", required=True),
    Key("required", FLAG, "whether a request without it is refused", default="false"),
    make=_parameter,
)

RPC_METHOD = Record(
    "RPC method",
    "What another program may ask for.",
    Key("method", PlacedText(), "its name; it is `rpc.METHOD` in conditions; unique", required=True),
    Key("params", ListOf(RPC_PARAMETER, "parameters"), "what a request may have", default="none"),
    make=_method,
    finish=_note_method,
)

RPC = ListOf(RPC_METHOD, "methods")
INTENTS = ListOf(INTENT, "intents")
ENTITIES = ListOf(ENTITY, "entities")
