"""Texts in Slack's own markup: https://docs.slack.dev/messaging/formatting-message-text"""

from collections.abc import Iterator, Sequence

from maxbot.channels.split import utf16
from maxbot.commands import Format

_MARKS = {"bold": "*", "italic": "_", "strike": "~", "code": "`", "pre": "```"}
_LITERAL = ("code", "pre")


def escaped(text: str) -> str:
    """Return a text in which nothing is markup that could name somebody or something."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped_size(text: str) -> int:
    """Count UTF-16 code units as Slack gets them."""
    return utf16(text) + 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))


def mrkdwn(text: str, formats: Sequence[Format] = ()) -> str:
    """Return a text with its formats. Slack knows no underlines."""
    return "".join(_pieces(text, sorted(formats, key=lambda one: (one.start, -one.end)))) if formats else escaped(text)


def _pieces(text: str, formats: list[Format]) -> Iterator[str]:
    """Yield the text with marks where formats begin and end; those inside of code would be seen."""
    inside: list[Format] = []
    place = 0
    for to in sorted({*(one.start for one in formats), *(one.end for one in formats), len(text)}):
        yield escaped(text[place:to])
        place = to
        while inside and inside[-1].end <= to:
            yield _end(inside.pop())
        for one in formats:
            if one.start == to and not any(outer.style in _LITERAL for outer in inside):
                inside.append(one)
                yield _begin(one)


def _begin(one: Format) -> str:
    return f"<{escaped(one.url)}|" if one.style == "link" and one.url else _MARKS.get(one.style, "")


def _end(one: Format) -> str:
    return ">" if one.style == "link" else _MARKS.get(one.style, "")
