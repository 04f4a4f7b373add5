"""A record without what users said: for journals that other people read, or that are kept for long."""

import re
from typing import Any

from maxbot.journal.record import FinishedTurn, Record

LEFT_OUT = "***"

SHORTEST = 3
"""Characters of a word of a user's that is looked for in errors: a shorter one is in every other word."""

_WORD = re.compile(r"\w+")


def without_said(record: Record, turn: FinishedTurn) -> Record:
    """Return a record without values that come from users or are made of them.

    What stays: kinds and names, conditions, which nodes ran, confidences, places in the bot's files.

    Args:
        record: Of the turn.
        turn: What errors may repeat words of: what was said, remembered and set.
    """
    assigned = [event["payload"].get("value") for event in record.get("events", ()) if event["type"] == "assign"]
    said = _words([turn.message, turn.rpc and turn.rpc.get("params"), turn.before, turn.state, assigned])
    shown = {key: value for key, value in record.items() if key not in ("user", "slots")}
    for key in ("user", "slots"):
        if key in record:
            shown[key] = dict.fromkeys(record[key], LEFT_OUT)
    if "message" in record:
        shown["message"] = _hidden(record["message"])
    if "rpc" in record:
        shown["rpc"] = {**record["rpc"], "params": _hidden(record["rpc"].get("params", {}))}
    if "entities" in record:
        shown["entities"] = [{**entity, "value": LEFT_OUT, "literal": LEFT_OUT} for entity in record["entities"]]
    if "events" in record:
        shown["events"] = [_event(event, said) for event in record["events"]]
    if "response" in record:
        shown["response"] = "\n".join(f"<{kind}>{LEFT_OUT}</{kind}>" for reply in turn.commands for kind in reply)
    if "error" in record:
        shown["error"] = {**record["error"], "message": _without(record["error"]["message"], said)}
    return shown


def _words(value: Any) -> set[str]:
    """Return all words in a value, in small letters."""
    if isinstance(value, dict):
        return set().union(*map(_words, value.values()))
    if isinstance(value, list | tuple):
        return set().union(*map(_words, value))
    if value is None or isinstance(value, bool):
        return set()
    return {word.lower() for word in _WORD.findall(str(value)) if len(word) >= SHORTEST}


def _without(text: str, said: set[str]) -> str:
    return _WORD.sub(lambda word: LEFT_OUT if word[0].lower() in said else word[0], text)


def _hidden(value: Any) -> Any:
    """Return a value with its keys and nothing else."""
    return {key: _hidden(item) for key, item in value.items()} if isinstance(value, dict) else LEFT_OUT


def _event(event: Record, said: set[str]) -> Record:
    payload = dict(event["payload"])
    if event["type"] == "assign":
        payload["value"] = LEFT_OUT
    elif event["type"] == "log":
        payload["message"] = LEFT_OUT
    elif isinstance(control := payload.get("control_command"), dict):  # a template may jump to where a user says
        payload["control_command"] = {
            name: {key: _without(str(value), said) for key, value in arguments.items()}
            for name, arguments in control.items()
        }
    return {**event, "payload": payload}
