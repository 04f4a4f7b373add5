"""Replies that a test expects, compared with those that came; and the difference, for people."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

from maxbot.bot.markup import PLAIN, BotMarkup
from maxbot.bot.values import plain

Replies: TypeAlias = list[dict[str, Any]]

INDENT = "  "
NOTHING = "(nothing)"


def wanted(given: Iterable[str | dict[str, Any]], markup: BotMarkup = PLAIN) -> Replies:
    """Return the replies that a test expects.

    Args:
        given: Each a document of replies as a template would say it, or a reply as `{"text": ...}`.
        markup: Of the bot.

    Raises:
        MaxMLError: A document cannot be read.
    """
    return [reply for item in given for reply in (markup.read_replies(item) if isinstance(item, str) else [item])]


def fits(expected: Replies, actual: Sequence[dict[str, Any]]) -> bool:
    """Whether replies are those that are expected; how a text is set and whether it may be repeated is no matter."""
    return [*map(_compared, expected)] == [*map(_compared, actual)]


def _compared(reply: dict[str, Any]) -> Any:
    return _normal({key: value for key, value in reply.items() if key not in ("resend", "formats")})


def _normal(value: Any) -> Any:
    """Return a value with white space as markup has it, which is all that an expectation can say."""
    if isinstance(value, str):
        return "\n".join(" ".join(line.split()) for line in plain(value).split("\n"))
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    return [_normal(item) for item in value] if isinstance(value, list | tuple) else value


def difference(alternatives: Sequence[Replies], actual: Sequence[dict[str, Any]], markup: BotMarkup = PLAIN) -> str:
    """Return what was expected and what came, with a mark below the first character that differs."""
    lines = ["Expected:"]
    for number, expected in enumerate(alternatives):
        lines += [f"{INDENT}-or-"] * bool(number) + _block(expected, markup)
    lines += [] if alternatives else [f"{INDENT}(no alternative is given, so nothing fits)"]
    came = _block(actual, markup)
    near = max(
        (_block(expected, markup) for expected in alternatives), key=lambda block: _alike(block, came), default=None
    )
    return "\n".join([*lines, "Actual:", *(came if near is None else _marked(came, near))])


def _block(replies: Iterable[dict[str, Any]], markup: BotMarkup) -> list[str]:
    return [INDENT + line for line in (markup.print_replies(replies) or NOTHING).split("\n")]


def _alike(one: list[str], other: list[str]) -> int:
    """Return how many characters two blocks have in common at their start."""
    left, right = "\n".join(one), "\n".join(other)
    return next((place for place, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), 10**9)


def _marked(came: list[str], expected: list[str]) -> list[str]:
    for number, (line, other) in enumerate(zip_longest(came, expected)):
        if line == other:
            continue
        if line is None:
            return [*came, f"{INDENT}^ more is expected here"]
        pairs = enumerate(zip_longest(line, other or ""))
        column = next(place for place, (a, b) in pairs if a != b) if other is not None else len(INDENT)
        return [*came[: number + 1], f"{' ' * column}^", *came[number + 1 :]]
    return came
