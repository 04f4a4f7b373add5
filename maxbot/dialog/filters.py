"""The filters of the language's own, and Jinja's where they could be made to ask for too much memory."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import wraps
from typing import Any

from jinja2 import Undefined, UndefinedError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.utils import generate_lorem_ipsum
from markupsafe import Markup, escape

from maxbot.dialog.limits import check_content, check_format, check_size


def mandatory(value: Any) -> Any:
    """Return the value, an error where it is undefined."""
    if isinstance(value, Undefined):
        str(value)  # raises what printing it would
        raise UndefinedError("a mandatory value is undefined")
    return value


def nl2br(value: str) -> Markup:
    """Return the text with a `<br />` between its lines; whatever is not markup yet is escaped."""
    if not isinstance(value, str | Undefined):
        raise TypeError(f"nl2br wants a text, not {type(value).__name__}")
    return Markup("<br />\n").join(escape(value).splitlines())


def lipsum(n: int = 5, html: bool = True, min: int = 20, max: int = 100) -> str:
    """Jinja's function of this name, for up to a hundred paragraphs of a hundred words."""
    check_size(n * max, "lipsum")
    return generate_lorem_ipsum(n, html, min, max)


def limited_filters() -> dict[str, Callable[..., Any]]:
    """Return Jinja's filters that need a limit, with it."""
    limited = {name: _limited(FILTERS[name], check) for name, check in _CHECKS.items()}
    return {**limited, "join": _joined(FILTERS["join"]), "sum": _summed(FILTERS["sum"])}


def _limited(original: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    passed = 1 if hasattr(original, "jinja_pass_arg") else 0  # the environment or the like comes first

    @wraps(original)
    def limited(*args: Any, **keywords: Any) -> Any:
        check(*args[passed:], **keywords)
        return original(*args, **keywords)

    return limited


def _check_width(value: Any, width: Any = 0, *rest: Any, **others: Any) -> None:
    if isinstance(width, int):
        check_size(width, "a filter with a width")
    for count in (*rest, *others.values()):
        if isinstance(count, int):
            check_size(count, "a filter with a width")


def _check_indent(value: Any, width: Any = 4, *rest: Any, **others: Any) -> None:
    indent = len(width) if isinstance(width, str) else width if isinstance(width, int) else 0
    check_size(len(str(value)) + (str(value).count("\n") + 1) * indent, "indent")


def _check_replace(value: Any, old: Any, new: Any, count: Any = None) -> None:
    text, old, new = str(value), str(old), str(new)
    times = text.count(old) if count is None else min(text.count(old), count)
    check_size(len(text) + times * len(escape(new)), "replace")


def _check_wordwrap(value: Any, width: Any = 79, *rest: Any, wrapstring: Any = "", **others: Any) -> None:
    line_end = max((len(part) for part in (wrapstring, *rest) if isinstance(part, str)), default=1)
    check_size(len(str(value)) * max(line_end, 1), "wordwrap")


def _check_tojson(value: Any, indent: Any = 0) -> None:
    check_size(indent or 0, "tojson")
    check_content(value, "tojson")


def _check_content(value: Any, *rest: Any, **others: Any) -> None:
    check_content(value, "a filter that prints")


def _check_items(value: Any, *rest: Any, **others: Any) -> None:
    if hasattr(value, "__len__"):
        check_size(len(value), "a filter of many items")


_CHECKS: dict[str, Callable[..., None]] = {
    "batch": _check_width,
    "center": _check_width,
    "format": lambda text, *args, **keywords: check_format(str(text), args or keywords),
    "indent": _check_indent,
    "pprint": _check_content,
    "replace": _check_replace,
    "slice": _check_width,
    "string": _check_content,
    "tojson": _check_tojson,
    "urlize": _check_items,
    "wordwrap": _check_wordwrap,
    "xmlattr": _check_content,
}


def _joined(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def join(context: Any, value: Any, d: Any = "", attribute: Any = None) -> Any:
        getter, between = make_attrgetter(context.environment, attribute), len(str(d))
        measured = _Measure("join", lambda item: _text_size(getter(item)) + between)
        return original(context, measured.through(value, context.environment), d, attribute)

    return join


def _summed(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def add(environment: Any, iterable: Any, attribute: Any = None, start: Any = 0) -> Any:
        getter = make_attrgetter(environment, attribute)
        measured = _Measure("sum", lambda item: _item_size(getter(item)))
        return original(environment, measured.through(iterable, environment), attribute, start)

    return add


class _Measure:
    """Adds up the sizes of the items that go through it."""

    def __init__(self, name: str, size: Callable[[Any], int]) -> None:
        self._name = name
        self._size = size
        self._sum = 0

    def through(self, items: Any, environment: Any) -> Iterator[Any] | AsyncIterator[Any]:
        # What is undefined can be walked both ways; an expression can only walk one.
        return self._later(items) if environment.is_async and hasattr(items, "__aiter__") else self._now(items)

    def _now(self, items: Any) -> Iterator[Any]:
        for item in items:
            yield self._add(item)

    async def _later(self, items: Any) -> AsyncIterator[Any]:
        async for item in items:
            yield self._add(item)

    def _add(self, item: Any) -> Any:
        self._sum += self._size(item)
        check_size(self._sum, self._name)
        return item


def _text_size(item: Any) -> int:
    if isinstance(item, str):
        return len(item)
    check_content(item, "join")
    return 1


def _item_size(item: Any) -> int:
    return len(item) if isinstance(item, list | tuple | str) else 0
