"""The web: a chat on a page of one's own, or the one that comes with it. No platform is between user and bot.

POST /web              a message of a user
GET  /web/replies      the replies, waiting for the next one if there is none
GET  /web/events       the replies as they come, as server-sent events
GET  /web              a page to talk to the bot

Who may do what is in `visitors`.
"""

import asyncio
import hashlib
import math
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from maxbot.channels.base import Answer, Channel, Growth, Received, Services
from maxbot.channels.base import Request as ChannelRequest
from maxbot.channels.expand import Abilities
from maxbot.channels.json import decode
from maxbot.channels.web.page import Page
from maxbot.channels.web.visitors import VISITOR, Visitors
from maxbot.channels.web.waiting import Reply, Waiting
from maxbot.commands import KINDS
from maxbot.errors import BadRequest, RetryLater, StorageUnavailable, WrongMediaType
from maxbot.types import Address, Begun, Command, Dialog, Message, Update

DEFAULT_WAIT, LONGEST_WAIT = 25.0, 60.0
"""Seconds for which `GET /web/replies` waits."""

HEARTBEAT = 15.0
"""Seconds after which an event stream without an event gets a comment, so that nobody on the way closes it."""

LONGEST_WHISPER = 65536
"""Characters of a reply that is being written, up to which other workers are told of it."""

_USER_LIMIT = 200
_NUMBER_LIMIT = 2**63 - 1

_encode = msgspec.json.Encoder().encode


class _Button(msgspec.Struct):
    payload: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] | None = None


class _Post(msgspec.Struct):
    user_id: (
        Annotated[str, msgspec.Meta(min_length=1, max_length=_USER_LIMIT)]
        | Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
        | None
    ) = None
    tab: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=16384)] | None = None
    button: _Button | None = None
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


_post_decoder = msgspec.json.Decoder(_Post)
_keys_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KNOWN_KEYS = {"user_id", "tab", "text", "button", "id"}


class WebChannel(Channel):
    """Talk to the bot over HTTP.

    Args:
        token: What requests must have in their header, as `Authorization: Bearer TOKEN`; of several each will do. None:
            everybody may write, as anybody but visitors of the page: for trying a bot out.
        public: Whether the page is for everybody. Its visitors need no token then, and without one nobody can name a
            user.

    Raises:
        ValueError: No header could have that token.
    """

    type = "web"
    open_for_trials = True
    growth = Growth(every=0.2)
    abilities = Abilities(sends=(*KINDS,))

    class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
        """What a channel of this type may have in a bot.yaml; as in the constructor."""

        token: str | list[str] | None = None
        public: bool = False

    def __init__(self, *, token: str | Sequence[str] | None = None, public: bool = False) -> None:
        tokens = () if token is None else (token,) if isinstance(token, str) else tuple(token)
        if token is not None and not (tokens and all(re.fullmatch(r"[!-~]+", one) for one in tokens)):
            raise ValueError("token has printable ASCII characters, at least one, and no spaces")
        self._tokens = tokens
        self._public = public
        self._waiting: Waiting | None = None
        self._private = False

    @property
    def secrets(self) -> Sequence[str]:
        """The token, if there is one."""
        return self._tokens

    @property
    def verifies(self) -> bool:
        """Whether nobody can write as somebody else: there is a token, or visitors only."""
        return bool(self._tokens) or self._public

    @property
    def _visitors(self) -> Visitors:
        return Visitors(self.name, self._tokens, self._public)

    def verify(self, request: ChannelRequest) -> None:
        """Look for the token in the header `Authorization`, or for the cookie of a visitor.

        Raises:
            Unauthorized: They are missing or wrong.
        """
        self._visitors.rights(request.headers)

    def parse(self, request: ChannelRequest) -> list[Update]:
        """Turn `{"user_id": ..., "text": ..., "id": ...}` into one update.

        `user_id` has 1 to 200 printable characters or is an integer; the page has `tab` instead. `text` has 1 to 16,384
        characters; `button` is `{"payload": ..., "title": ...}`, of which the title may be missing. `id`, with 1 to 100
        characters, may be left out: two messages of a user with the same `id` are one message.

        Raises:
            BadRequest: It is something else.
            Unauthorized: It may not write as this user.
        """
        post = decode(_post_decoder, request.body)
        if not decode(_keys_decoder, request.body).keys() <= _KNOWN_KEYS:
            raise BadRequest("The JSON has an unknown key; known are user_id, text, button and id")
        named = None if post.user_id is None else str(post.user_id)
        user = _checked_user(self._visitors.rights(request.headers).user(named, post.tab))
        return [Update(Dialog(self.name, user), _key(user, post.id), _message(post))]

    async def receive(self, request: ChannelRequest) -> Received:
        """Answer that the message is stored, and whether it was there already."""
        self.verify(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            # What a page elsewhere can have a browser send without asking us first is of another type.
            raise WrongMediaType("Send JSON, with Content-Type: application/json")
        return Received(self.parse(request), _acknowledgement)

    async def send(self, command: Command, dialog: Dialog) -> None:
        """Put a reply where its user fetches it, and wake who waits for it.

        Raises:
            RetryLater: The mailbox cannot be written now.
        """
        assert self._waiting is not None, "the channel is used between start and close"
        try:
            await self._mailbox.put(dialog, command.key, command.content)
        except StorageUnavailable as error:
            raise RetryLater(f"The reply could not be kept: {error}") from error
        self._waiting.wake(dialog)

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        """Show who waits at a worker of this host that an answer is under way."""
        self._show(dialog, "")

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        """Show who waits at a worker of this host what there is of a reply."""
        self._show(dialog, text)
        return None

    def _show(self, dialog: Dialog, text: str) -> None:
        assert self._waiting is not None
        self._waiting.show(dialog, text)
        if len(text) <= LONGEST_WHISPER:
            self._whisper([dialog.user, text])

    def whispered(self, said: Any) -> None:
        """Show who waits here what a turn in another worker has."""
        user, text = said
        if self._waiting is not None:
            self._waiting.show(Dialog(self.name, user), text)

    async def unanswered(self, dialog: Dialog, key: str, failure: str | None) -> None:
        """Tell somebody who tries the bot out on this machine, in the page, that there will be no reply, and why."""
        if self._private and dialog.user.startswith(VISITOR) and self._waiting is not None:
            notice = f"The bot failed: {self._redact(failure)}" if failure else "The bot has nothing to say to this."
            await self._mailbox.put(dialog, f"notice-{key}", {"notice": notice})
            self._waiting.wake(dialog)

    def greeting(self, url: str, *, registers: bool) -> str | None:
        """Return where the page is."""
        return f"Talk to the bot at {url}/{self.name}"

    async def start(self, services: Services) -> None:
        """Get the mailbox, and wake those who wait for replies from now on."""
        self._mailbox = services.mailbox
        self._private = services.private
        self._redact = services.redact
        self._whisper = services.whisper
        self._waiting = Waiting(services.mailbox)

    async def drain(self) -> None:
        """Answer all who wait, and end the event streams."""
        if self._waiting is not None:
            self._waiting.stop()

    async def close(self) -> None:
        """As `drain`; who waits leaves by itself."""
        await self.drain()

    def routes(self) -> list[BaseRoute]:
        """Return the page and the two ways to get replies."""
        page = Page(self._visitors)
        return [
            Route(f"/{self.name}", page.get, methods=["GET"]),
            Route(f"/{self.name}/replies", self._get_replies, methods=["GET"]),
            Route(f"/{self.name}/events", self._get_events, methods=["GET"]),
        ]

    async def _get_replies(self, request: Request) -> Response:
        """`?user_id=…&after=N&wait=SECONDS`: the replies above N as soon as there is one, none after that time.

        With `&drafts=1` the answer may have no reply but a `draft`, the text of one that is being written, or `typing`
        where there is no text yet.
        """
        assert self._waiting is not None
        dialog = self._dialog(request)
        after = _number(request.query_params.get("after"), "after")
        seconds = _seconds(request.query_params.get("wait"))
        drafts: list[str] = []
        draft = drafts.append if request.query_params.get("drafts") == "1" else None
        after = await self._waiting.known(dialog, after)
        waiting = asyncio.create_task(self._waiting.replies(dialog, after, seconds, draft))
        gone = asyncio.create_task(_gone(request))
        try:
            await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
            found = waiting.result() if waiting.done() else []
        finally:
            await _end(waiting, gone)
        shown = {"replies": [_shown(reply) for reply in found], "after": found[-1][0] if found else after}
        body = _encode(shown | _under_way(drafts[-1]) if drafts else shown)
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _get_events(self, request: Request) -> Response:
        """`?user_id=…&after=N`, or the header Last-Event-ID that browsers send when they connect again.

        Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        dialog = self._dialog(request)
        last = request.headers.get("last-event-id")
        after = _number(last, "Last-Event-ID") if last else _number(request.query_params.get("after"), "after")
        assert self._waiting is not None
        after = await self._waiting.known(dialog, after)
        # X-Accel-Buffering: nginx would hold events back,
        # https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
        return StreamingResponse(
            self._events(dialog, after),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, dialog: Dialog, after: int) -> AsyncIterator[bytes]:
        assert self._waiting is not None
        yield b": replies follow\n\n"  # at once, so that the client knows that it is connected
        while True:
            last = self._waiting.stopped
            drafts: list[str] = []
            try:
                found = await self._waiting.replies(dialog, after, HEARTBEAT, drafts.append)
            except StorageUnavailable:  # the client connects again, and says where it was
                return
            for number, content in found:
                yield b"id: %d\ndata: %b\n\n" % (number, _encode(_shown((number, content))))
                after = number
            if last:
                return
            if drafts:  # a name of its own: clients that know nothing of it do not get it
                event, data = (b"draft", {"text": drafts[-1]}) if drafts[-1] else (b"typing", {})
                yield b"event: %b\ndata: %b\n\n" % (event, _encode(data))
            elif not found:
                yield b": nothing new\n\n"

    def _dialog(self, request: Request) -> Dialog:
        """Return whose replies a request is after.

        Raises:
            RequestError: It names nobody, or somebody whom it has no right to.
        """
        rights = self._visitors.rights(request.headers)
        named, tab = request.query_params.get("user_id"), request.query_params.get("tab")
        if named is not None and not 1 <= len(named) <= _USER_LIMIT:
            raise BadRequest(f"user_id has 1 to {_USER_LIMIT} characters")
        return Dialog(self.name, _checked_user(rights.user(named, tab)))


def _acknowledgement(accepted: Sequence[bool]) -> Answer:
    return Answer(_encode({"accepted": True, "duplicate": not all(accepted)}), "application/json")


def _message(post: _Post) -> Message:
    """Return what the user said; the title of a button is in it where the user saw it as own words."""
    if post.button is None:
        if post.text is None:
            raise BadRequest("text is missing")
        return {"text": post.text}
    title = {"title": post.button.title} if post.button.title else {}
    message: Message = {"button": {"payload": post.button.payload, **title}}
    return {**message, "text": post.text} if post.text else message


def _under_way(draft: str) -> dict[str, Any]:
    return {"draft": draft} if draft else {"typing": True}


def _shown(reply: Reply) -> dict[str, Any]:
    number, content = reply
    return {**content, "n": number}


def _key(user: str, id: str | None) -> str:
    """Return an update's key. Each user has own ids, and a user's name has no NUL in it."""
    if id is None:
        return uuid.uuid4().hex
    return "id-" + hashlib.sha256(f"{user}\0{id}".encode()).hexdigest()


def _checked_user(user: str) -> str:
    if not user.isprintable():
        raise BadRequest("user_id has a character that is not printable")
    return user


def _number(text: str | None, name: str) -> int:
    if text is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > _NUMBER_LIMIT:
        raise BadRequest(f"{name} is the number of a reply, or 0")
    return int(text)


def _seconds(text: str | None) -> float:
    if text is None:
        return DEFAULT_WAIT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= LONGEST_WAIT:
        raise BadRequest(f"wait is a number of seconds from 0 to {LONGEST_WAIT:.0f}")
    return seconds


async def _gone(request: Request) -> None:
    """Return when the client has closed its connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
