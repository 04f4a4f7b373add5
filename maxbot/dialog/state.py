"""What a dialog remembers from turn to turn, and what of it can be stored.

Stored is a mapping of JSON values, in which whatever is empty is left out:

    user      variables that stay
    slots     variables of the current topic
    waiting   the waiting list: [label, kind], the last one is the top
    asked     for each label of a node that fills slots, the name of the slot it asked last
    failures  how many turns failed since the last one that did not
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any

from jinja2 import Undefined

from maxbot.dialog.limits import check_content
from maxbot.types import State

MOST_FAILURES = 3
"""Turns in a row that may fail in one place; after that the dialog leaves the place."""

STATE_LIMIT = 1024 * 1024
"""Characters and items of one variable."""

DIGITS_LIMIT = 1_000
"""Digits of a whole number."""


class NotStorable(ValueError):
    """A variable holds what cannot be stored.

    Args:
        message: What, and what to do.
        variable: `user.name` or `slots.name`.
    """

    def __init__(self, message: str, variable: str) -> None:
        super().__init__(message)
        self.variable = variable


class Kind(StrEnum):
    """What a node waits for."""

    FOLLOWUP = "followup"
    """It has spoken, and one of its followups answers next."""
    SLOTS = "slots"
    """It is asking for its slots."""
    JUMP = "jump"
    """A jump waits here: the node or one of its right siblings answers next."""


@dataclass
class DialogState:
    """The state of a dialog in a turn, which is the turn's own copy."""

    user: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, Any] = field(default_factory=dict)
    waiting: list[tuple[str, Kind]] = field(default_factory=list)
    """A label occurs once; the last entry is the top."""
    asked: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, state: State) -> "DialogState":
        """Return the state as it was stored; whatever nobody can have stored is left out."""
        if not state:
            return cls()
        loaded = cls(copied(_mapping(state.get("user"))), copied(_mapping(state.get("slots"))))
        waiting = state.get("waiting")
        for entry in waiting if isinstance(waiting, list) else ():
            match entry:
                case [str(label), str(kind)] if kind in _KINDS:
                    loaded.put(label, Kind(kind))
        for label, slot in _mapping(state.get("asked")).items():
            if isinstance(slot, str):
                loaded.asked[label] = slot
        return loaded

    def store(self) -> State:
        """Return what is to be stored.

        Raises:
            NotStorable: A variable holds what is no JSON value.
        """
        stored: State = {}
        for scope, values in (("user", self.user), ("slots", self.slots)):
            if values:
                stored[scope] = {name: _variable(value, f"{scope}.{name}") for name, value in values.items()}
        if self.waiting:
            stored["waiting"] = [[label, str(kind)] for label, kind in self.waiting]
        if self.asked:
            stored["asked"] = dict(self.asked)
        return stored

    def put(self, label: str, kind: Kind) -> None:
        """Put an entry on top of the waiting list."""
        self.take(label)
        self.waiting.append((label, kind))

    def take(self, label: str) -> bool:
        """Take the entry of a label out; say whether there was one."""
        for index, entry in enumerate(self.waiting):
            if entry[0] == label:
                del self.waiting[index]
                return True
        return False

    def end(self) -> None:
        """Forget everything but `user`."""
        self.slots.clear()
        self.waiting.clear()
        self.asked.clear()


def others(state: State) -> State:
    """Return what a Python bot keeps beside the dialog in the same state."""
    return {key: value for key, value in state.items() if key not in _OWN}


def after_failure(state: State) -> tuple[State, bool]:
    """Return what to store of a dialog whose turn has failed, and whether it was taken out of its place.

    A place that fails at every message would keep its user for ever: after `MOST_FAILURES` turns in a row the dialog
    starts anew. What `user` holds stays.
    """
    failures = state.get("failures", 0) + 1 if isinstance(state.get("failures", 0), int) else 1
    if failures < MOST_FAILURES:
        return {**state, "failures": failures}, False
    kept = {key: value for key, value in state.items() if key not in _TOPIC}
    return kept, any(state.get(key) for key in ("slots", "waiting", "asked"))


def _variable(value: Any, name: str) -> Any:
    try:
        return storable(value, name)
    except ValueError as error:
        raise NotStorable(str(error), name) from None


def storable(value: Any, name: str) -> Any:
    """Return a copy of a value as it comes back in the next turn: tuples are lists, keys texts, markup plain text.

    Args:
        value: Whatever a template may assign.
        name: How it is called in errors.

    Raises:
        ValueError: It is no JSON value, or holds one that is none; the text says what to do.
    """
    if isinstance(value, list | tuple | dict):
        try:
            check_content(value, name, STATE_LIMIT)
        except OverflowError:
            raise ValueError(f"{name} holds too much to be stored, or holds itself") from None
    return _storable(value, name)


def _storable(value: Any, name: str) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, name)
        case int():
            return _whole(value, name)
        case float():
            if not isfinite(value):
                raise ValueError(f"{name} is {value}, and no such number can be stored")
            return value
        case Decimal():
            return _storable(int(value) if value == value.to_integral_value() else float(value), name)
        case list() | tuple():
            return [_storable(item, f"{name}[{index}]") for index, item in enumerate(value)]
        case dict():
            return {_key(key, name): _storable(item, f"{name}[{key!r}]") for key, item in value.items()}
        case date():
            hint = "isoformat" if isinstance(value, datetime) else "a text"
            raise ValueError(f"{name} is a date, which cannot be stored; store {hint}: {name}.isoformat()")
        case Undefined():
            raise ValueError(f"{name} is undefined, which cannot be stored")
    raise ValueError(f"{name} is of type {type(value).__name__}, which cannot be stored; store a text, number or list")


def _text(value: str, name: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} holds half a surrogate pair, which UTF-8 cannot write") from None
    return text


def _whole(value: int, name: str) -> int:
    if abs(value) >= 10**DIGITS_LIMIT:
        raise ValueError(f"{name} has more than {DIGITS_LIMIT} digits")
    return int(value)


def _key(key: Any, name: str) -> str:
    match key:
        case str():
            return _text(key, name)
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case int() | float():
            return repr(key)
    raise ValueError(f"{name} has the key {key!r}: keys that can be stored are texts")


def copied(value: Any) -> Any:
    """Return a copy of JSON values that shares no list or mapping with them."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_KINDS = frozenset(Kind)
_TOPIC = frozenset({"slots", "waiting", "asked", "failures"})
_OWN = _TOPIC | {"user"}
