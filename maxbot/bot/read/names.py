"""Checks the names of a whole bot, once all of its files are read: labels and subtrees."""

from collections.abc import Iterator, Sequence

from maxbot.bot.read.mistakes import shown
from maxbot.bot.read.reading import Reading
from maxbot.dialog.source import Place


def check_methods(reading: Reading) -> None:
    """Note RPC methods of one name."""
    _check_unique(reading, reading.methods, "method")


def check_names(reading: Reading, all_read: bool, has_directory: bool) -> None:
    """Note labels and subtrees of one name, and references to subtrees that cannot be followed.

    Args:
        reading: What was read.
        all_read: False where a subtree that is missing may be in a file that could not be read.
        has_directory: Whether the bot may have subtrees.
    """
    _check_unique(reading, reading.labels, "label")
    _check_subtrees(reading)
    if all_read:
        _check_references(reading, [name for name, _ in reading.subtrees], has_directory)


def _check_unique(reading: Reading, names: Sequence[tuple[str, Place]], what: str) -> None:
    first: dict[str, Place] = {}
    for name, place in names:
        if name in first:
            reading.mistakes.add(place, f"the {what} {shown(name)} is used already, in {_where(first[name], place)}")
        else:
            first[name] = place


def _check_subtrees(reading: Reading) -> None:
    """Note subtrees of one name: all but the last are told, each with the file of the next."""
    following: dict[str, Place] = {}
    for name, place in reversed(reading.subtrees):
        if name in following:
            other = following[name]
            reading.mistakes.add(place, f"there is another subtree {shown(name)} in {_where(other, place)}")
        following[name] = place


def _check_references(reading: Reading, names: Sequence[str], has_directory: bool) -> None:
    parents = {reference.name: parent for reference, parent in reversed(reading.references)}
    used: dict[str, Place] = {}
    for reference, parent in reading.references:
        name, place = reference.name, reference.place
        if name not in names:
            advice = "" if has_directory else " (only a bot in a directory has subtrees)"
            reading.mistakes.add_unknown(place, f"there is no subtree {shown(name)}{advice}", name, names)
        elif parent is not None and name in _around(parent, parents):
            reading.mistakes.add(place, f"the subtree {shown(name)} would contain itself")
        elif name in used:
            reading.mistakes.add(place, f"the subtree {shown(name)} is used already, in {_where(used[name], place)}")
        used.setdefault(name, place)


def _around(subtree: str, parents: dict[str, str | None]) -> Iterator[str]:
    """Yield a subtree and those it stands in."""
    seen: set[str] = set()
    around: str | None = subtree
    while around is not None and around not in seen:
        seen.add(around)
        yield around
        around = parents.get(around)


def _where(place: Place, seen_from: Place) -> str:
    same = place.document is seen_from.document
    return f"line {place.line}" if same else f"{place.document.file}:{place.line}"
