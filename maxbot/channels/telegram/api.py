"""Calls of Telegram's API, and what its answers mean: https://core.telegram.org/bots/api#making-requests

not Telegram's JSON   5xx, 2xx: unknown; anything else comes from somebody on the way, and is later
408, 425, 429         later; 429 after the time that Telegram says
401, 404              the token is unknown: the whole channel waits for its operator
400                   moved, where it names the group's new id; closed, where there is no such chat; else never
403                   closed: the user blocked the bot, or it was removed from the group
5xx                   unknown
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any
from urllib.parse import quote

import msgspec

from maxbot.channels.client import ApiClient
from maxbot.channels.http import Response
from maxbot.channels.json import decode
from maxbot.channels.verdict import shown
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    Misconfigured,
    Moved,
    OutcomeUnknown,
    RetryLater,
    SendError,
    Undeliverable,
)

TOKEN_UNKNOWN = (401, 404)
"""Statuses; 404 is for a token that cannot be one: there is no such path."""

SHORTEST_WAIT = 1.0
"""Seconds; Telegram asks for whole ones. What is below is no time to wait for."""


class Parameters(msgspec.Struct):
    """#responseparameters"""

    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class Answer(msgspec.Struct):
    """What Telegram answered to a call."""

    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    parameters: Parameters | None = None
    status: int = 0
    """HTTP's."""
    its_own: bool = True
    """Whether the words are Telegram's: a proxy, too, can say 403."""


_answer_decoder = msgspec.json.Decoder(Answer)


class TelegramApi:
    """Calls methods for one bot.

    Args:
        client: For the base URL.
        token: The bot's.
        secrets: Are taken out of what Telegram says.
    """

    def __init__(self, client: ApiClient, token: str, secrets: Sequence[str]) -> None:
        self._client = client
        self._path = f"/bot{quote(token, safe=':')}/"
        self._secrets = secrets

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def call(self, method: str, payload: dict[str, Any], timeout: float | None = None) -> Answer:
        """Call a method, and return what came back, whatever it is.

        Raises:
            RetryLater: Nothing was sent.
            OutcomeUnknown: It left, and nothing came back in time.
        """
        status, body, _ = await self._client.post_json(self._path + method, payload, timeout=timeout)
        try:
            answer = decode(_answer_decoder, body)
        except BadRequest:
            answer = Answer(ok=False, its_own=False)
        answer.status = status
        return answer

    async def done(self, method: str, payload: dict[str, Any]) -> None:
        """Call a method that is to do something.

        Raises:
            SendError: It did not.
        """
        self.result(await self.call(method, payload))

    async def file(self, path: str, timeout: float) -> Response:
        """Return what came back for a file of a user: its address has the token in it, and is for nobody else.

        Raises:
            RetryLater: Nothing was sent.
            OutcomeUnknown: It left, and nothing came back in time.
        """
        return await self._client.get(f"/file{self._path}{quote(path)}", timeout=timeout)

    def result(self, answer: Answer) -> msgspec.Raw:
        """Return the result of a call that succeeded.

        Raises:
            SendError: It did not; of the class that the head of this file says.
        """
        if answer.status == 200 and answer.ok:
            return answer.result
        raise self._failure(answer)

    def reason(self, answer: Answer) -> str:
        """Return Telegram's own text, without a secret that it might repeat."""
        return shown(answer.description, self._secrets) or f"HTTP status {answer.status}"

    def _failure(self, answer: Answer) -> SendError:
        status, reason = answer.status, self.reason(answer)
        if status == 429:
            return RetryLater(reason, _wait(answer.parameters))
        if status in (408, 425):
            return RetryLater(reason)
        if 300 <= status < 400:
            return RetryLater(f"{reason}, a redirect, which is not followed: check api_url")
        if 400 <= status < 500:
            if answer.its_own:
                return self._refusal(status, reason, answer.parameters)
            return RetryLater(f"{reason}, and not from Telegram: something on the way to it answered")
        return OutcomeUnknown(reason)

    def _refusal(self, status: int, reason: str, parameters: Parameters | None) -> SendError:
        if status in TOKEN_UNKNOWN:
            return Misconfigured(f"Telegram does not know this token ({reason}): check api_token")
        if parameters and parameters.migrate_to_chat_id is not None:
            return Moved(reason, str(parameters.migrate_to_chat_id))
        if status == 403 or "chat not found" in reason:
            return DialogClosed(reason)
        return Undeliverable(reason)


def _wait(parameters: Parameters | None) -> float | None:
    seconds = parameters.retry_after if parameters else None
    return seconds if seconds is not None and isfinite(seconds) and seconds >= SHORTEST_WAIT else None
