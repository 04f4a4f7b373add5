"""A record without what users said: for journals that other people read, or that are kept for long."""

import re
from typing import Any

from maxbot.journal.record import Record

LEFT_OUT = "***"

_TEXT = re.compile(r">[^<]*[^<\s][^<]*<")
_ATTRIBUTE = re.compile(r'="[^"]*"')

SHORTEST = 3
"""Characters of what a user said that is looked for in errors: a shorter one is in every word."""

_OWN = ("log", "assign")
"""Events that hold values."""


def without_said(record: Record) -> Record:
    """Return a record without values that come from users or are made of them.

    What stays: kinds and names, conditions, which nodes ran, confidences, places in the bot's files.
    """
    said = [*_texts(record.get("message")), *_texts(record.get("rpc", {}).get("params"))]
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
        shown["events"] = [_event(event) for event in record["events"]]
    if "response" in record:
        shown["response"] = _response(record["response"])
    if "error" in record:
        shown["error"] = {**record["error"], "message": _without(record["error"]["message"], said)}
    return shown


def _texts(value: Any) -> list[str]:
    """Return all texts in a value, the longest first."""
    if isinstance(value, str):
        return [value] if len(value) >= SHORTEST else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sorted((text for item in inner for text in _texts(item)), key=len, reverse=True)


def _without(text: str, said: list[str]) -> str:
    for words in said:
        text = text.replace(words, LEFT_OUT)
    return text


def _hidden(value: Any) -> Any:
    """Return a value with its keys and nothing else."""
    return {key: _hidden(item) for key, item in value.items()} if isinstance(value, dict) else LEFT_OUT


def _event(event: Record) -> Record:
    payload = event["payload"]
    if event["type"] == "assign":
        return {**event, "payload": {**payload, "value": LEFT_OUT}}
    return {**event, "payload": {**payload, "message": LEFT_OUT}} if event["type"] == "log" else event


def _response(response: str) -> str:
    return _ATTRIBUTE.sub(f'="{LEFT_OUT}"', _TEXT.sub(f">{LEFT_OUT}<", response))
