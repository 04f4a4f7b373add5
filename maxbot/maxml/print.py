"""From commands to markup, as stories and the journal show them: for people, and read again it is the same."""

from collections.abc import Iterable, Iterator
from typing import Any

from maxbot.maxml import text as texts
from maxbot.maxml.schema import IMAGE, TEXT, CommandSchema, Field, shown

INDENT = "  "


def print_commands(commands: Iterable[dict[str, Any]], schemas: Iterable[CommandSchema] = (TEXT, IMAGE)) -> str:
    """Return commands as markup, each on lines of its own.

    Args:
        commands: As `Reader.read` returns them.
        schemas: What the commands may hold.

    Raises:
        ValueError: A command is none of these.
    """
    known = {schema.name: schema for schema in schemas}
    return "\n".join(line for command in commands for line in _command(command, known))


def _command(command: dict[str, Any], known: dict[str, CommandSchema]) -> Iterator[str]:
    name = next((name for name in command if name in known), None)
    if name is None:
        raise ValueError(f"a command with {', '.join(command) or 'nothing'} cannot be written as markup")
    schema = known[name]
    return _element(name, schema.fields, command if schema.flat else command[name])


def _element(tag: str, fields: tuple[Field, ...], values: dict[str, Any]) -> Iterator[str]:
    there = [field for field in fields if field.name in values]
    attributes = "".join(
        f' {field.tag}="{texts.escape_attribute(shown(values[field.name]))}"'
        for field in there
        if field.stands == "attribute"
    )
    content = next((field for field in there if field.stands == "content"), None)
    if content is not None:
        return _block(tag, attributes, content, values[content.name])
    inside = [line for field in there if field.stands == "element" for line in _items(field, values[field.name])]
    if not inside:
        return iter([f"<{tag}{attributes} />"])
    return _indented(tag, attributes, inside)


def _items(field: Field, value: Any) -> Iterator[str]:
    for item in value if field.many else [value]:
        if field.type == "nested":
            yield from _element(field.tag, field.fields, item)
        else:
            yield from _block(field.tag, "", field, item)


def _block(tag: str, attributes: str, field: Field, value: Any) -> Iterator[str]:
    lines = texts.printed(value) if field.type == "markup" else [texts.escape(shown(value))]
    if len(lines) > 1:
        return _indented(tag, attributes, lines)
    return iter([f"<{tag}{attributes}>{''.join(lines)}</{tag}>"])


def _indented(tag: str, attributes: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"<{tag}{attributes}>"
    for line in lines:
        yield INDENT + line
    yield f"</{tag}>"
