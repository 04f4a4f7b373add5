"""A record of the journal as lines for people.

09:30:00 web:ada 🧑 hello
                 🤖 Good day!
"""

from collections.abc import Iterator
from typing import Any

from maxbot.journal.record import Record
from maxbot.logs import escape

SAID, ASKED, ANSWERED, NOTED, FAILED = "🧑", "💡", "🤖", "·", "✗"

_WIDE = {SAID, ASKED, ANSWERED, "  "}
"""Signs that are two columns wide."""

_COLOURS = {"dim": "2", "said": "1", "answered": "36", "warned": "33", "failed": "31"}


def lines(record: Record, verbosity: int = 0, *, colours: bool = False) -> list[str]:
    """Return a record as lines.

    Args:
        record: As `make_record` returns it.
        verbosity: From -1 (only failed turns) over 0 (what was said) and 1 (what was recognised and remembered) to 2
            (everything).
        colours: Those of a terminal.
    """
    if verbosity < -1 or (verbosity == -1 and "error" not in record):
        return []
    head = f"{record['time'][11:19]} {record['dialog']['channel_name']}:{record['dialog']['user_id']}"
    found: list[str] = []
    for sign, text, colour in _entries(record, verbosity):
        for line in text.split("\n"):
            shown = escape(head) if not found else " " * len(escape(head))
            found.append(f"{_coloured(shown, 'dim', colours)} {sign} {_coloured(escape(line), colour, colours)}")
            sign = "  " if sign in _WIDE else " "
    return found


def _entries(record: Record, verbosity: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is shown of a record: a sign, a text and its colour."""
    if "rpc" in record:
        yield ASKED, f"{record['rpc'].get('method')} {record['rpc'].get('params', {})}", "said"
    elif "message" in record:
        yield SAID, message_text(record["message"]), "said"
    if verbosity >= 1:
        yield from ((NOTED, text, "dim") for text in _recognised(record))
    for event in record.get("events", ()):
        yield from _event(event["type"], event["payload"], verbosity)
    if verbosity >= 2:
        yield from ((NOTED, text, "dim") for text in _tried(record))
    if "response" in record:
        yield ANSWERED, _plain(record["response"]), "answered"
    elif "error" not in record and verbosity >= 0:
        yield ANSWERED, "(nothing)", "dim"
    if "error" in record:
        yield FAILED, record["error"]["message"], "failed"
        yield from ((" ", snippet, "dim") for snippet in record["error"].get("snippets", ()))
    if verbosity >= 2 or (verbosity == 1 and "error" in record):
        yield from ((NOTED, f"{scope}: {record[scope]}", "dim") for scope in ("user", "slots") if scope in record)


def message_text(message: dict[str, Any]) -> str:
    """Return what a user said, on one line: a text as it is, what else there is behind its kind."""
    rest = [f"[{kind}: {_inside(value)}]" for kind, value in message.items() if kind != "text"]
    return " ".join([str(message["text"]), *rest] if "text" in message else rest)


def _inside(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(str(item) for item in value.values())


def _plain(response: str) -> str:
    """Return a response that is one line of text without its element."""
    inner = response.removeprefix("<text>").removesuffix("</text>")
    return inner if response == f"<text>{inner}</text>" and "<" not in inner else response


def _recognised(record: Record) -> Iterator[str]:
    ranking = record.get("intents", {}).get("ranking", ())
    if ranking:
        yield "intents: " + ", ".join(f"{intent['name']} {intent['confidence']:.2f}" for intent in ranking)
    if record.get("entities"):
        yield "entities: " + ", ".join(
            f"{entity['name']}={entity['value']} ({entity['literal']!r})" for entity in record["entities"]
        )


def _tried(record: Record) -> Iterator[str]:
    for walk in record.get("tried", ()):
        tried = [*walk["conditions"]]
        if walk["found"]:
            tried[-1] = f"{tried[-1]} ✓"
        yield "tried: " + "; ".join(([f"({walk['before']} before)"] if "before" in walk else []) + tried)


def _event(kind: str, payload: dict[str, Any], verbosity: int) -> Iterator[tuple[str, str, str]]:
    if kind == "log":
        if payload["level"] == "WARNING" or verbosity >= 0:
            yield NOTED, f"{payload['level'].lower()}: {payload['message']}", "warned"
    elif kind == "assign" and verbosity >= 1:
        scope = "slots" if "slots" in payload else "user"
        yield NOTED, f"{scope}.{payload[scope]} = {payload['value']!r}", "dim"
    elif kind == "delete" and verbosity >= 1:
        yield NOTED, "delete " + ", ".join(f"{scope}.{name}" for scope, name in payload.items()), "dim"
    elif verbosity >= 2:
        yield NOTED, f"{kind} {_event_text(payload)}", "dim"


def _event_text(payload: dict[str, Any]) -> str:
    parts = []
    for name, value in payload.items():
        if name == "node" and isinstance(value, dict):
            parts.append(str(value.get("label") or value.get("condition")))
        elif name == "control_command" and isinstance(value, dict):
            parts.append("→ " + ", ".join(value))
        else:
            parts.append(str(value))
    return " ".join(parts)


def _coloured(text: str, colour: str, colours: bool) -> str:
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colours and text.strip() else text
