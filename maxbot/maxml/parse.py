"""From a rendered response to its elements: the inside of one XML element, read by expat.

XML 1.0 without namespaces, document types and external entities: https://www.w3.org/TR/xml/
"""

from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers import expat

from maxbot.maxml.errors import MarkupError

DEPTH_LIMIT = 100
"""Elements inside each other."""

_ROOT = "maxml"


@dataclass(slots=True)
class Element:
    """An element with what stands in it; line and column are those of its start tag."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    children: list["Node"] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add character data; what a comment interrupted is one piece."""
        if self.children and isinstance(self.children[-1], str):
            self.children[-1] += text
        else:
            self.children.append(text)


Node: TypeAlias = Element | str


def parse(text: str) -> list[Node]:
    """Return the elements and the character data of a rendered response.

    Raises:
        MarkupError: It is not well-formed; has line and column.
    """
    return _Parser().parse(text)


class _Parser:
    def __init__(self) -> None:
        self._open: list[Element] = []
        self._root: Element | None = None
        self._expat = parser = expat.ParserCreate(encoding="utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data

    def parse(self, text: str) -> list[Node]:
        try:
            document = f"<{_ROOT}>{text}</{_ROOT}>".encode()
        except UnicodeEncodeError as error:
            raise MarkupError(f"there is half a character (a lone surrogate) at {error.start + 1}") from None
        try:
            self._expat.Parse(document, True)
        except expat.ExpatError as error:
            raise MarkupError(
                f"the markup is not well-formed: {expat.ErrorString(error.code)}", *_place(error.lineno, error.offset)
            ) from None
        assert self._root is not None
        return self._root.children

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line, column = _place(self._expat.CurrentLineNumber, self._expat.CurrentColumnNumber)
        if len(self._open) > DEPTH_LIMIT:
            raise MarkupError(f"there are more than {DEPTH_LIMIT} elements inside each other", line, column)
        element = Element(name, attributes, line, column)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _data(self, text: str) -> None:
        self._open[-1].add(text)


def _place(line: int, offset: int) -> tuple[int, int]:
    return line, max(1, offset + 1 - (len(_ROOT) + 2 if line == 1 else 0))
