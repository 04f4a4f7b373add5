"""What was offered to be pressed, where the platform does not bring it back as the bot said it.

A platform without buttons shows a numbered list: a number or title is typed then. Others take short payloads only: a
name travels in the place of a long one. What is meant is kept with the dialog's address, which every worker finds:

    {"offered": {"choices": [["Red", "red", 1], …],    title, payload, number (0: none is shown) of the last replies
                 "payloads": {"maxbot:…": "…"}}}       of buttons that can still be pressed, the latest last

Choices hold until the bot says something else: a number that is typed later may be an answer to that.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import msgspec

from maxbot.commands import Button, Buttons, Content, QuickReplies, read
from maxbot.types import Address, Message

KEY = "offered"

MOST_PAYLOADS = 100
"""Long payloads of a dialog that are kept: those of the last buttons."""

SIZE_LIMIT = 16 * 1024
"""Bytes that are kept of a dialog; what is more is forgotten, the oldest first."""

_NUMBER = re.compile(r"(\d{1,3})[.)]?")


class _Offered(msgspec.Struct, omit_defaults=True):
    choices: list[tuple[str, str, int]] = []
    payloads: dict[str, str] = {}


def short(payload: str) -> str:
    """Return what travels in the place of a payload that is too long for a platform: 29 characters of ASCII."""
    digest = hashlib.sha256(payload.encode()).digest()[:16]
    return "maxbot:" + urlsafe_b64encode(digest).decode().rstrip("=")


def pressable(content: Content) -> tuple[Button, ...]:
    """Return what a reply offers to be pressed; nothing where it is of another kind."""
    if content.keys().isdisjoint(("buttons", "quick_replies")):
        return ()
    try:
        reply = read(content)
    except ValueError:  # what came of a markup of the author's own
        return ()
    return reply.buttons if isinstance(reply, Buttons) else reply.replies if isinstance(reply, QuickReplies) else ()


class Offers:
    """Gathers what one turn offers."""

    def __init__(self) -> None:
        self._new = _Offered()
        self._speaks = False

    def note(self, content: Content, parts: Sequence[Content]) -> None:
        """Note what became of a reply on its channel."""
        self._speaks = True
        buttons, shown = pressable(content), [button for part in parts for button in pressable(part)]
        if not buttons:
            return
        values = {button.value for button in shown}
        self._new.payloads |= {one: button.value for button in buttons if (one := short(button.value)) in values}
        if not shown:
            words = "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
            self._new.choices = [(one.title, one.value, _number(one.title, words)) for one in buttons if not one.url]

    def note_replies(self, part: Content) -> None:
        """Note quick replies that come back as their titles alone."""
        replies = pressable(part) if "quick_replies" in part else ()
        if any(button.value != button.title for button in replies):
            self._new.choices = [(button.title, button.value, 0) for button in replies]

    def kept(self, address: Address | None, before: Address | None) -> Address | None:
        """Return an address with what is to be known from now on.

        Args:
            address: Where to answer to from now on.
            before: The dialog's, as the turn found it.
        """
        if (before is None or KEY not in before) and not (self._new.choices or self._new.payloads):
            return address  # nearly every turn
        old = _of(before)
        payloads = old.payloads | self._new.payloads
        payloads = dict(list(payloads.items())[-MOST_PAYLOADS:])
        now = msgspec.structs.replace(self._new if self._speaks else old, payloads=payloads)
        while len(msgspec.json.encode(now)) > SIZE_LIMIT:
            if now.payloads:
                now.payloads.pop(next(iter(now.payloads)))
            else:
                now.choices = []
        kept = msgspec.to_builtins(now)
        plain = without(address)
        return {**(plain or {}), KEY: kept} if kept else plain


def without(address: Address | None) -> Address | None:
    """Return an address as its channel made it."""
    if address is None or KEY not in address:
        return address
    return {name: value for name, value in address.items() if name != KEY} or None


def recalled(message: Message, address: Address | None) -> Message:
    """Return what a user means: a choice that is typed is a press, and a press has the payload that the bot gave."""
    if address is None or KEY not in address:
        return message
    offered = _of(address)
    button = message.get("button")
    if isinstance(button, dict):
        return _pressed(message, button, offered)
    text = message.get("text")
    chosen = _chosen(text, offered) if isinstance(text, str) else None
    if chosen is None:
        return message
    title, payload = chosen
    return {**message, "text": title, "button": {"payload": payload, "title": title}}


def _pressed(message: Message, button: dict[str, Any], offered: _Offered) -> Message:
    payload = offered.payloads.get(button.get("payload", ""))
    return message if payload is None else {**message, "button": {**button, "payload": payload}}


def _chosen(text: str, offered: _Offered) -> tuple[str, str] | None:
    words = text.strip().casefold()
    typed = _NUMBER.fullmatch(words)
    wanted = int(typed[1]) if typed else 0
    for title, payload, number in offered.choices:
        if title.strip().casefold() == words or (wanted and number == wanted):
            return title, offered.payloads.get(payload, payload)
    return None


def _number(title: str, words: str) -> int:
    """Return the number before a title in a list, which may have links in it as well; 0 where there is none."""
    found = re.findall(rf"^(\d+)\. {re.escape(title)}$", words, re.MULTILINE)
    return int(found[-1]) if found else 0


def _of(address: Address | None) -> _Offered:
    try:
        return msgspec.convert((address or {}).get(KEY, {}), _Offered)
    except msgspec.ValidationError:
        return _Offered()
