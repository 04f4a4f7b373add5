"""User locks on Redis: leases that reach from any host to any other one.

A client has two connections: one for calls that never wait (see `calls`), and one on which Redis wakes those who wait.
A holder renews its lease each quarter of it, and counts it as over a quarter before Redis does: then the body is
cancelled. So the lock of a process that died is free after at most a lease, and whoever was paused for longer is not
believed: the database refuses its turn.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from secrets import token_hex
from types import TracebackType

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from maxbot.errors import LockLost
from maxbot.locks import Reach
from maxbot.locks.held import Held
from maxbot.locks.redis.calls import LONGEST_PAUSE, Calls
from maxbot.locks.redis.place import read_place
from maxbot.locks.redis.scripts import LEAVE, RENEW, TAKE
from maxbot.types import Dialog

logger = logging.getLogger(__name__)

MARGIN = 0.25
"""Part of a lease that is left when its holder stops."""

CONNECT_TIMEOUT = 2.0
"""Seconds within which Redis must take a connection, or answer."""

HOPELESS = 3.0
"""Seconds without an answer after which a stop does not wait for one: all that was accepted is stored."""

AGAIN = 0.1
"""Seconds after which a task is cancelled once more."""

CLOSE_TIMEOUT = 1.0
"""Seconds that the end waits for Redis to hear what is free now."""


class RedisLocks:
    """The user locks of a worker. `await start()` first, `await close()` at the end.

    Args:
        url: As `--user-locks` takes it.
        lease: Seconds for which a lock outlives the last sign of its holder.

    Raises:
        UsageError: The URL names no Redis.
    """

    reach: Reach = "anywhere"

    def __init__(self, url: str, lease: float) -> None:
        place = read_place(url)
        self._prefix = place.prefix.encode()
        self._lease = lease
        self._redis = Redis.from_url(
            place.url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=CONNECT_TIMEOUT,
            decode_responses=True,
        )
        self._shown = place.shown
        self._client = token_hex(8)
        self._requests: dict[int, _Lock] = {}
        self._made = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, or go on trying.

        Raises:
            StartError: Redis does not let us in.
        """
        self._calls = Calls(self._redis, self._shown)
        try:
            await self._calls.check()
        except BaseException:
            await self._redis.aclose()
            raise
        self._tasks = [asyncio.create_task(step()) for step in (self._calls.run, self._listen, self._keep)]

    async def close(self) -> None:
        """Let Redis know what is free, if it hears it, and disconnect."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._calls.settle()
        except TimeoutError:
            logger.warning("User locks: %s does not answer; what was held is free after the lease", self._shown)
        await _end([*self._tasks, *([self._renewing] if self._renewing else [])])
        await self._redis.aclose()

    def __call__(self, dialog: Dialog) -> "_Lock":
        return _Lock(self, dialog)

    def is_hopeless(self) -> bool:
        """Whether Redis has been away for so long that a stop had better not wait for locks."""
        return self._calls.away >= HOPELESS

    def __len__(self) -> int:
        return len(self._requests)

    # One request ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(self, lock: "_Lock") -> None:
        self._made += 1
        lock.number, name = self._made, str(lock.dialog).encode("utf-8", "surrogatepass")
        lock.token = b"%s:%d" % (self._client.encode(), lock.number)
        lock.keys = self._prefix + b":lock:" + name, self._prefix + b":waiting:" + name
        self._requests[lock.number] = lock

    async def _take(self, lock: "_Lock") -> None:
        """Return when the lock is held; what happened since it was asked for counts towards the lease."""
        while True:
            lock.woken.clear()
            asked = time.monotonic()
            left = await self._calls.ask(TAKE, *lock.keys, lock.token, self._milliseconds).answer
            if left == 0:
                lock.until = asked + self._lease * (1 - MARGIN)
                if time.monotonic() < lock.until:
                    return
                continue
            try:
                async with asyncio.timeout(left / 1000):
                    await lock.woken.wait()
            except TimeoutError:
                continue  # the holder did not renew it in time, perhaps

    def _leave(self, lock: "_Lock") -> None:
        del self._requests[lock.number]
        over = time.monotonic() + self._lease
        self._calls.ask(LEAVE, *lock.keys, lock.token, self._wake_channel, until=over)

    @property
    def _milliseconds(self) -> int:
        return int(self._lease * 1000)

    @property
    def _wake_channel(self) -> bytes:
        return self._prefix + b":wake:"

    # All of them ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self) -> None:
        """Wake who is told to look again. After a break, all look: nobody knows what was said meanwhile."""
        while True:
            pubsub = self._redis.pubsub()
            try:
                await pubsub.subscribe(self._wake_channel + self._client.encode())
                await self._hear(pubsub)
            except (RedisError, OSError):
                await asyncio.sleep(LONGEST_PAUSE)  # what it means is said where calls are made
            finally:
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _hear(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message = await pubsub.get_message(timeout=self._lease / 2)
            if message is None:
                if asked:
                    raise TimeoutError("no sign of life")
                await pubsub.ping()
            elif message["type"] == "subscribe":
                self._look_at_all()
            elif message["type"] == "message" and (lock := self._requests.get(int(message["data"]))) is not None:
                lock.woken.set()
            asked = message is None

    def _look_at_all(self) -> None:
        for lock in self._requests.values():
            lock.woken.set()
            lock.renew_at = 0.0

    async def _keep(self) -> None:
        """Have leases renewed, and end the bodies of those that were not, whatever Redis does meanwhile."""
        while True:
            await asyncio.sleep(self._lease / 16)
            now = time.monotonic()
            held = [lock for lock in self._requests.values() if lock.began and not lock.lost]
            for lock in held:
                if now >= lock.until:
                    lock.lose()
            due = [lock for lock in held if now >= lock.renew_at and not lock.lost]
            if due and (self._renewing is None or self._renewing.done()):
                self._renewing = asyncio.create_task(self._renew(due))

    async def _renew(self, due: list["_Lock"]) -> None:
        asked = time.monotonic()
        calls = [self._calls.ask(RENEW, lock.keys[0], lock.token, self._milliseconds) for lock in due]
        for lock, call in zip(due, calls, strict=True):
            if await call.answer:
                lock.until = max(lock.until, asked + self._lease * (1 - MARGIN))
                lock.renew_at = asked + self._lease / 4
            elif lock.number in self._requests and not lock.lost:
                lock.lose()


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they are done: redis-py takes a cancellation for a timeout where both come at once."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN)


class _Lock(Held):
    __slots__ = ("_locks", "dialog", "keys", "number", "renew_at", "token", "until", "woken")

    def __init__(self, locks: RedisLocks, dialog: Dialog) -> None:
        super().__init__()
        self._locks = locks
        self.dialog = dialog
        self.number = 0
        self.token = b""
        self.keys = (b"", b"")
        self.until = 0.0
        """The monotonic time up to which the body may run."""
        self.renew_at = 0.0
        self.woken = asyncio.Event()

    def is_sure(self) -> bool:
        """Whether the lease is not over, whatever else this process has not noticed yet."""
        return not self.lost and time.monotonic() < self.until

    async def __aenter__(self) -> "_Lock":
        self._locks._enter(self)
        try:
            await self._locks._take(self)
        except BaseException:
            self._locks._leave(self)
            raise
        self.renew_at = self.until - self._locks._lease * (1 - MARGIN) + self._locks._lease / 4
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._locks._leave(self)
        if self.lost and self.explains(error):
            raise LockLost(f"the user lock of {self.dialog} is lost: Redis did not renew it in time") from error
