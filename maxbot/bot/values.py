"""JSON values: the only ones that travel and are stored."""

from math import isfinite
from typing import Any


def json_copy(value: Any, name: str) -> Any:
    """Return a deep copy that shares nothing with `value`; tuples become lists.

    Args:
        name: How the value is called in errors: `state`.

    Raises:
        ValueError: Something in it is not a JSON value; the text says what and where, like `state['when']`.
    """
    try:
        return _copy(value, name, ())
    except RecursionError:
        raise ValueError(f"{name} is nested too deeply or contains itself") from None


def plain(value: Any) -> Any:
    """Return JSON values without what a subclass of `str` knows besides."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def _copy(value: Any, name: str, path: tuple[Any, ...]) -> Any:
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_text(value, name, path)
        return value
    if kind is dict:
        copied = {}
        for key, item in value.items():
            if type(key) is not str:
                raise ValueError(f"{_where(name, path)} has the key {key!r}: keys of JSON are texts")
            if not key.isascii():
                _check_text(key, name, path)
            copied[key] = _copy(item, name, (*path, key))
        return copied
    if kind is list or kind is tuple:
        return [_copy(item, name, (*path, index)) for index, item in enumerate(value)]
    if value is None or kind is bool or kind is int:
        return value
    if kind is float:
        if not isfinite(value):
            raise ValueError(f"{_where(name, path)} is {value}: JSON has no such number")
        return value
    if isinstance(value, str):  # a subclass, as libraries have them
        return _copy(str.__str__(value), name, path)
    raise ValueError(f"{_where(name, path)} is of type {kind.__name__}, which is not a JSON value")


def _check_text(text: str, name: str, path: tuple[Any, ...]) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_where(name, path)} holds half a surrogate pair, which UTF-8 cannot write") from None


def _where(name: str, path: tuple[Any, ...]) -> str:
    return name + "".join(f"[{part!r}]" for part in path)
