"""Calls of VK's API, and what its answers mean. An error comes with status 200, in the body.

not VK's JSON   5xx, 2xx: unknown; anything else comes from somebody on the way, and is later
6, 29, 9        later: too many calls (the whole channel waits), too many of one kind, too many to one user
1, 10, 36       unknown: it failed inside of VK, or took too long there
7, 15           later, for this dialog: perhaps it is denied for this call only
the token, its rights, a captcha          the whole channel waits for its operator
not allowed, blocked, left, no such chat  closed
all others                                never

Source: https://dev.vk.com/en/reference/errors and VKCOM/vk-api-schema, `errors.json`
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from maxbot.channels.client import ApiClient
from maxbot.channels.http import Response
from maxbot.channels.json import decode
from maxbot.channels.verdict import not_theirs, shown
from maxbot.errors import (
    BadRequest,
    DialogClosed,
    Misconfigured,
    OutcomeUnknown,
    RetryLater,
    SendError,
    Undeliverable,
)

FLOOD_WAIT = 60.0
"""Seconds; VK does not say how long."""

TOO_MANY, FLOOD, RATE_LIMIT = 6, 9, 29
UNKNOWN = frozenset((1, 10, 36))
DENIED = frozenset((7, 15))
WRONG_SETTINGS = frozenset((2, 5, 14, 17, 24, 27, 28, 38, 203))
CLOSED = frozenset((18, 37, 900, 901, 902, 917, 922, 925, 927, 932, 935, 945, 946))
BOT_FEATURES_OFF = 912


class Denied(RetryLater):
    """Permission or access is denied: for this call, this conversation, or for all: the others are not held up."""


class Error(msgspec.Struct):
    """What VK says it could not do."""

    error_code: int
    error_msg: str = ""


class Answer(msgspec.Struct):
    """What VK answered to a call: one of both."""

    response: msgspec.Raw = msgspec.Raw(b"")
    error: Error | None = None


_answer_decoder = msgspec.json.Decoder(Answer)


class VkApi:
    """Calls methods for one community.

    Args:
        client: For the base URL.
        token: The community's.
        version: Of the API, whose answers we read.
        secrets: Are taken out of what VK says.
    """

    def __init__(self, client: ApiClient, token: str, version: str, secrets: Sequence[str]) -> None:
        self._client = client
        self._common = {"access_token": token, "v": version}
        self._secrets = secrets

    async def call(self, method: str, **fields: str | int) -> msgspec.Raw:
        """Call a method and return its result, as JSON.

        Raises:
            SendError: It did not do it; of the class that the head of this file says.
        """
        form = {name: str(value) for name, value in fields.items()} | self._common
        return self._result(await self._client.post_form(f"/method/{method}", form))

    async def ask(self, decoder: msgspec.json.Decoder[Any], method: str, **fields: str | int) -> Any:
        """Call a method and return its result as the decoder's type.

        Raises:
            SendError: It did not do it, or what it said cannot be read.
        """
        result = await self.call(method, **fields)
        try:
            return decode(decoder, result)
        except BadRequest as error:
            reason = f"VK answered {method} with what we cannot read: {error}"
        raise RetryLater(reason)

    def _result(self, response: Response) -> msgspec.Raw:
        status = response.status
        try:
            answer = decode(_answer_decoder, response.body)
        except BadRequest:
            answer = Answer()
        if answer.error is not None and status < 500:
            raise failure(answer.error.error_code, self._reason(answer.error))
        if status == 200 and bytes(answer.response):
            return answer.response
        raise not_theirs(status, "VK")

    def _reason(self, error: Error) -> str:
        return f"{shown(error.error_msg, self._secrets)} ({error.error_code})"


def failure(code: int, reason: str) -> SendError:
    """Return what an error of VK means."""
    if code == TOO_MANY:
        return RetryLater(reason, 1.0, reach="channel")
    if code in (FLOOD, RATE_LIMIT):
        return RetryLater(reason, FLOOD_WAIT, reach="dialog" if code == FLOOD else "channel")
    if code in UNKNOWN:
        return OutcomeUnknown(reason)
    if code in WRONG_SETTINGS:
        return Misconfigured(f"VK refuses this token ({reason}): check access_token and its rights")
    if code in DENIED:
        return Denied(f"VK denies it ({reason}): see that access_token has the right to write messages")
    if code in CLOSED:
        return DialogClosed(reason)
    if code == BOT_FEATURES_OFF:
        reason = f"{reason}: switch on Manage → Messages → Bot settings → Bot features"
    return Undeliverable(reason)
