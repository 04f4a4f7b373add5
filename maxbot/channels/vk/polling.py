"""Ask VK for events: https://dev.vk.com/en/api/bots-long-poll/getting-started

    groups.getLongPollServer     → server, key, ts
    GET server?act=a_check&...   → ts and events; or failed: 1 goes on with its ts, 2 needs a new key, 3 also a new ts

VK's first `ts` is now: what came while nobody polled would be left out. So the last one is kept, and asked with first;
VK says where it does not have those events any more.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from maxbot.channels.base import Accept
from maxbot.channels.elsewhere import Elsewhere
from maxbot.channels.json import decode
from maxbot.channels.trouble import Trouble
from maxbot.channels.vk.api import Denied, VkApi
from maxbot.channels.vk.bookmark import Bookmark
from maxbot.channels.vk.servers import Servers
from maxbot.channels.vk.updates import KINDS
from maxbot.errors import BadRequest, Misconfigured, RetryLater, StartError
from maxbot.types import Update

logger = logging.getLogger(__name__)

POLL_TIMEOUT = 25
"""Seconds for which VK keeps a request for events open while there are none."""

AT_ONCE = 0.05
"""Seconds within which an answer without news came at once, and for which we pause then: that API is in a loop."""

TS_IS_OLD, KEY_IS_OLD = 1, 2

Parse = Callable[[bytes], Sequence[Update]]
"""Returns what an event of VK has for us. Raises BadRequest."""

_Ts = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Session(msgspec.Struct):
    server: str
    key: str
    ts: _Ts | int


class _News(msgspec.Struct):
    ts: _Ts | int | None = None
    updates: list[msgspec.Raw] = []
    failed: int = 0


_session_decoder = msgspec.json.Decoder(_Session)
_news_decoder = msgspec.json.Decoder(_News)


class Polling:
    """Fetches events.

    Args:
        api: To ask where to ask.
        elsewhere: For that place, which is on another host.
        servers: Know the community.
        bookmark: Says how far the last run came.
        parse: Reads one event.
        version: Of the API.
        timeout: Seconds for a call, beside the time for which VK keeps it open.
    """

    def __init__(
        self,
        api: VkApi,
        elsewhere: Elsewhere,
        servers: Servers,
        bookmark: Bookmark,
        parse: Parse,
        version: str,
        timeout: float,
    ) -> None:
        self._api = api
        self._elsewhere = elsewhere
        self._servers = servers
        self._bookmark = bookmark
        self._parse = parse
        self._version = version
        self._timeout = POLL_TIMEOUT + timeout
        self._trouble = Trouble("VK")
        self._session: _Session | None = None
        self._ts: str | None = None

    async def run(self, accept: Accept) -> None:
        """Switch polling on, then fetch events for ever. Only what was accepted is confirmed.

        What goes wrong is tried again, with a line in the log when it begins and when it is over.

        Raises:
            StartError: VK refuses the token from the beginning.
        """
        await self._trouble.until_done(self._switch_on)
        self._ts = await self._trouble.until_done(self._bookmark.last)
        while True:
            began, before = time.monotonic(), self._ts
            await self._trouble.until_done(lambda: self._round(accept))
            if self._ts == before and time.monotonic() - began < AT_ONCE:
                await asyncio.sleep(AT_ONCE)

    async def _switch_on(self) -> None:
        try:
            group = await self._servers.group()
        except Misconfigured as error:
            raise StartError(str(error)) from None
        wanted: dict[str, Any] = dict.fromkeys(KINDS, 1)
        try:
            await self._api.call(
                "groups.setLongPollSettings", group_id=group, enabled=1, api_version=self._version, **wanted
            )
        except (Misconfigured, Denied):
            # Such a token can poll all the same, if somebody switched it on by hand.
            logger.info("This token may not change VK's settings: see that Manage → API usage → Long Poll API is on")

    async def _round(self, accept: Accept) -> None:
        if self._session is None:
            group = await self._servers.group()
            self._session = await self._api.ask(_session_decoder, "groups.getLongPollServer", group_id=group)
            if self._ts is None:
                self._ts = str(self._session.ts)
                await self._bookmark.keep(self._ts)
        news = await self._ask(self._session)
        if news.failed:
            self._begin_anew(news)
            return
        if news.ts is None:
            raise BadRequest("VK's answer has no ts")
        await accept([update for raw in news.updates for update in self._read(raw)])
        self._ts = str(news.ts)
        await self._bookmark.keep(self._ts)

    async def _ask(self, session: _Session) -> _News:
        query = {"act": "a_check", "key": session.key, "ts": self._ts or "", "wait": str(POLL_TIMEOUT)}
        client, path = await self._elsewhere.at(session.server)
        response = await client.get(path, query, timeout=self._timeout)
        if response.status != 200:
            self._session = None
            raise RetryLater(f"VK's server for polling answers with HTTP status {response.status}")
        return decode(_news_decoder, response.body)

    def _begin_anew(self, news: _News) -> None:
        if news.failed == TS_IS_OLD and news.ts is not None:
            logger.warning("VK does not have all events of the time without polling any more")
            self._ts = str(news.ts)
            return
        self._session = None
        if news.failed != KEY_IS_OLD:
            self._ts = None

    def _read(self, raw: msgspec.Raw) -> Sequence[Update]:
        """Parse one of many: the others must not wait for ever for one that is malformed."""
        try:
            return self._parse(bytes(raw))
        except BadRequest as error:
            logger.error("Skipped an event of VK: %s", error)
            return []
