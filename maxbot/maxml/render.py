"""From elements to commands: what the author's markup means."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, TypeAlias

from maxbot.maxml import text as texts
from maxbot.maxml.errors import MarkupError, SchemaError
from maxbot.maxml.parse import Element, Node, parse
from maxbot.maxml.schema import IMAGE, JUMP_TO, TEXT, CommandSchema, Field

Command: TypeAlias = dict[str, Any]

_NOTHING: frozenset[str] = frozenset()

# What needs a parser: markup, and what XML cannot hold (https://www.w3.org/TR/xml/#charsets).
_FOR_THE_PARSER = re.compile("[<&\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|]]>")


class Reader:
    """Reads rendered responses.

    Args:
        commands: Returns the reply commands, and is asked at the first markup; `text` and `image` if it is left out.
    """

    def __init__(self, commands: Callable[[], Iterable[CommandSchema]] = lambda: (TEXT, IMAGE)) -> None:
        self._given = commands

    @cached_property
    def _commands(self) -> dict[str, CommandSchema]:
        return {schema.name: schema for schema in self._given()}

    def read(self, text: str, control: frozenset[str] = _NOTHING) -> list[Command]:
        """Return the commands of a rendered response, in order.

        Args:
            text: As the template made it.
            control: Names of the control commands that may stand here.

        Raises:
            MarkupError: It is not well-formed, or something stands where it may not.
            SchemaError: A value does not fit.
        """
        if not _FOR_THE_PARSER.search(text):
            words = " ".join(text.split())
            return [{"text": texts.Marked(words)}] if words else []
        return list(self._read(parse(text), control))

    def _read(self, nodes: list[Node], control: frozenset[str]) -> Iterator[Command]:
        running: list[Node] = []
        for node in nodes:
            if isinstance(node, str):
                if running or not node.isspace():
                    running.append(node)
            elif node.name == texts.BREAK:
                self._check_break(node, control)
                running.append(node)
            else:
                schema = self._schema(node, control)
                if running:
                    yield {"text": _text(running)}
                    running = []
                yield _command(node, schema)
        if running:
            yield {"text": _text(running)}

    def _check_break(self, element: Element, control: frozenset[str]) -> None:
        """Refuse what would be lost without a word: outside of a `<text>`, a break holds text and breaks alone."""
        for node in element.children:
            if isinstance(node, Element):
                if node.name != texts.BREAK:
                    self._schema(node, control)
                    raise _wrong(node, f"<{node.name}> cannot stand in a <{texts.BREAK}>")
                self._check_break(node, control)

    def _schema(self, element: Element, control: frozenset[str]) -> CommandSchema:
        if element.name in self._commands:
            return self._commands[element.name]
        if element.name in control:
            return JUMP_TO if element.name == JUMP_TO.name else CommandSchema(element.name)
        known = ", ".join(f"<{name}>" for name in [*self._commands, *sorted(control)])
        raise _wrong(element, f"<{element.name}> is no command here; known are {known}, and <br/> in a text")


def _text(nodes: Iterable[Node]) -> texts.Marked:
    parts = list(texts.pieces(nodes))
    return texts.render(parts) if parts else texts.Marked()


def _command(element: Element, schema: CommandSchema) -> Command:
    fields = _fields(element, schema.fields)
    if schema.finish is not None:
        try:
            fields = schema.finish(fields)
        except ValueError as error:
            raise SchemaError(f"<{element.name}>: {error}", element.line, element.column) from error
    return fields if schema.flat else {schema.name: fields}


def _fields(element: Element, fields: tuple[Field, ...]) -> dict[str, Any]:
    """Return the fields of a command or of a nested element, in the order of their declaration."""
    known = {field.tag: field for field in fields}
    content = next((field for field in fields if field.stands == "content"), None)
    found = _attributes(element, known)
    if content is not None:
        found[content.name] = _scalar(element, content)
    else:
        _elements(element, known, found)
    return {field.name: _value(element, field, found) for field in fields if _is_there(field, found)}


def _is_there(field: Field, found: dict[str, Any]) -> bool:
    return field.name in found or field.required or field.default is not None


def _value(element: Element, field: Field, found: dict[str, Any]) -> Any:
    if field.name in found:
        return found[field.name]
    if field.default is not None:
        return field.default
    raise SchemaError(f"<{element.name}> lacks {_shown(field)}", element.line, element.column)


def _shown(field: Field) -> str:
    return f"<{field.tag}>" if field.stands == "element" else field.tag


def _attributes(element: Element, known: dict[str, Field]) -> dict[str, Any]:
    found = {}
    for name, text in element.attributes.items():
        field = known.get(name)
        if field is None or field.place in ("element", "content"):
            raise _wrong(element, f"<{element.name}> has no attribute {name}")
        if field.stands != "attribute":  # a list or a text with markup cannot be written so
            raise SchemaError(f"{name} of <{element.name}> is an element", element.line, element.column)
        found[field.name] = _converted(element, field, text)
    return found


def _elements(element: Element, known: dict[str, Field], found: dict[str, Any]) -> None:
    for node in element.children:
        if isinstance(node, str):
            if not node.isspace():
                raise _wrong(element, f"<{element.name}> has no text of its own")
            continue
        field = known.get(node.name)
        if field is None or field.stands != "element":
            raise _wrong(node, f"<{element.name}> has no element <{node.name}>")
        value = _fields(node, field.fields) if field.type == "nested" else _item(node, field)
        if field.many:
            found.setdefault(field.name, []).append(value)
        elif field.name in found:
            raise _wrong(node, f"<{element.name}> has one <{node.name}>, and here is another one")
        else:
            found[field.name] = value


def _item(element: Element, field: Field) -> Any:
    if element.attributes:
        raise _wrong(element, f"<{element.name}> has no attributes")
    return _scalar(element, field)


def _scalar(element: Element, field: Field) -> Any:
    """Return what an element holds: a text with markup, or one value."""
    if field.type == "markup":
        return _text(element.children)
    if any(isinstance(node, Element) for node in element.children):
        raise _wrong(element, f"<{element.name}> holds a plain text, without elements")
    return _converted(element, field, "".join(node for node in element.children if isinstance(node, str)))


def _converted(element: Element, field: Field, text: str) -> Any:
    try:
        return field.read(text)
    except ValueError as error:
        shown = text if len(text) < 60 else f"{text[:60]}…"
        raise SchemaError(
            f"{field.tag} of <{element.name}> is {error}, not {shown!r}", element.line, element.column
        ) from None


def _wrong(element: Element, message: str) -> MarkupError:
    return MarkupError(message, element.line, element.column)
