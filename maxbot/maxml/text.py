"""From the inside of an element to the text that people read, and back to a line of markup.

A text is a list of pieces: character data, and tags. Tags vanish, `<br/>` is a line break, white space is one blank; a
channel that can show bold or links finds them in `Marked.formats`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from maxbot.maxml.parse import Element, Node

BREAK = "br"

STYLES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "s": "strike",
    "code": "code",
    "pre": "pre",
    "a": "link",
}
"""Elements that are formats. Any other one is of no meaning to a channel."""


class Piece(NamedTuple):
    """A part of a text."""

    kind: Literal["data", "start", "end"]
    text: str
    """The character data, or the tag's name."""
    link: str | None = None
    """Where an `<a href>` leads."""
    empty: bool = False
    """Whether the element of a tag holds nothing."""


class Format(NamedTuple):
    """How a part of a text looks: from one character (counted from 0, in code points) to before another one."""

    style: str
    start: int
    end: int
    url: str | None = None


class Marked(str):
    """A text as it is read, which still knows its markup."""

    formats: tuple[Format, ...] = ()
    pieces: tuple[Piece, ...] | None = None
    """None: it has none, and each line is one."""

    @property
    def items(self) -> tuple[Piece, ...]:
        """The pieces: character data and tags."""
        return tuple(_broken(self)) if self.pieces is None else self.pieces

    def render(self) -> str:
        """Return the text alone, as a platform without formats shows it."""
        return str.__str__(self)


def pieces(nodes: Iterable[Node]) -> Iterator[Piece]:
    """Return the pieces of a text, in order."""
    for node in nodes:
        if isinstance(node, str):
            yield Piece("data", node)
        else:
            yield Piece("start", node.name, _link(node), not node.children)
            yield from pieces(node.children)
            yield Piece("end", node.name, None, not node.children)


def _link(element: Element) -> str | None:
    return element.attributes.get("href") if element.name == "a" else None


def render(parts: Sequence[Piece]) -> Marked:
    """Return a text as it is read."""
    if len(parts) == 1 and parts[0].kind == "data":
        return Marked(" ".join(parts[0].text.split()))
    out: list[str] = []
    length = 0
    opened: list[tuple[str | None, int, str | None]] = []
    formats: list[Format] = []
    for index, part in enumerate(parts):
        shown = _shown(parts, index)
        if part.kind == "start":
            opened.append((STYLES.get(part.text), length, part.link))
        elif part.kind == "end":
            style, start, link = opened.pop()
            if style and length > start and (style != "link" or link):
                formats.append(Format(style, start, length, link))
        out.append(shown)
        length += len(shown)
    text = Marked("".join(out))
    text.formats = tuple(sorted(formats, key=lambda found: (found.start, -found.end)))
    text.pieces = tuple(parts)
    return text


def _shown(parts: Sequence[Piece], index: int) -> str:
    kind, text, *_ = parts[index]
    if kind != "data":
        return "\n" if kind == "start" and text == BREAK else ""
    words = " ".join(text.split())
    return f"{words} " if text[-1].isspace() and _words_follow(parts, index) else words


def _words_follow(parts: Sequence[Piece], index: int) -> bool:
    """Whether the next thing that is read behind a piece is a word."""
    for kind, text, *_ in parts[index + 1 :]:
        if kind == "data":
            return not text.isspace()
        if kind == "start" and text == BREAK:
            return False
    return False


def printed(text: str) -> list[str]:
    """Return the lines of a text as markup."""
    parts = text.items if isinstance(text, Marked) else tuple(_broken(text))
    document = "".join(_printed(parts, index) for index in range(len(parts)))
    return [line for line in document.split("\n") if line]


def _broken(text: str) -> Iterator[Piece]:
    """Return the pieces of a text that has no markup, and line breaks of its own."""
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Piece("start", BREAK, None, True)
            yield Piece("end", BREAK, None, True)
        if line:
            yield Piece("data", line)


def _printed(parts: Sequence[Piece], index: int) -> str:
    kind, text, _, empty = parts[index]
    if kind == "start":
        return f"<{text} />" if empty else f"<{text}>"
    if kind == "end":
        return "" if empty else f"</{text}>"
    lines = [escape(" ".join(line.split())) for line in text.split("\n")]
    tag_follows = index + 1 < len(parts)
    if len(lines) == 1 and lines[0] and text[-1].isspace() and tag_follows:
        lines[0] += " "
    return "\n".join(lines)


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;", "\r": "&#13;"})
# What a reader of XML makes a blank of: https://www.w3.org/TR/xml/#AVNormalize
_BLANKS = str.maketrans({"\n": "&#10;", "\t": "&#9;"})


def escape(text: str) -> str:
    """Return a value as it stands in markup."""
    return text.translate(_ESCAPES)


def escape_attribute(text: str) -> str:
    """Return a value as it stands in an attribute."""
    return escape(text).translate(_BLANKS)
