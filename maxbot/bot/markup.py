"""Reads a rendered template as commands: texts, and the control commands of its place."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from maxbot.dialog.scenario import Command, Place

# What XML cannot hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_commands(text: str, place: Place) -> list[Command]:
    """Return the commands of a rendered template.

    Raises:
        ValueError: It is not well-formed, or holds what may not stand here.
    """
    if "<" not in text and "&" not in text and not _FORBIDDEN.search(text):
        return [{"text": " ".join(text.split())}] if text.strip() else []
    try:
        root = ElementTree.fromstring(f"<scenario>{text}</scenario>")
    except (ElementTree.ParseError, UnicodeEncodeError) as error:
        raise ValueError(f"the response is not well-formed markup: {error}") from None
    return list(_commands(root, place))


def _commands(root: ElementTree.Element, place: Place) -> Iterator[Command]:
    running = root.text or ""
    for element in root:
        if element.tag == "br":
            running += "\n"
        else:
            yield from _text(running)
            yield _command(element, place)
            running = ""
        running += element.tail or ""
    yield from _text(running)


def _text(running: str) -> Iterator[Command]:
    if running.strip():
        yield {"text": "\n".join(" ".join(line.split()) for line in running.strip().split("\n"))}


def _command(element: ElementTree.Element, place: Place) -> dict[str, Any]:
    if element.tag not in place.value:
        raise ValueError(f"<{element.tag}> is not known here")
    return {element.tag: dict(element.attrib)}
