"""The sections of a bot as plain data: what resources give, and what resources of an author's own are asked for.

Each section has a method `load_SECTION(schema)`. All scalars are texts, as in YAML. A schema is what converts the data
(an object with `load(data)`, like marshmallow's), None leaves it as it is.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from maxbot.bot.calls import place_of
from maxbot.bot.read.bot import Options, Prepare, read_documents
from maxbot.bot.read.files import BotFiles
from maxbot.bot.read.mistakes import Mistakes
from maxbot.bot.read.resources import read_text, read_yaml
from maxbot.bot.read.values import Mapping, Scalar, Sequence, Value
from maxbot.dialog.definitions import BotDefinition
from maxbot.dialog.source import Document
from maxbot.errors import BotError

SECTIONS = ("extensions", "channels", "rpc", "dialog", "intents", "entities")
MAPPINGS = ("extensions", "channels")


class Sections(ABC):
    """Has the sections of a bot."""

    @abstractmethod
    def section(self, name: str) -> Any:
        """Return the data of a section, or `dialog_subtrees`: a list of them.

        Raises:
            BotError: A file cannot be read.
        """

    def load_extensions(self, schema: Any = None) -> Any:
        """Return the configuration of each extension by its name."""
        return _converted(self.section("extensions"), schema)

    def load_channels(self, schema: Any = None) -> Any:
        """Return the configuration of each channel by its name."""
        return _converted(self.section("channels"), schema)

    def load_rpc(self, schema: Any = None) -> Any:
        """Return the methods."""
        return _converted(self.section("rpc"), schema)

    def load_dialog(self, schema: Any = None) -> Any:
        """Return the nodes."""
        return _converted(self.section("dialog"), schema)

    def load_dialog_subtrees(self, schema: Any = None) -> Any:
        """Return the subtrees, each with `name`, `nodes` and perhaps `guard`."""
        return _converted(self.section("dialog_subtrees"), schema)

    def load_intents(self, schema: Any = None) -> Any:
        """Return the intents, each with `name` and `examples`."""
        return _converted(self.section("intents"), schema)

    def load_entities(self, schema: Any = None) -> Any:
        """Return the entities, each with `name` and `values`."""
        return _converted(self.section("entities"), schema)


def _converted(data: Any, schema: Any) -> Any:
    return data if schema is None else schema.load(data)


def parsed(document: Document) -> Any:
    """Return what a YAML document holds, as plain data.

    Raises:
        BotError: It cannot be read; has every mistake.
    """
    mistakes = Mistakes()
    value = read_yaml(document, mistakes)
    mistakes.raise_if_any()
    return None if value is None else _plain(value)


def _plain(value: Value) -> Any:
    match value:
        case Scalar():
            return value.text
        case Sequence():
            return [_plain(item) for item in value.items]
        case Mapping():
            return {name: _plain(item) for name, item in value.entries.items()}


def of_files(files: BotFiles, name: str) -> Any:
    """Return a section of a bot directory, from wherever its files have it."""
    if name == "dialog_subtrees":
        return [_file(path) for path in files.subtrees]
    own = (_file(files.bot) or {}).get(name)
    if name in MAPPINGS:
        return own or {}
    more = [*(own or [])]
    for path in getattr(files, name):
        more += _file(path) or []
    return more


def _file(path: Path) -> Any:
    return parsed(Document(str(path), read_text(path)))


class OwnResources:
    """Resources of an author's own: `builder.use_resources(obj)`. Of a section without a method there is nothing.

    Args:
        given: Has `load_extensions(schema)` and so on.
    """

    directory: Path | None = None

    def __init__(self, given: Any) -> None:
        self.given = given
        self.watched: list[Path] = []

    def read(self, prepare: Prepare, options: Options) -> BotDefinition:
        """Return the bot.

        Raises:
            BotError: It is none; the places are those in the data as JSON.
        """
        name = f"<{type(self.given).__name__}>"
        sections = {section: data for section in SECTIONS if (data := self._section(section)) is not None}
        subtrees = self._section("dialog_subtrees") or []
        return read_documents(
            _document(name, sections), [_document(f"{name} subtree", one) for one in subtrees], prepare, options
        )

    def _section(self, name: str) -> Any:
        method = getattr(self.given, f"load_{name}", None)
        if method is None:
            return None
        try:
            return method(_AsItIs())
        except BotError:
            raise
        except Exception as error:
            raise BotError(f"load_{name}: {type(error).__name__}: {error}", **place_of(method)) from error


class _AsItIs:
    """The schema that resources of an author's own are given: what is wrong is said when the whole bot is read."""

    def load(self, data: Any, **_: Any) -> Any:
        """Return the data."""
        return data

    def loads(self, text: str, **_: Any) -> Any:
        """Return the data of a YAML text."""
        return parsed(Document("<text>", text))


def _document(name: str, data: Any) -> Document:
    try:
        return Document(name, json.dumps(data, ensure_ascii=False, indent=1))
    except (TypeError, ValueError) as error:
        raise BotError(f"resources are dicts, lists and texts: {error}", file=name) from error
