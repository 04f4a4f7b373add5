"""Reads a whole bot, section by section in the order in which its parts build on each other."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maxbot.bot.read.channels import Channels, Types
from maxbot.bot.read.extensions import Extensions
from maxbot.bot.read.files import BotFiles
from maxbot.bot.read.kinds import WRONG, Kind, ListOf
from maxbot.bot.read.language import ENTITIES, INTENTS, ITEMS, RPC, SUBTREE_FILE
from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.names import check_methods, check_names
from maxbot.bot.read.reading import Reading, Syntax
from maxbot.bot.read.resources import read_text, read_yaml
from maxbot.bot.read.values import Broken, Mapping, Scalar, Sequence, Value, kind
from maxbot.dialog.definitions import BotDefinition, ExtensionDefinition, SubtreeDefinition
from maxbot.dialog.source import Document, Place
from maxbot.errors import BotError

INLINE = "<inline>"
"""What errors call the file of a bot that is a text."""

SECTIONS = ("extensions", "channels", "intents", "entities", "rpc", "dialog")

Prepare = Callable[[tuple[ExtensionDefinition, ...]], Syntax | None]
"""Applies the extensions; returns what knows the templates of this bot. May raise a BotError."""


def section_kind(name: str, own_extensions: Collection[str] = ()) -> Kind:
    """Return what a section of a bot holds."""
    kinds: dict[str, Kind] = {"intents": INTENTS, "entities": ENTITIES, "rpc": RPC, "dialog": ITEMS}
    if name == "extensions":
        return Extensions(own_extensions)
    return Channels() if name == "channels" else kinds[name]


@dataclass(frozen=True)
class Options:
    """What a bot's builder knows before the bot is read."""

    own_extensions: Collection[str] = ()
    """Names of extensions besides the built-in ones."""
    own_channels: Callable[[], Types] = dict
    """Returns the classes of channels besides the built-in ones, or in their place; asked behind the extensions."""
    recogniser: Callable[[], bool] = lambda: True
    """False: something else recognises intents and entities, and their sections are not read; asked behind the
    extensions."""


def read_inline(text: str, prepare: Prepare, options: Options = Options()) -> BotDefinition:
    """Return the bot that a text is. Arguments and errors are those of `read_files`."""
    return _Reader(prepare, options, BotFiles(Path(INLINE))).read(Document(INLINE, text))


def read_documents(
    document: Document, subtrees: Iterable[Document], prepare: Prepare, options: Options = Options()
) -> BotDefinition:
    """Return the bot that is written in one document, and its subtrees in others. See `read_files`."""
    return _Reader(prepare, options, BotFiles(Path(document.file), is_directory=True)).read(document, subtrees)


def read_files(files: BotFiles, prepare: Prepare, options: Options = Options()) -> BotDefinition:
    """Return the bot that some files are.

    Args:
        files: A single one, or all those of a directory.
        prepare: Is given the extensions before anything else of the bot is checked.
        options: What else decides how it is read.

    Raises:
        BotError: It is no bot; has every mistake of all files, the first one first.
    """
    return _Reader(prepare, options, files).read(Document(str(files.bot), read_text(files.bot)))


class _Reader:
    def __init__(self, prepare: Prepare, options: Options, files: BotFiles) -> None:
        self._prepare = prepare
        self._options = options
        self._files = files
        self._reading = Reading()
        self._mistakes = self._reading.mistakes
        self._all_read = True
        """False: a name that is missing may be in what could not be read."""

    def read(self, document: Document, subtrees: Iterable[Document] = ()) -> BotDefinition:
        top = self._top(document)
        extensions = self._extensions(top)
        channels = self._section(top, "channels", Channels(self._options.own_channels()))
        rpc = self._alternative(top, "rpc", RPC, self._files.rpc)
        check_methods(self._reading)
        dialog = self._alternative(top, "dialog", ITEMS, self._files.dialog)
        trees = [self._subtree(one) for one in (*map(self._document, self._files.subtrees), *subtrees)]
        intents: tuple[Any, ...] = ()
        entities: tuple[Any, ...] = ()
        if self._options.recogniser() and not any(extension.name == "rasa" for extension in extensions):
            intents = self._together(top, "intents", INTENTS, self._files.intents)
            entities = self._together(top, "entities", ENTITIES, self._files.entities)
        check_names(self._reading, self._all_read, self._files.is_directory)
        self._mistakes.raise_if_any()
        return BotDefinition(
            extensions=extensions,
            channels=channels,
            rpc=rpc,
            dialog=dialog,
            subtrees=tuple(tree for tree in trees if tree is not None),
            intents=intents,
            entities=entities,
        )

    def _top(self, document: Document) -> Mapping:
        root = self._yaml(document)
        if isinstance(root, Mapping):
            for key, place in root.keys.items():
                if key not in SECTIONS:
                    self._mistakes.add_unknown(place, f"unknown key {shown(key)}", key, SECTIONS)
            return root
        if root is None:
            self._mistakes.take(document.error(f"there is nothing in this file, expected: {', '.join(SECTIONS)}"))
        elif not isinstance(root, Broken):
            self._mistakes.add(root.place, f"a bot is no {kind(root)} but a mapping, expected: {', '.join(SECTIONS)}")
        return Mapping({}, {}, Place(document, 1, 1))

    def _extensions(self, top: Mapping) -> tuple[ExtensionDefinition, ...]:
        found = self._section(top, "extensions", Extensions(self._options.own_extensions))
        written = top.entries.get("extensions")
        # Without one of its extensions a bot has unknown filters everywhere: they are no mistakes.
        if written is None or (isinstance(written, Mapping) and len(found) == len(written.entries)):
            try:
                self._reading.syntax = self._prepare(found)
            except BotError as error:
                self._mistakes.take(error)
        return found

    def _section(self, top: Mapping, name: str, kind: Kind) -> tuple[Any, ...]:
        return self._values(top.entries[name], kind, repr(name)) if name in top.entries else ()

    def _values(self, value: Value, kind: Kind, name: str) -> tuple[Any, ...]:
        found = kind.read(value, self._reading, name)
        return () if found is WRONG else found

    def _alternative(self, top: Mapping, name: str, items: ListOf, paths: list[Path]) -> tuple[Any, ...]:
        """Read what stands in a section or in a file of its own, and not in both."""
        section = top.entries.get(name)
        if name == "dialog" and isinstance(section, Scalar) and not section.text:
            section = None
        found = () if section is None else self._values(section, items, repr(name))
        for path in paths:
            if section is not None and not (isinstance(section, Sequence) and not section.items):
                message = f"{name!r} is also in {path}: put all of it into one of the two files"
                self._mistakes.add(top.keys[name], message)
            found = self._file(path, items)
        return found

    def _together(self, top: Mapping, name: str, items: ListOf, paths: list[Path]) -> tuple[Any, ...]:
        """Read what stands in a section and in files."""
        return (*self._section(top, name, items), *(item for path in paths for item in self._file(path, items)))

    def _file(self, path: Path, items: ListOf) -> tuple[Any, ...]:
        document = self._document(path)
        root = None if document is None else self._yaml(document)
        if document is not None and root is None:
            # An empty dialog is one; it may be all that is left of a dialog that was commented out.
            if path.name != "dialog.yaml":
                self._mistakes.take(document.error(f"there is nothing in this file, expected: a list of {items.items}"))
            return ()
        return () if root is None else self._values(root, items, "this file")

    def _subtree(self, document: Document | None) -> SubtreeDefinition | None:
        root = None if document is None else self._yaml(document)
        if document is not None and root is None:
            self._mistakes.take(document.error("there is nothing in this file, expected: 'name' and 'nodes'"))
        if root is None:
            return None
        name = root.entries.get("name") if isinstance(root, Mapping) else None
        if isinstance(name, Scalar):
            self._reading.subtree = name.text
            self._reading.subtrees.append((name.text, name.place))
        else:
            self._all_read = False
        found = SUBTREE_FILE.read(root, self._reading, "this file")
        self._reading.subtree = None
        return found if isinstance(found, SubtreeDefinition) else None

    def _document(self, path: Path) -> Document | None:
        try:
            return Document(str(path), read_text(path))
        except BotError as error:
            self._mistakes.take(error)
            self._all_read = False
            return None

    def _yaml(self, document: Document) -> Value | None:
        root = read_yaml(document, self._mistakes)
        if isinstance(root, Broken):
            self._all_read = False
        return root
