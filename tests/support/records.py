"""What the load generator and the stand-in of Telegram write down, and the history checker reads.

Times are `time.monotonic()` in seconds: on Linux one clock for all processes of the machine.
"""

from typing import Literal

import msgspec

Outcome = Literal["ok", "429", "early", "400", "403", "500", "500_after", "lost", "stall"]
"""How a call ended.

ok           delivered and answered
429          not delivered: too many requests, with `retry_after`
early        not delivered: sent before the time that an earlier 429 named
400, 403     not delivered, and never will be: bad request, blocked by the user
500          not delivered: the server failed first
500_after    delivered, and answered 500 all the same
lost         delivered, then the connection was closed without an answer
stall        delivered, and never answered
"""

DELIVERED: frozenset[str] = frozenset({"ok", "500_after", "lost", "stall"})


class Call(msgspec.Struct):
    """One call of the Bot API, as the platform saw it."""

    n: int
    """Place in the order of arrival, counted from 0."""
    method: str
    chat: str
    """Empty for methods that go to no chat."""
    text: str
    """Text of the message, or the photo's caption."""
    arrived: float
    wall: float
    """Time of arrival in seconds since 1970, to find it in logs."""
    outcome: Outcome
    answered: float | None = None
    """When the answer (or for `lost` the end of the connection) was handed to the socket; None: the caller never got
    one, because it went away first or because of `stall`."""
    retry_after: int | None = None
    """Seconds, in the answer of `429` and `early`."""
    photo: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the user sees the message."""
        return self.outcome in DELIVERED

    @property
    def known(self) -> bool:
        """Whether the caller was told what became of the call."""
        return self.answered is not None and self.outcome not in ("lost", "stall", "500_after", "500")


class Delivery(msgspec.Struct):
    """One attempt to hand an update to the webhook."""

    sent: float
    answered: float | None = None
    """When the answer was complete, or the attempt was given up."""
    status: int | None = None
    """HTTP status; None where no answer came."""
    error: Literal["", "reset", "closed", "timeout"] = ""
    """Why no answer came: nobody knows whether the update was taken."""

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sent(msgspec.Struct):
    """One update and all its deliveries."""

    update_id: int
    chat: str
    text: str
    """`chat/number`: 17/3 is the third message of chat 17."""
    due: float
    """When it was to be sent (open loop); else when its turn came."""
    deliveries: list[Delivery] = []

    @property
    def first_sent(self) -> float:
        return self.deliveries[0].sent

    @property
    def acknowledged(self) -> float | None:
        """When the first 2xx was received; None: never."""
        return min((d.answered for d in self.deliveries if d.acknowledged and d.answered is not None), default=None)


class LoadRecord(msgspec.Struct):
    """What a run of the load generator did and saw."""

    started: float
    ended: float
    updates: list[Sent]
    refused: int = 0
    """Connections that could not be opened."""
    dropped_idle: int = 0
    """Connections that the server closed while nothing was under way on them: harmless."""
    late: float = 0.0
    """How far behind its own clock the open loop fell at worst, seconds."""
    cpu: float = 0.0
    """CPU seconds that the load generator itself used from `started` on."""

    @property
    def failures(self) -> dict[str, int]:
        """How often each thing other than a 2xx came of a delivery: `reset`, `closed`, `timeout`, `503`, …"""
        counts: dict[str, int] = {}
        for update in self.updates:
            for delivery in update.deliveries:
                if not delivery.acknowledged:
                    name = delivery.error or str(delivery.status)
                    counts[name] = counts.get(name, 0) + 1
        return counts

    @property
    def latencies(self) -> list[float]:
        """Seconds from sending to the answer, of each acknowledged delivery."""
        return [
            delivery.answered - delivery.sent
            for update in self.updates
            for delivery in update.deliveries
            if delivery.acknowledged and delivery.answered is not None
        ]
