"""Ask Telegram for updates: https://core.telegram.org/bots/api#getupdates, #deletewebhook"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from maxbot.channels.base import Accept
from maxbot.channels.json import decode
from maxbot.channels.telegram.api import TOKEN_UNKNOWN, TelegramApi
from maxbot.channels.telegram.updates import update_id
from maxbot.channels.trouble import Trouble
from maxbot.errors import BadRequest, MaxBotError, RetryLater, StartError
from maxbot.types import Update

logger = logging.getLogger(__name__)

POLL_TIMEOUT = 25
"""Seconds for which Telegram keeps a request for updates open while there are none."""

AT_ONCE = 0.05
"""Seconds within which an answer without news came at once, and for which we pause then: that API is in a loop."""

CONFLICT_OVER = 60.0
"""Seconds without a conflict after which it is over: two who poll both get something now and then."""

Parse = Callable[[bytes], Sequence[Update]]
"""Returns what an update of Telegram has for us. Raises BadRequest."""

_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class Polling:
    """Fetches updates.

    Args:
        api: To ask.
        parse: Reads one update.
        kinds: Of updates, that are fetched.
        timeout: Seconds for a call, beside the time for which Telegram keeps it open.
    """

    def __init__(self, api: TelegramApi, parse: Parse, kinds: Sequence[str], timeout: float) -> None:
        self._api = api
        self._kinds = kinds
        self._parse = parse
        self._timeout = POLL_TIMEOUT + timeout
        self._trouble = Trouble("Telegram", self._over_after)
        self._token_is_good = False

    async def run(self, accept: Accept) -> None:
        """Remove the webhook, then fetch updates for ever. Only what was accepted is confirmed.

        What goes wrong is tried again, with a line in the log when it begins and when it is over.

        Raises:
            StartError: Telegram says that it does not know the token, and never knew it in this run.
        """
        offset = 0
        await self._trouble.until_done(self._remove_webhook)
        while True:
            began = time.monotonic()
            ids = await self._trouble.until_done(partial(self._round, offset, accept))
            is_new = bool(ids) and max(ids) + 1 != offset
            # Back to 0 once the offset was taken: after a week without updates Telegram goes on with a random id, which
            # may be lower.
            offset = max(ids) + 1 if ids else 0
            if not is_new and time.monotonic() - began < AT_ONCE:
                await asyncio.sleep(AT_ONCE)

    @staticmethod
    def _over_after(error: MaxBotError) -> float:
        return CONFLICT_OVER if isinstance(error, _Conflict) else 0.0

    async def _remove_webhook(self) -> None:
        await self._call("deleteWebhook", {})

    async def _round(self, offset: int, accept: Accept) -> list[int]:
        """Fetch and accept what there is, and return the numbers of the updates."""
        asked = {"offset": offset, "timeout": POLL_TIMEOUT, "allowed_updates": self._kinds}
        fetched = decode(_batch_decoder, await self._call("getUpdates", asked))
        await accept([update for raw in fetched for update in self._read(raw)])
        ids = [id for raw in fetched if (id := update_id(raw)) is not None]
        if fetched and not ids:
            raise BadRequest("no update that came has an update_id")
        return ids

    async def _call(self, method: str, payload: dict[str, Any]) -> msgspec.Raw:
        answer = await self._api.call(method, payload, self._timeout)
        reason = self._api.reason(answer)
        if answer.status in TOKEN_UNKNOWN and answer.its_own and not self._token_is_good:
            raise StartError(f"Telegram does not know this token ({reason}): check api_token")
        if answer.status == 409:
            raise _Conflict(f"another program takes this bot's updates ({reason})")
        result = self._api.result(answer)
        self._token_is_good = True
        return result

    def _read(self, raw: msgspec.Raw) -> Sequence[Update]:
        """Parse one of many: the others must not wait for ever for one that is malformed."""
        try:
            return self._parse(bytes(raw))
        except BadRequest as error:
            logger.error("Skipped an update of Telegram: %s", error)
            return []


class _Conflict(RetryLater):
    """Somebody else polls with the same token."""
