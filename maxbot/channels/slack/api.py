"""Calls of Slack's API, and what its answers mean. Nearly all errors come with status 200, in the body.

not Slack's JSON   5xx, 2xx: unknown; anything else comes from somebody on the way, and is later
429, ratelimited   later, after the time of the header Retry-After: about one message a second in a channel
the token, its scopes                    the whole channel waits for its operator
fatal_error, internal_error              unknown: a part may have been done
no such channel, archived, left          closed
all others                               never

Source: https://docs.slack.dev/reference/methods/chat.postMessage, "Errors"; https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Mapping, Sequence
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

SHORTEST_WAIT = 1.0
"""Seconds; Slack asks for whole ones."""

RATE_LIMITED = frozenset(("ratelimited", "rate_limited", "message_limit_exceeded"))
LATER = frozenset(("request_timeout", "service_unavailable", "team_added_to_org", "org_login_required"))
UNKNOWN = frozenset(("fatal_error", "internal_error"))
CLOSED = frozenset(("channel_not_found", "is_archived", "not_in_channel", "user_not_found", "cannot_dm_bot"))
WRONG_SETTINGS = frozenset(
    (
        "access_denied",
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    )
)


class _Answer(msgspec.Struct):
    ok: bool | None = None
    """None: these are not Slack's words."""
    error: str = ""
    needed: str = ""
    """The scope that the token lacks."""
    response_metadata: msgspec.Raw = msgspec.Raw(b"null")


class _Metadata(msgspec.Struct):
    messages: list[str] = []


_answer_decoder = msgspec.json.Decoder(_Answer)
_metadata_decoder = msgspec.json.Decoder(_Metadata | None)


class SlackApi:
    """Calls methods for one app.

    Args:
        client: For the base URL, with the token in its headers.
        secrets: Are taken out of what Slack says.
    """

    def __init__(self, client: ApiClient, secrets: Sequence[str]) -> None:
        self._client = client
        self._secrets = secrets

    async def call(self, method: str, payload: dict[str, Any]) -> bytes:
        """Call a method and return its answer, as JSON.

        Raises:
            SendError: It did not do it; of the class that the head of this file says.
        """
        return self._result(await self._client.post_json(f"/{method}", payload))

    async def ask(self, decoder: msgspec.json.Decoder[Any], method: str, **fields: str) -> Any:
        """Call a method that takes forms only, and return its answer as the decoder's type.

        Raises:
            SendError: It did not do it, or what it said cannot be read.
        """
        result = self._result(await self._client.post_form(f"/{method}", fields))
        try:
            return decode(decoder, result)
        except BadRequest as error:
            reason = f"Slack answered {method} with what we cannot read: {error}"
        raise RetryLater(reason)

    def _result(self, response: Response) -> bytes:
        status = response.status
        try:
            answer = decode(_answer_decoder, response.body)
        except BadRequest:
            answer = _Answer()
        if status == 200 and answer.ok:
            return response.body
        if status == 429:
            raise RetryLater("Slack limits the messages to this channel", _wait(response.headers))
        if answer.ok is False and answer.error and status < 500:
            raise failure(answer.error, self._reason(answer), _wait(response.headers))
        raise not_theirs(status, "Slack")

    def _reason(self, answer: _Answer) -> str:
        text = f"{answer.error}: {answer.needed}" if answer.needed else answer.error
        try:
            metadata = decode(_metadata_decoder, answer.response_metadata)
        except BadRequest:
            metadata = None
        if metadata is not None and metadata.messages:
            text = f"{text}: {' '.join(metadata.messages)}"
        return shown(text, self._secrets)


class _Posted(msgspec.Struct):
    ts: str


_posted_decoder = msgspec.json.Decoder(_Posted)


def ts_of(answer: bytes) -> str:
    """Return what names a message, of the answer to its call.

    Raises:
        OutcomeUnknown: It is not there.
    """
    try:
        return decode(_posted_decoder, answer).ts
    except BadRequest as error:
        reason = f"Slack does not say how the message is called: {error}"
    raise OutcomeUnknown(reason)


def failure(error: str, reason: str, wait: float = SHORTEST_WAIT) -> SendError:
    """Return what an error of Slack means."""
    if error in RATE_LIMITED:
        return RetryLater(reason, wait)
    if error in LATER:
        return RetryLater(reason)
    if error in UNKNOWN:
        return OutcomeUnknown(reason)
    if error in WRONG_SETTINGS:
        return Misconfigured(f"Slack refuses this token ({reason}): check bot_token and the app's scopes")
    if error in CLOSED:
        return DialogClosed(reason)
    return Undeliverable(reason)


def _wait(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return max(float(text), SHORTEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 10 else SHORTEST_WAIT
