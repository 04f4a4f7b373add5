"""Reads a rendered template as commands: texts, images, and the control commands of its place."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from maxbot.bot.read.conversions import url
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
    running: list[str] = []
    _add(running, root.text)
    for element in root:
        if element.tag == "br":
            running.append("\n")
        else:
            if running:
                yield {"text": _rendered(running)}
            running = []
            yield _command(element, place)
        _add(running, element.tail)
    if running:
        yield {"text": _rendered(running)}


def _add(running: list[str], data: str | None) -> None:
    if data and (running or data.strip()):
        if running and running[-1] != "\n":
            running[-1] += data
        else:
            running.append(data)


def _command(element: ElementTree.Element, place: Place) -> dict[str, Any]:
    attributes = dict(element.attrib)
    if element.tag == "text":
        return {"text": _rendered(list(_pieces(element)))}
    if element.tag == "image":
        return {
            "image": {"url": url(attributes["url"])}
            | {caption.tag: _rendered([*_pieces(caption)]) for caption in element}
        }
    wanted = {"node", "transition"} if element.tag == "jump_to" else set()
    if element.tag not in place.value or attributes.keys() != wanted or len(element) or (element.text or "").strip():
        raise ValueError(f"<{element.tag}> is not known here")
    if attributes.get("transition", "response") not in ("response", "condition", "listen"):
        raise ValueError("transition is response, condition or listen")
    return {element.tag: attributes}


def _pieces(element: ElementTree.Element) -> Iterator[str]:
    if element.text:
        yield element.text
    for child in element:
        yield "\n" if child.tag == "br" else ""
        yield from _pieces(child)
        yield ""
        if child.tail:
            yield child.tail


def _rendered(pieces: list[str]) -> str:
    """Return the text: a piece is a line break, a tag (an empty text) or character data."""
    shown = [piece if piece == "\n" else " ".join(piece.split()) for piece in pieces]
    for index, piece in enumerate(pieces):
        if piece != "\n" and shown[index] and piece[-1].isspace():
            behind = next((number for number in range(index + 1, len(pieces)) if pieces[number]), None)
            if behind is not None and pieces[behind] != "\n" and shown[behind]:
                shown[index] += " "
    return "".join(shown)
