"""Decides what happens to each call of the stand-in: by chance from a seed, or by a script."""

from collections import deque
from hashlib import blake2b
from math import ceil

import msgspec

from tests.support.records import Outcome


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """How the stand-in misbehaves. Chances are shares of the sends, from 0 to 1; together at most 1.

    With the same seed, the same attempt at the same message meets the same fate, in whatever order chats come.
    """

    seed: int = 0
    latency: float | tuple[float, float] = 0.0
    """Seconds until the answer: fixed, or spread evenly over a range."""
    p_429: float = 0.0
    retry_after: int = 1
    """Seconds named by a 429. Whoever sends to that chat before they are over is `early`."""
    limit: str = "chat"
    """Whom a 429 is about: `chat`, or `global` for all chats at once."""
    p_5xx: float = 0.0
    p_500_after: float = 0.0
    p_lost: float = 0.0
    p_stall: float = 0.0
    blocked: frozenset[str] = frozenset()
    """Chats that answer 403."""


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """Answers in order for the next calls to a chat, or of a method that goes to no chat.

    An answer is the name of an outcome: `ok`, `ok:0.5` (after half a second), `429:2` (retry after 2 seconds), `400`,
    `403`, `500`, `500_after`, `lost`, `stall`. A call that is early uses up none. Chance takes over after the last.
    """

    answers: list[str]
    chat: str = ""
    method: str = ""


class Fate(msgspec.Struct, frozen=True):
    """What is to happen to one call."""

    outcome: Outcome
    delay: float = 0.0
    """Seconds until the answer."""
    retry_after: int | None = None


GOOD = Fate("ok")


class Judge:
    """Gives each call its fate."""

    def __init__(self, faults: Faults) -> None:
        self._scripts: dict[str, deque[Fate]] = {}
        self._not_before: dict[str, float] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self.set(faults)

    def set(self, faults: Faults) -> None:
        """Change the rules from the next call on. Scripts and what 429s promised stay."""
        chances = (faults.p_429, faults.p_5xx, faults.p_500_after, faults.p_lost, faults.p_stall)
        if min(chances) < 0 or sum(chances) > 1 or faults.limit not in ("chat", "global"):
            raise ValueError(f"these faults do not go together: {faults}")
        self.faults = faults
        self._harmless = not sum(chances) and not faults.latency

    def add(self, script: Script) -> None:
        if bool(script.chat) == bool(script.method):
            raise ValueError("a script is for a chat or for a method")
        queue = self._scripts.setdefault(script.chat or script.method, deque())
        queue.extend(_parse(answer) for answer in script.answers)

    def call(self, method: str) -> Fate:
        """Fate of a call that goes to no chat: only scripts apply."""
        queue = self._scripts.get(method) if self._scripts else None
        return queue.popleft() if queue else GOOD

    def send(self, chat: str, text: str, now: float) -> Fate:
        """Fate of a message to a chat."""
        if chat in self.faults.blocked:
            return Fate("403")
        if self._not_before:
            wait = max(self._not_before.get(chat, 0.0), self._not_before.get("*", 0.0)) - now
            if wait > 0:
                return Fate("early", retry_after=ceil(wait))
        queue = self._scripts.get(chat) if self._scripts else None
        if queue:
            fate = queue.popleft()
        elif self._harmless:
            return GOOD
        else:
            fate = self._by_chance(chat, text)
        if fate.retry_after is not None:
            scope = "*" if self.faults.limit == "global" else chat
            self._not_before[scope] = now + fate.retry_after
        return fate

    def _by_chance(self, chat: str, text: str) -> Fate:
        faults = self.faults
        attempt = self._attempts[chat, text] = self._attempts.get((chat, text), 0) + 1
        digest = blake2b(f"{faults.seed}/{chat}/{text}/{attempt}".encode(), digest_size=8).digest()
        chance = int.from_bytes(digest[:4]) / 2**32
        delay = 0.0
        if faults.latency:
            low, high = faults.latency if isinstance(faults.latency, tuple) else (faults.latency, faults.latency)
            delay = low + (high - low) * int.from_bytes(digest[4:]) / 2**32
        if (chance := chance - faults.p_429) < 0:
            return Fate("429", delay, faults.retry_after)
        if (chance := chance - faults.p_5xx) < 0:
            return Fate("500", delay)
        if (chance := chance - faults.p_500_after) < 0:
            return Fate("500_after", delay)
        if (chance := chance - faults.p_lost) < 0:
            return Fate("lost", delay)
        if chance - faults.p_stall < 0:
            return Fate("stall")
        return Fate("ok", delay)


def _parse(answer: str) -> Fate:
    name, _, detail = answer.partition(":")
    match name:
        case "429":
            return Fate("429", retry_after=int(detail or 1))
        case "ok" | "400" | "403" | "500" | "500_after" | "lost":
            return Fate(name, delay=float(detail or 0))
        case "stall" if not detail:
            return Fate("stall")
    raise ValueError(f"not an answer that the stand-in knows: {answer}")
