"""Calls of Viber's API, and what its answers mean: …/rest-bot-api/#error-codes

later, dialog     12                      too many: 100 an hour to a user who does not answer, or the account's rate
later, an hour    23, 24                  the month's free messages are used, or there is no balance: whole channel
closed            5, 6                    the user has no Viber, or did not subscribe
misconfigured     1, 2, 7, 8, 9, 10, 15   URL, token, account blocked, unknown or suspended, no webhook
never             3, 4, 11, 13, 14, 16-22 data, device, version, country, features that are not used
unknown           all others, 5xx
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from maxbot.channels.client import ApiClient
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

TOO_MANY = 12
PAUSE = 60.0
"""Seconds; Viber names none."""
UNPAID = (23, 24)
UNPAID_PAUSE = 3600.0
GONE = (5, 6)
OPERATOR = (1, 2, 7, 8, 9, 10, 15)
REFUSED = (3, 4, 11, 13, 14, *range(16, 23))


class Answer(msgspec.Struct):
    """What Viber answered to a call; of an account, what it is called."""

    status: int
    status_message: str = ""
    name: str = ""
    icon: str = ""


_decoder = msgspec.json.Decoder(Answer)


class ViberApi:
    """Calls methods for one account.

    Args:
        client: With the account's token in its headers.
        secrets: Are taken out of what Viber says.
    """

    def __init__(self, client: ApiClient, secrets: Sequence[str]) -> None:
        self._client = client
        self._secrets = secrets

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def call(self, method: str, payload: Mapping[str, Any]) -> Answer:
        """Call a method, and return what Viber answered.

        Raises:
            SendError: It did not do it; of the class that the head of this file says.
        """
        status, body, _ = await self._client.post_json(f"/pa/{method}", payload)
        answer: Answer | None
        try:
            answer = decode(_decoder, body)
        except BadRequest:
            answer = None
        if answer is None or status >= 500:
            raise not_theirs(status, "Viber")
        if answer.status != 0:
            raise self._failure(answer)
        return answer

    def _failure(self, answer: Answer) -> SendError:
        code, reason = answer.status, shown(f"({answer.status}) {answer.status_message}", self._secrets)
        if code == TOO_MANY:
            return RetryLater(reason, PAUSE)
        if code in UNPAID:
            return RetryLater(f"{reason}: Viber wants to be paid", UNPAID_PAUSE, reach="channel")
        if code in GONE:
            return DialogClosed(reason)
        if code in OPERATOR:
            return Misconfigured(f"Viber refuses this account's calls: {reason}: check api_token and the account")
        if code in REFUSED:
            return Undeliverable(reason)
        return OutcomeUnknown(reason)
