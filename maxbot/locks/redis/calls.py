"""Calls of Redis: gathered, in order, and made until they are answered.

What is asked for while a round trip is under way goes with the next one: one write and one read for any number of
turns. Redis may be gone at any time, and may come back without what it had: a call waits for it, unless nobody needs
its answer any more.
"""

import asyncio
import logging
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, AuthorizationError, NoScriptError, RedisError

from maxbot.backoff import backoff
from maxbot.errors import StartError
from maxbot.locks.redis.scripts import LEAVE, RENEW, TAKE, Script

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 0.5
"""Seconds between two attempts at a Redis that is gone."""

_Unavailable = (RedisError, OSError)


class Call:
    """One script for one request.

    Args:
        script: What to run.
        args: Its keys, then the rest.
        until: The monotonic time after which nobody needs it any more; None: as long as somebody waits for it.
    """

    __slots__ = ("answer", "args", "script", "until")

    def __init__(self, script: Script, args: tuple[bytes | int, ...], until: float | None) -> None:
        self.script = script
        self.args = args
        self.until = until
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def is_over(self) -> bool:
        """Whether nobody needs it any more."""
        return self.answer.done() or (self.until is not None and time.monotonic() > self.until)


class Calls:
    """The calls of one client.

    Args:
        redis: Makes no second attempts of its own.
        shown: Which one it is, for the log.
    """

    def __init__(self, redis: "Redis", shown: str) -> None:
        self._redis = redis
        self._shown = shown
        self._waiting: list[Call] = []
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._hashes: dict[Script, str] = {}
        self._failures = 0
        self._away_since: float | None = None

    @property
    def away(self) -> float:
        """For how many seconds Redis has not answered."""
        return 0.0 if self._away_since is None else time.monotonic() - self._away_since

    async def check(self) -> None:
        """Say hello. A Redis that is gone is waited for later.

        Raises:
            StartError: It is there, and does not let us in.
        """
        try:
            await self._load()
        except (AuthenticationError, AuthorizationError) as error:
            raise StartError(f"User locks: {self._shown} does not let maxbot in: {error}") from None
        except _Unavailable as error:
            self._failed(error)

    def ask(self, script: Script, *args: bytes | int, until: float | None = None) -> Call:
        """Have a script run; await the call's `answer`."""
        call = Call(script, args, until)
        self._waiting.append(call)
        self._wanted.set()
        self._idle.clear()
        return call

    async def settle(self) -> None:
        """Wait until there is nothing left to ask."""
        await self._idle.wait()

    async def run(self) -> None:
        """Make the calls, for as long as this runs."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            calls, self._waiting = self._waiting, []
            while calls:
                calls = await self._make(calls)
            if not self._waiting:
                self._idle.set()

    async def _make(self, calls: list[Call]) -> list[Call]:
        """Make calls; return what is left of them, after a pause where Redis did not answer."""
        try:
            if not self._hashes:
                await self._load()
            answers = await self._execute(calls)
        except _Unavailable as error:
            answers = [error]
        failure = next((answer for answer in answers if isinstance(answer, Exception)), None)
        if failure is None:
            self._answered(calls, answers)
            return []
        if isinstance(failure, NoScriptError):  # it was started anew
            self._hashes.clear()
        else:
            self._failed(failure)
            await asyncio.sleep(backoff(self._failures, first=0.02, longest=LONGEST_PAUSE))
        return [call for call in calls if not call.is_over()]

    async def _execute(self, calls: list[Call]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for call in calls:
            pipeline.evalsha(self._hashes[call.script], call.script.keys, *call.args)
        return list(await pipeline.execute(raise_on_error=False))

    async def _load(self) -> None:
        for script in (TAKE, LEAVE, RENEW):
            self._hashes[script] = str(await self._redis.script_load(script.text))

    def _answered(self, calls: list[Call], answers: list[Any]) -> None:
        if self._failures:
            logger.warning("User locks: %s answers again", self._shown)
            self._failures, self._away_since = 0, None
        for call, answer in zip(calls, answers, strict=True):
            if not call.answer.done():
                call.answer.set_result(int(answer))

    def _failed(self, error: BaseException) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            logger.error("User locks: %s does not answer; messages are accepted, turns wait: %s", self._shown, error)
        self._failures += 1
