"""Which line of the file a line of a text stands in: YAML joins lines, Jinja counts those that are left."""

from maxbot.dialog.source import Place


def file_lines(text: str, style: str | None, place: Place, last: int) -> tuple[int, ...]:
    """Return, for each line of a scalar's text, its line in the file, counted from 1.

    Args:
        text: The value.
        style: How it is written: `|`, `>`, a quote; None is plain.
        place: Where the scalar starts; for a block, where its `|` stands.
        last: The line where it ends.
    """
    first = place.line
    count = text.count("\n") + 1
    if style == "|":
        return tuple(range(first + 1, first + 1 + count))
    if first == last:
        return (first,) * count
    return _of_folded(text, style, place, last)


def _of_folded(text: str, style: str | None, place: Place, last: int) -> tuple[int, ...]:
    # Folding changes white space only: the n-th visible character of the text is the n-th one of the file. (Escapes
    # in double quotes shift that by a few characters, which may name a neighbouring line.)
    start = place.line if style == ">" else place.line - 1
    lines = place.document.lines[start:last]
    if style != ">":
        lines = (lines[0][place.column - 1 :], *lines[1:])
    ends = []
    visible = 0
    for line in lines:
        visible += _visible(line)
        ends.append(visible)
    result: list[int] = []
    passed = below = 0
    for part in text.split("\n"):
        while below < len(ends) - 1 and ends[below] <= passed:
            below += 1
        result.append(start + 1 + below)
        passed += _visible(part)
    return tuple(result)


def _visible(text: str) -> int:
    return sum(not char.isspace() and char not in "\"'" for char in text)
