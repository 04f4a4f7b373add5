"""The keys of a file of stories: conversations that a bot must have."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from maxbot.bot.read.extensions import plain
from maxbot.bot.read.kinds import FLAG, INTEGER, TEXT, URL, WRONG, Kind, ListOf, Schema, Schemas, Table, Text
from maxbot.bot.read.language import PlacedText
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.bot.read.records import Key, Record
from maxbot.bot.read.resources import read_yaml
from maxbot.bot.read.values import Broken, Mapping, Scalar, Sequence, Value
from maxbot.dialog.definitions import RpcMethodDefinition
from maxbot.dialog.source import Document, Place, Source


class StoryTurn(msgspec.Struct, frozen=True, kw_only=True):
    """What happens, and what the bot must answer."""

    message: dict[str, Any] | None = None
    rpc: dict[str, Any] | None = None
    """`method` and `params`; either this or a message is there."""
    response: tuple[Source, ...]
    """Documents of reply commands, of which one must fit."""
    utc_time: datetime | None = None
    """Aware, in UTC."""
    place: Place


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation of a new user."""

    name: str
    turns: tuple[StoryTurn, ...]
    markers: tuple[str, ...] = ()
    xfail: bool = False
    """It may fail."""
    place: Place


def read_stories(document: Document, methods: Iterable[RpcMethodDefinition] | None = None) -> tuple[Story, ...]:
    """Return the stories of a file.

    Args:
        document: The file.
        methods: Those of the bot; None leaves requests unchecked.

    Raises:
        BotError: It is none; has every mistake, the first one first.
    """
    reading = Reading()
    if methods is not None:
        reading.callable_methods = {method.method: method for method in methods}
    root = read_yaml(document, reading.mistakes)
    if root is None:
        raise document.error("there is nothing in this file, expected: a list of stories")
    found = STORIES.read(root, reading, "this file")
    reading.mistakes.raise_if_any()
    stories: tuple[Story, ...] = found
    return stories


def _utc_time(text: str) -> datetime:
    # A date alone is midnight to Python, and a mistake here.
    try:
        time = datetime.fromisoformat(text if ":" in text else "")
    except ValueError:
        raise ValueError("a date and a time, as 2024-05-14T09:30") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


class _Any(Kind):
    """A value that the bot's own code makes something of: texts, lists and mappings."""

    title = "any value"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        return WRONG if isinstance(value, Broken) else plain(value)

    def json_schema(self, schemas: Schemas) -> Schema:
        return {}


class _Params(Table):
    """Parameters of a request: a mapping whose scalars are texts, or a JSON object with numbers, flags and lists."""

    def __init__(self) -> None:
        super().__init__(_Any(), "values")
        self.title = "mapping of names to values, or a JSON object"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        found = _json_object(value)
        return super().read(value, reading, name) if found is None else found

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"anyOf": [super().json_schema(schemas), {"type": "string"}]}


def _json_object(value: Value) -> dict[str, Any] | None:
    """Return the object that a text is, None if it is none."""
    if not isinstance(value, Scalar):
        return None
    try:
        found = msgspec.json.decode(value.text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return found if isinstance(found, dict) else None


def _params_places(params: Value | None) -> dict[str, Place]:
    """Return where each parameter stands."""
    if isinstance(params, Mapping):
        return params.keys
    return {} if params is None else dict.fromkeys(_json_object(params) or (), params.place)


class _Message(Kind):
    """A text, or a message with its kinds; those of the author's own are checked by the bot."""

    title = "text or message"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if not isinstance(value, Mapping):
            text = TEXT.read(value, reading, name)
            return text if text is WRONG else {"text": text}
        if "image" not in value.entries:
            return plain(value)
        image = IMAGE.read(value.entries["image"], reading, "'image'")
        return image if image is WRONG else {**plain(value), "image": image}

    def json_schema(self, schemas: Schemas) -> Schema:
        message = {"type": "object", "properties": {"text": TEXT.json_schema({}), "image": IMAGE.json_schema(schemas)}}
        return {"anyOf": [TEXT.json_schema(schemas), message]}


class _Responses(Kind):
    """A text, or a list of texts."""

    title = "text or list of texts"

    def read(self, value: Value, reading: Reading, name: str) -> Any:
        if isinstance(value, Sequence):
            return _RESPONSES.read(value, reading, name)
        found = _RESPONSE.read(value, reading, name)
        return WRONG if found is WRONG else (found,)

    def json_schema(self, schemas: Schemas) -> Schema:
        return {"anyOf": [_RESPONSE.json_schema(schemas), _RESPONSES.json_schema(schemas)]}


_RESPONSE = PlacedText()
_RESPONSES = ListOf(_RESPONSE, "texts")


def _dict(place: Place, **values: Any) -> dict[str, Any]:
    return values


def _check_turn(turn: Mapping, reading: Reading) -> bool:
    given = [key for key in ("message", "rpc") if key in turn.keys]
    if len(given) == 1:
        return True
    what = "both a message and a request" if given else "neither 'message' nor 'rpc'"
    reading.mistakes.add(turn.place, f"this turn has {what}, expected: one of them")
    return False


def _check_request(request: Mapping, reading: Reading) -> bool:
    name, params = request.entries.get("method"), request.entries.get("params")
    methods = reading.callable_methods
    if methods is None or not isinstance(name, Scalar):
        return True
    if name.text not in methods:
        reading.mistakes.add_unknown(name.place, f"the bot has no method {shown(name.text)}", name.text, methods)
        return False
    given = _params_places(params)
    known = {parameter.name: parameter for parameter in methods[name.text].params}
    missing = [parameter.name for parameter in known.values() if parameter.required and parameter.name not in given]
    unknown = [key for key in given if key not in known]
    for parameter_name in missing:
        reading.mistakes.add(request.place, f"the parameter {shown(parameter_name)} is missing in this request")
    for key in unknown:
        reading.mistakes.add_unknown(given[key], f"{name.text!r} has no parameter {shown(key)}", key, known)
    return not missing and not unknown


IMAGE = Record(
    "image",
    "A picture that the user sends.",
    Key("url", URL, "where it is", required=True),
    Key("size", INTEGER, "bytes", default="none"),
    Key("caption", TEXT, "the text below it", default="none"),
    make=_dict,
)

REQUEST = Record(
    "RPC request",
    "What another program asks for.",
    Key("method", TEXT, "one of the bot's methods", required=True),
    Key("params", _Params(), "its parameters; all scalars are texts, unless in JSON", default="none"),
    make=_dict,
    finish=_check_request,
)

TURN = Record(
    "turn of a story",
    "What happens, and what the bot must answer.",
    Key("message", _Message(), "what the user says; or `rpc`", default="none"),
    Key("rpc", REQUEST, "a request of another program; or `message`", default="none"),
    Key("response", _Responses(), "what the bot must answer; of a list one must fit", required=True),
    Key(
        "utc_time",
        Text("date and time", _utc_time, {"type": "string"}),
        "when it happens",
        default="10 seconds after the turn before",
    ),
    make=StoryTurn,
    finish=_check_turn,
)

STORY = Record(
    "story",
    "A conversation of a new user.",
    Key("name", TEXT, "what reports call it", required=True),
    Key("turns", ListOf(TURN, "turns"), "in their order", required=True),
    Key("markers", ListOf(TEXT, "texts"), "marks of pytest, as `skip`", default="none"),
    Key("xfail", FLAG, "whether it may fail", default="false"),
    make=Story,
)

STORIES = ListOf(STORY, "stories")
