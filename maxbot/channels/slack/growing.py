"""A message of Slack that grows while it is written: posted once, changed then.

Slack has no way to post a message twice and have it once. So a message that is begun carries its key as metadata, and
whoever does not know what became of the call looks for it among the latest messages: the scope `im:history`, which
`message.im` needs as well, and `channels:history` and its kin elsewhere. An app without it begins a message anew.

Source: https://docs.slack.dev/reference/methods/chat.update, https://docs.slack.dev/messaging/message-metadata,
https://docs.slack.dev/reference/methods/conversations.history (`include_all_metadata`) and conversations.replies
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from maxbot.channels.slack.api import SlackApi, ts_of
from maxbot.errors import DialogClosed, Misconfigured, OutcomeUnknown, RetryLater, Undeliverable
from maxbot.types import Begun

logger = logging.getLogger(__name__)

LOOK_BACK = 24 * 3600
"""Seconds: what is older is not looked for."""

MOST_LOOKED_AT = 200
"""Messages."""

EVENT = "maxbot_reply"


class _Metadata(msgspec.Struct):
    event_type: str = ""
    event_payload: dict[str, Any] = {}


class _Message(msgspec.Struct):
    ts: str = ""
    metadata: _Metadata | None = None


class _History(msgspec.Struct):
    messages: list[_Message] = []


_history_decoder = msgspec.json.Decoder(_History)


class Growing:
    """Messages that grow, of one app.

    Args:
        api: Calls Slack.
        clock: Seconds since 1970.
    """

    def __init__(self, api: SlackApi, clock: Callable[[], float]) -> None:
        self._api = api
        self._clock = clock
        self._said_blind = False

    async def draft(self, payload: dict[str, Any], where: Mapping[str, str], key: str, begun: Begun | None) -> Begun:
        """Post what there is of a reply, or change the message that was begun.

        Args:
            payload: Of chat.postMessage, with nothing but a text.
            where: The `channel` and, in a thread, its `thread_ts`.
            key: Names the message.
            begun: See `Channel.draft`.

        Raises:
            SendError: As `SlackApi` does.
        """
        if begun == {}:
            begun = await self._found(where, key)
        if begun:
            await self._change(payload, where, key, begun)
            return begun
        marked = {**payload, **where, "metadata": _metadata(key)}
        return {"ts": ts_of(await self._api.call("chat.postMessage", marked))}

    async def finished(self, payload: dict[str, Any], where: Mapping[str, str], key: str, begun: Begun) -> bool:
        """Give a message that was begun its last words; return whether it took them: it may be gone, or too old.

        Raises:
            SendError: As `SlackApi` does, but for messages that Slack does not change.
        """
        if not begun and (found := await self._found(where, key)):
            begun = found
        if not begun:
            return False
        try:
            await self._change(payload, where, key, begun)
        except DialogClosed:
            raise
        except Undeliverable as error:
            logger.debug("A message that was begun is sent to Slack anew: %s", error)
            return False
        return True

    async def _change(self, payload: dict[str, Any], where: Mapping[str, str], key: str, begun: Begun) -> None:
        # It does not take `mrkdwn`; and the thread is the message's own.
        change = {name: value for name, value in payload.items() if name != "mrkdwn"}
        marked = {**change, "channel": where["channel"], **begun, "metadata": _metadata(key)}
        await self._api.call("chat.update", marked)

    async def _found(self, where: Mapping[str, str], key: str) -> Begun | None:
        """Return what names the message with a key; None where there is none, or the app may not look.

        Raises:
            SendError: Slack does not say now.
        """
        thread = where.get("thread_ts")
        method = "conversations.replies" if thread else "conversations.history"
        fields = {"channel": where["channel"], "include_all_metadata": "true", "limit": str(MOST_LOOKED_AT)}
        fields |= {"ts": thread} if thread else {}
        try:
            history: _History = await self._api.ask(
                _history_decoder, method, **fields, oldest=f"{self._clock() - LOOK_BACK:.6f}"
            )
        except DialogClosed:
            raise
        except OutcomeUnknown as error:
            reason = error.reason  # of the look: nothing was sent
        except (Misconfigured, Undeliverable) as error:
            self._say_blind(error)
            return None
        else:
            return next(({"ts": message.ts} for message in history.messages if _key(message) == key), None)
        raise RetryLater(reason)

    def _say_blind(self, error: Exception) -> None:
        if not self._said_blind:
            self._said_blind = True
            logger.warning(
                "A reply that was begun at Slack cannot be looked for, and its part may stay beside the whole: "
                "give the app the scope im:history (channels:history, groups:history, mpim:history): %s",
                error,
            )


def _metadata(key: str) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"key": key}}


def _key(message: _Message) -> str | None:
    metadata = message.metadata
    return metadata.event_payload.get("key") if metadata is not None and metadata.event_type == EVENT else None
