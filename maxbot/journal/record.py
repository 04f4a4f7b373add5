"""What the journal keeps of a turn: a mapping of JSON values. Its keys are listed in docs/reference/journal.md."""

from asyncio import CancelledError
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from maxbot.bot.markup import print_replies
from maxbot.bot.values import json_copy
from maxbot.errors import Mistake
from maxbot.types import Dialog, Message, State

Record: TypeAlias = dict[str, Any]

MOST_CONDITIONS = 100
"""Conditions of one walk that are kept: the last ones, where the node was found or was not."""

DEEPEST = 20
"""Levels of a value that is no JSON; below it is kept as it looks in Python."""


class FinishedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that is over."""

    dialog: Dialog
    utc_time: datetime
    message: Message | None = None
    """What the user said; None in the turn of a request."""
    rpc: dict[str, Any] | None = None
    """What another program asked for: `method` and `params`."""
    commands: list[dict[str, Any]] = []
    """The replies; none where it failed."""
    state: State | None = None
    """What is remembered; None where it failed."""
    before: State | None = None
    """What was remembered before; not written, but errors may repeat it."""
    visited: Any = None
    """What happened in the dialog; None for a Python bot."""
    error: BaseException | None = None


def make_record(turn: FinishedTurn) -> Record:
    """Return the record of a turn."""
    record: Record = {
        "time": turn.utc_time.isoformat(),
        "dialog": {"channel_name": turn.dialog.channel, "user_id": turn.dialog.user},
    }
    if turn.message is not None:
        record["message"] = _json(turn.message)
    if turn.rpc is not None:
        record["rpc"] = _json(turn.rpc)
    if turn.visited is not None:
        record |= _visited(turn.visited)
    for scope in ("slots", "user"):
        if turn.state and isinstance(turn.state.get(scope), dict):
            record[scope] = _json(turn.state[scope])
    if turn.commands and turn.error is None:
        record["response"] = print_replies(turn.commands)
    if turn.error is not None:
        record["error"] = _error(turn.error)
    return record


def _visited(visited: Any) -> Record:
    intents, entities = visited.intents, visited.entities
    return {
        "intents": {
            "top": _intent(getattr(intents, "top", None)),
            "ranking": [_intent(intent) for intent in getattr(intents, "ranking", ())],
        },
        "entities": [_entity(entity) for entity in getattr(entities, "all_objects", ())],
        "tried": [_tried(walk) for walk in visited.walks],
        "events": [{"type": event["type"], "payload": _json(event["payload"])} for event in visited.events],
    }


def _intent(intent: Any) -> Record | None:
    return None if intent is None else {"name": intent.name, "confidence": intent.confidence}


def _entity(entity: Any) -> Record:
    return {name: _json(getattr(entity, name)) for name in ("name", "value", "literal", "start_char", "end_char")}


def _tried(walk: Any) -> Record:
    conditions = walk.conditions
    tried: Record = {"conditions": conditions[-MOST_CONDITIONS:], "found": walk.found is not None}
    if len(conditions) > MOST_CONDITIONS:
        tried["before"] = len(conditions) - MOST_CONDITIONS
    return tried


def _error(error: BaseException) -> Record:
    record: Record = {"message": _text(error)}
    mistake = getattr(getattr(error, "mistake", None), "mistakes", (None,))[0]
    if isinstance(mistake, Mistake):
        record |= {key: value for key, value in _place(mistake) if value is not None}
    return record


def _place(mistake: Mistake) -> Iterator[tuple[str, Any]]:
    yield "file", mistake.file
    yield "line", mistake.line
    yield "column", mistake.column
    yield "snippets", [excerpt] if (excerpt := mistake.excerpt) else None


def _text(error: BaseException) -> str:
    if isinstance(error, CancelledError):
        return "the turn was ended before it was over"
    try:
        return str(error) or type(error).__name__
    except Exception:  # of the bot's own
        return type(error).__name__


def _json(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON, what is none as it looks in Python."""
    try:
        return json_copy(value, "value")
    except ValueError:
        pass
    if depth == DEEPEST:
        return _look(value)
    if isinstance(value, dict):
        return {str(_json(key)): _json(item, depth + 1) for key, item in value.items()}
    return [_json(item, depth + 1) for item in value] if isinstance(value, list | tuple) else _look(value)


def _look(value: Any) -> str:
    try:
        return repr(value).encode("utf-8", "backslashreplace").decode()
    except Exception:  # of the bot's own
        return f"<{type(value).__name__}>"
