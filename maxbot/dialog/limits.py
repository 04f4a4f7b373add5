"""What a template may use up: steps, time, and memory that filters, methods and operators would ask for at once.

A text of the bot's author is never malicious, but one mistake in it must not stop everybody else's conversations.
"""

import re
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from markupsafe import Markup

SIZE_LIMIT = 64 * 1024
"""Characters of a text, and items of a list, that a template may make; also the characters of its output."""

RANGE_LIMIT = 100_000
"""Numbers of a `range`, as in Jinja's own sandbox."""

POWER_LIMIT = 100_000
"""Bits of a result of `**`."""

STEP_LIMIT = 100_000
"""Rounds of loops, calls of macros and includes in a turn, all its templates together."""

TIME_LIMIT = 5.0
"""Seconds of processor time in a turn."""

_STEPS_BETWEEN_LOOKS = 128


class Budget:
    """The steps and the time that a turn has left."""

    __slots__ = ("_end", "_left")

    def __init__(self) -> None:
        self._left = STEP_LIMIT
        self._end: float | None = None

    def spend(self) -> None:
        """Take one step.

        Raises:
            OverflowError: There is none left.
        """
        self._left -= 1
        if self._left < 0:
            raise OverflowError(f"the turn has more than {STEP_LIMIT} rounds of loops, calls of macros and includes")
        if self._left % _STEPS_BETWEEN_LOOKS == 0:
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        now = time.thread_time()
        if self._end is None:
            self._end = now + TIME_LIMIT
        elif now > self._end:
            raise OverflowError(f"the templates of the turn took longer than {TIME_LIMIT:g} seconds")


current_budget: ContextVar[Budget | None] = ContextVar("current_budget", default=None)
"""That of the turn which is running; templates that are loaded while others run share it."""


def spend() -> None:
    """Take one step of the running turn."""
    if budget := current_budget.get():
        budget.spend()


def check_size(size: int, what: str) -> None:
    """Refuse what would be too large.

    Raises:
        OverflowError: `size` is above `SIZE_LIMIT`.
    """
    if size > SIZE_LIMIT:
        raise OverflowError(f"the result of {what} is longer than {SIZE_LIMIT}")


def checked_text(text: str) -> str:
    """Return a text that `~` has made."""
    check_size(len(text), "~")
    return text


def checked_output(value: Any) -> Any:
    """Return what is to be printed, unless a list or mapping holds so much that its text could not be made."""
    if isinstance(value, list | tuple | dict | set):
        check_content(value, "printing")
    return value


def check_content(value: Any, what: str, limit: int = SIZE_LIMIT) -> None:
    """Refuse a value whose lists and mappings hold too much: one that holds another twice counts it twice."""
    waiting, seen = [value], 0
    while waiting:
        item = waiting.pop()
        children = item.values() if isinstance(item, Mapping) else item
        if isinstance(item, Mapping | list | tuple | set):
            waiting.extend(children)
        elif isinstance(item, str):
            seen += len(item)
        seen += 1
        if seen + len(waiting) > limit:
            raise OverflowError(f"the result of {what} is longer than {limit}")


# -- operators


def check_operator(operator: str, left: Any, right: Any) -> None:
    """Refuse an operation whose result would be too large.

    Raises:
        OverflowError: It would.
    """
    _OPERATORS[operator](left, right)


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * right > POWER_LIMIT:
        raise OverflowError(f"the result of ** has more than {POWER_LIMIT} bits")


def _check_product(left: Any, right: Any) -> None:
    items, times = (right, left) if isinstance(left, int) else (left, right)
    if isinstance(times, int):
        if isinstance(items, _SIZED):
            check_size(len(items) * times, "*")
        elif isinstance(items, int) and items.bit_length() + times.bit_length() > POWER_LIMIT:
            raise OverflowError(f"the result of * has more than {POWER_LIMIT} bits")


def _check_sum(left: Any, right: Any) -> None:
    if isinstance(left, _SIZED) and isinstance(right, _SIZED):
        check_size(len(left) + len(right), "+")


def _check_percent(left: Any, right: Any) -> None:
    if isinstance(left, str):
        check_format(left, right)


_SIZED = (str, list, tuple, bytes)
_OPERATORS: dict[str, Callable[[Any, Any], None]] = {
    "**": _check_power,
    "*": _check_product,
    "+": _check_sum,
    "%": _check_percent,
}
LIMITED_OPERATORS = frozenset(_OPERATORS)

# -- formats: `'%9s'`, `'{:>9}'`

_WIDE = re.compile(r"\d{5,}")
_PERCENT_FORMAT = re.compile(r"%(\([^)]*\))?[-#0 +]*(\*|\d*)(\.(\*|\d*))?")


def check_format(text: str, values: Any = ()) -> None:
    """Refuse widths above four digits in the format of `%`."""
    for found in _PERCENT_FORMAT.finditer(text):
        if "*" in found[0][len(found[1] or "") :] or _WIDE.search(found[0][len(found[1] or "") :]):
            raise OverflowError("a width in a format has at most 4 digits, and is no *")
    check_content(values, "format")
    check_size(len(text), "format")


def check_format_spec(spec: str) -> None:
    """Refuse widths above four digits in a field of `str.format`."""
    if _WIDE.search(spec):
        raise OverflowError("a width in a format has at most 4 digits")


# -- methods: what is called `text.center(...)` in a template


def check_call(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    """Refuse the call of a method of a text, list, mapping or number whose result would be too large.

    Raises:
        OverflowError: It would.
    """
    owner = getattr(function, "__self__", None)
    if isinstance(owner, _OWNERS):
        check = _METHODS.get(getattr(function, "__name__", ""))
        if check is not None:
            check(owner, *args, **keywords)


def _check_width(owner: Any, width: Any = 0, *rest: Any, **others: Any) -> None:
    if isinstance(width, int):
        check_size(width, "a method with a width")
    for other in others.values():
        _check_width(owner, other)


def _check_tabs(owner: Any, tabsize: Any = 8) -> None:
    if isinstance(tabsize, int):
        check_size(owner.count(b"\t" if isinstance(owner, bytes) else "\t") * tabsize + len(owner), "expandtabs")


def _check_replace(owner: Any, old: Any = "", new: Any = "", count: Any = -1, *rest: Any, **others: Any) -> None:
    if isinstance(owner, str) and isinstance(old, str) and isinstance(new, str):
        times = owner.count(str(old))
        if isinstance(count, int) and count >= 0:
            times = min(times, count)
        longest = len(Markup.escape(new)) if isinstance(owner, Markup) else len(new)
        check_size(len(owner) + times * max(longest - len(old), 0), "replace")


def _check_join(owner: Any, items: Any = (), *rest: Any) -> None:
    if isinstance(items, list | tuple | dict | set):
        size = sum(len(item) for item in items if isinstance(item, str))
        check_size(size + len(items) * len(owner), "join")


def _check_translate(owner: Any, table: Any = None, *rest: Any, **others: Any) -> None:
    if isinstance(table, Mapping):
        longest = max((len(value) for value in table.values() if isinstance(value, str)), default=1)
        check_size(len(owner) * longest, "translate")


def _check_growth(owner: Any, more: Any = (), *rest: Any, **others: Any) -> None:
    size = len(more) if hasattr(more, "__len__") else 0
    check_size(len(owner) + size + len(others), "a method that adds")


_OWNERS = (str, bytes, list, dict, set, int)
_METHODS: dict[str, Callable[..., None]] = {
    **dict.fromkeys(("center", "ljust", "rjust", "zfill", "to_bytes"), _check_width),
    "expandtabs": _check_tabs,
    "replace": _check_replace,
    "join": _check_join,
    "translate": _check_translate,
    **dict.fromkeys(("extend", "update", "append", "insert", "add", "setdefault"), _check_growth),
}
