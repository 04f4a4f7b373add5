"""What a user says, as code hands it to a bot: checked, and without characters that no answer could repeat."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, TypeAlias

from maxbot.conversions import integer, url
from maxbot.errors import TurnError
from maxbot.types import Message

# What XML cannot hold: a bot that repeats it would fail.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

FROM_CHANNELS = ("file", "audio", "video", "location", "contact", "button")
"""Kinds of messages besides text and image, as channels make them: docs/reference/channels.md."""


Kinds: TypeAlias = Mapping[str, Callable[[Any], Any]]
"""Kinds of an author's own: return a value checked and converted, or raise a ValueError."""


def checked_message(message: Any, own: Kinds = MappingProxyType({})) -> Message:
    """Return the message that is meant.

    Args:
        message: A text, or a mapping with one or several kinds as its keys.
        own: Kinds besides `text` and `image`, or in their place.

    Raises:
        TurnError: It is no message; the text says why.
    """
    if isinstance(message, str):
        return {"text": message}
    kinds = {"text": _text, "image": _image, **dict.fromkeys(own, _as_it_is)}
    return with_own(_mapping(message, "a message", kinds), own)


def with_own(message: Message, own: Kinds) -> Message:
    """Return a message with what is of an author's own kinds checked and converted.

    Raises:
        TurnError: It is not what its kind wants.
    """
    if own.keys().isdisjoint(message):
        return message
    return {name: _own(name, value, own[name]) if name in own else value for name, value in message.items()}


def _own(name: str, value: Any, load: Callable[[Any], Any]) -> Any:
    try:
        return load(value)
    except ValueError as error:
        raise TurnError(f"{name} of a message: {error}") from error


def _as_it_is(value: Any, name: str) -> Any:
    return value


def without_forbidden(value: Any) -> Any:
    """Return JSON values without control characters and other characters that markup cannot hold."""
    if isinstance(value, str):
        return value if value.isprintable() else _FORBIDDEN.sub("", value)
    if isinstance(value, dict):
        return {key: without_forbidden(item) for key, item in value.items()}
    return [without_forbidden(item) for item in value] if isinstance(value, list) else value


def _mapping(value: Any, name: str, kinds: Mapping[str, Callable[[Any, str], Any]]) -> dict[str, Any]:
    known = " or ".join(kinds)
    if not isinstance(value, Mapping) or not value:
        raise TurnError(f"{name} is a mapping with {known}, not {value!r}")
    for key in value:
        if key not in kinds:
            raise TurnError(f"{name} has {known}, and no {key!r}")
    return {key: kinds[key](item, f"{key} of {name}") for key, item in value.items()}


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TurnError(f"{name} is a text, not {value!r}")
    return value


def _image(value: Any, name: str) -> dict[str, Any]:
    image = _mapping(value, "an image", {"url": _url, "size": _size, "caption": _text})
    if "url" not in image:
        raise TurnError("an image has a url")
    return image


def _url(value: Any, name: str) -> str:
    try:
        return url(_text(value, name))
    except ValueError as error:
        raise TurnError(f"{name} is {error}, not {value!r}") from None


def _size(value: Any, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and isfinite(value):
        return int(value)
    try:
        return integer(_text(value, name))
    except (ValueError, TurnError):
        raise TurnError(f"{name} is a whole number of bytes, not {value!r}") from None
