"""The contract of a channel, as tests for pytest, and a stand-in for a platform's API. Ours pass it."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import msgspec

from maxbot.channels.base import CONNECTIONS, Channel, Request, Services
from maxbot.commands import kind_of
from maxbot.errors import BadRequest, OutcomeUnknown, RetryLater, SendError, Unauthorized, Undeliverable
from maxbot.types import Command, Dialog, Update

Webhook = tuple[Mapping[str, str], bytes]
"""Headers, with names in lower case, and body."""


EXAMPLES: Sequence[dict[str, Any]] = (
    {"text": "hello"},
    {"text": "bold", "formats": [{"style": "bold", "start": 0, "end": 4}]},
    {"image": {"url": "https://example.com/a.png", "caption": "see"}},
    {"file": {"url": "https://example.com/a.pdf", "name": "a.pdf"}},
    {"audio": {"url": "https://example.com/a.ogg", "voice": True}},
    {"video": {"url": "https://example.com/a.mp4", "caption": "see"}},
    {"location": {"latitude": 48.1, "longitude": 17.1, "name": "Castle"}},
    {"contact": {"name": "Ada", "phone": "+421900"}},
    {"buttons": {"text": "Which?", "buttons": [{"title": f"Button {n}", "payload": "x" * 200} for n in range(50)]}},
    {"buttons": {"text": "Which?", "image": {"url": "https://example.com/a.png"}, "buttons": [{"title": "Red"}]}},
    {"quick_replies": {"text": "Which?", "replies": [{"title": "Yes"}, {"title": "No"}]}},
    {"native": {"nobody": {"a": 1}}},
)
"""Replies of every kind, some of them too much for most platforms."""


class MemoryMailbox:
    """Keeps replies in memory, as the server does in its database."""

    def __init__(self) -> None:
        self._replies: dict[tuple[Dialog, str], tuple[int, dict[str, Any]]] = {}

    async def put(self, dialog: Dialog, key: str, content: dict[str, Any]) -> None:
        """Keep one reply; a second one with the same key changes nothing."""
        self._replies.setdefault((dialog, key), (len(self._replies) + 1, content))

    async def fetch(self, dialog: Dialog, after: int, limit: int = 100) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` replies above a number, in order."""
        found = [reply for (owner, _), reply in self._replies.items() if owner == dialog and reply[0] > after]
        return sorted(found, key=lambda reply: reply[0])[:limit]


class ApiStandIn:
    """A platform's API on a free port of this machine, which answers as it is told.

        async with ApiStandIn() as api:
            api.answer(200, b'{"ok": true}')
            ... a channel with api.url calls it ...
            assert api.requests == [("POST", "/send", b"...")]

    What it is told holds until it is told something else.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        """Method, path and body of each request that was read completely."""
        self.connections = 0
        """How many connections were opened so far."""
        self.most_open = 0
        """How many of them were open at a time."""
        self._respond: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]] | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self.answer(200, b"{}")

    async def __aenter__(self) -> "ApiStandIn":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1000)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        if self._handlers:
            await asyncio.wait(self._handlers)

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer every request so."""
        lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
        head = f"HTTP/1.1 {status} Status\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.answer_raw(head.encode() + b"\r\n" + body)

    def answer_raw(self, response: bytes) -> None:
        """Answer every request with these bytes, whatever they are."""

        async def respond(writer: asyncio.StreamWriter) -> None:
            writer.write(response)
            await writer.drain()

        self._respond = respond

    def answer_cut(self, response: bytes = b"") -> None:
        """Read each request, answer with these bytes (the beginning of a response) and close the connection."""

        async def respond(writer: asyncio.StreamWriter) -> None:
            writer.write(response)
            await writer.drain()
            writer.close()

        self._respond = respond

    def answer_reset(self) -> None:
        """Read each request and reset the connection."""

        async def respond(writer: asyncio.StreamWriter) -> None:
            # To linger for no time is what makes a close a reset.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        self._respond = respond

    def answer_by(self, respond: Callable[[str, str, bytes], Coroutine[Any, Any, bytes]]) -> None:
        """Answer each request with what a function of method, path and body returns: the body of a 200."""

        async def respond_to_last(writer: asyncio.StreamWriter) -> None:
            body = await respond(*self.requests[-1])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

        self._respond = respond_to_last

    def never_answer(self) -> None:
        """Read requests and say nothing."""

        async def respond(writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        self._respond = respond

    def refuse(self) -> None:
        """Accept no connection any more; those that are open stay."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        self.most_open = max(self.most_open, len(self._handlers))
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append((method, path, body))
                assert self._respond is not None
                await self._respond(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the stand-in ends
        finally:
            self._handlers.discard(task)
            writer.close()


class ChannelContract:
    """Tests of one channel: subclass it in a test file, call it `Test...`, and say how yours is made.

        class TestMyChannel(ChannelContract):
            answer = (200, b'{"message": 1}')

            def channel(self, api_url):
                return MyChannel(token="not-a-real-one", api_url=api_url, timeout=1.0)

            def webhooks(self):
                return [(signed(body), body) for body in (b'{"from": 1, "text": "hello"}', ...)]

            def forged(self):
                return [({"x-signature": "wrong"}, b'{"from": 1, "text": "hello"}')]

            def dialog(self):
                return Dialog("mine", "1")

    A test that fails says which promise is broken. No test needs a plugin of pytest.
    """

    answer: tuple[int, bytes] | None = None
    """Status and body with which the platform's API says that it took a message. None: the channel calls no API."""

    refusal: tuple[int, bytes] | None = None
    """Status and body with which the platform's API says that it will never take a message. None: it never does."""

    content: dict[str, Any] = {"text": "hello"}
    """A reply that the channel can send."""

    patience: float = 10.0
    """Seconds for what must happen: above the channel's own timeout."""

    def channel(self, api_url: str) -> Channel:
        """Make a channel whose API is at this URL. Let its timeout be about a second: two tests wait for it."""
        raise NotImplementedError

    def webhooks(self) -> Sequence[Webhook]:
        """Return at least two webhooks of the platform, each with updates of its own, at least one."""
        raise NotImplementedError

    def forged(self) -> Sequence[Webhook]:
        """Return webhooks that the channel must refuse; none if it has no way to verify them."""
        raise NotImplementedError

    def dialog(self) -> Dialog:
        """Return a dialog that can be sent to."""
        raise NotImplementedError

    # Updates

    def test_its_name_is_usable(self) -> None:
        channel = self._unused()
        assert channel.name, "a channel has a name"
        assert ":" not in channel.name, "the colon separates channel and user"
        assert "/" not in channel.name, "the name is one part of a path"
        assert channel.type, "a channel has a type"

    def test_a_second_account_has_dialogs_of_its_own(self) -> None:
        channel = self._unused()
        channel.name = "another"
        for headers, body in self.webhooks():
            for update in channel.parse(Request(body, headers)):
                assert update.dialog.channel == "another", "the dialogs of an update have the name of the instance"
        for route in channel.routes():
            path = getattr(route, "path", "/another")
            assert path.split("/")[1] == "another", "the routes of a channel begin with the name of the instance"

    def test_webhooks_become_updates(self) -> None:
        channel = self._unused()
        webhooks = self.webhooks()
        assert len(webhooks) > 1, "the contract needs two webhooks"
        for headers, body in webhooks:
            channel.verify(Request(body, headers))
            updates = channel.parse(Request(body, headers))
            assert updates, "a webhook of the examples has no update"
            for update in updates:
                _check_update(channel, update)

    def test_a_redelivery_is_recognised_and_nothing_else(self) -> None:
        channel = self._unused()
        first, second = ([update.key for update in self._updates(channel)] for _ in range(2))
        assert first == second, "the same webhook has other keys when it is delivered again"
        assert len(set(first)) == len(first), "two updates have one key: the second would be taken for a redelivery"

    def test_forged_webhooks_are_refused(self) -> None:
        channel = self._unused()
        forged = self.forged()
        assert bool(forged) == channel.verifies, "`forged` has webhooks to refuse where `verifies` says so"
        for headers, body in forged:
            with _raises(Unauthorized, "a forged webhook"):
                channel.verify(Request(body, headers))
            with _raises(Unauthorized, "a forged webhook that is received"):
                asyncio.run(channel.receive(Request(body, headers)))

    def test_malformed_webhooks_are_bad_requests(self) -> None:
        channel = self._unused()
        for headers, body in _malformed(self.webhooks()):
            try:
                updates = channel.parse(Request(body, headers))
            except BadRequest:
                continue
            except Exception as error:
                raise AssertionError(f"parse raised {error!r}, and not BadRequest, for {body[:200]!r}") from error
            for update in updates:
                _check_update(channel, update)

    def test_a_webhook_is_received_with_an_answer(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            for headers, body in self.webhooks():
                received = await channel.receive(Request(body, headers))
                assert list(received.updates) == channel.parse(Request(body, headers)), "receive and parse differ"
                for accepted in (True, False):
                    answer = received.answer_to([accepted] * len(received.updates))
                    assert isinstance(answer.body, bytes), "the body of an answer is bytes"
                    assert isinstance(answer.media_type, str), "the media type of an answer is a str"

        self._run(scenario)

    # Replies

    def test_every_kind_of_reply_becomes_what_the_platform_takes(self) -> None:
        channel = self._unused()
        limit = channel.abilities.text
        size = 1000 if limit is None else limit.size
        long = "word " * (size // 2)  # two and a half times what fits
        for content in (*EXAMPLES, {"text": long}, {"image": {"url": "https://example.com/a.png", "caption": long}}):
            for part in channel.expand(content):
                kind = kind_of(part)
                assert kind in channel.abilities.sends, f"{kind_of(content)!r} became {kind!r}, which it cannot send"
                text = part.get("text")
                if limit is not None and isinstance(text, str):
                    assert limit.fits(text), f"a text is longer than {limit.size}: it would be refused"
                assert text is None or text.strip(), "a text has nothing to see"

    def test_a_reply_is_sent(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            send: Any = channel.send
            assert await send(self._command(), self.dialog()) is None, "send returns nothing"
            assert len(api.requests) == (0 if self.answer is None else 1), "a command is one call of the API"

        self._run(scenario)

    def test_a_reply_that_was_shown_while_it_grew_is_finished(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            growth, dialog = channel.growth, self.dialog()
            if growth is None:
                return
            assert growth.every > 0, "growth.every is what the platform allows, in seconds"
            begun = await channel.draft("he", dialog, "key-1.begun")
            if not growth.lasts:
                assert begun is None, "what does not last has no name"
                return
            assert isinstance(begun, dict), "draft returns what names the message"
            assert begun, "draft returns what names the message"
            if growth.finds:
                assert await channel.draft("hel", dialog, "key-1.begun", {}), "what may be there is found, or begun"
            begun = msgspec.json.decode(msgspec.json.encode(begun))  # as it is stored
            assert await channel.draft("hell", dialog, "key-1.begun", begun) == begun, "the message is the same one"
            before = len(api.requests)
            await channel.send(Command(dict(self.content), "key-1", begun=begun), dialog)
            assert len(api.requests) == before + (self.answer is not None), "it is finished by one call of the API"

        self._run(scenario)

    def test_nothing_was_sent_without_a_connection(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            api.refuse()
            await self._fails(channel, RetryLater, "no connection could be made")

        self._run_with_api(scenario)

    def test_nobody_knows_what_became_of_a_request_without_answer(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            api.answer_cut()
            await self._fails(channel, OutcomeUnknown, "the connection was closed after the request was read")
            api.answer_cut(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            await self._fails(channel, OutcomeUnknown, "the answer was cut off")
            api.never_answer()
            await self._fails(channel, OutcomeUnknown, "no answer came in time")

        self._run_with_api(scenario)

    def test_nobody_knows_what_a_failing_server_did(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            for status in (500, 502, 503, 504):
                api.answer(status, b"<html>oh</html>", {"Content-Type": "text/html"})
                await self._fails(channel, OutcomeUnknown, f"the server answered {status}")

        self._run_with_api(scenario)

    def test_only_the_platforms_own_words_are_its_verdict(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            for status in (400, 403, 404, 407, 408, 413, 418, 425, 429, 451):
                api.answer(status, b"<html>a proxy's page</html>", {"Content-Type": "text/html"})
                await self._fails(channel, RetryLater, f"somebody on the way answered {status}")
            if self.refusal is not None:
                api.answer(*self.refusal)
                await self._fails(channel, Undeliverable, "the platform refused the message")

        self._run_with_api(scenario)

    def test_a_failing_call_holds_up_no_other_one(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            api.never_answer()
            # Again and again, as on a busy machine the first ones may give up before the last ones had their turn.
            most = 0
            for _ in range(20):
                most = max(most, await self._arriving(channel, api, 150))
                if most == 150:
                    break
            assert most == 150, f"only {most} of 150 commands left before the first one gave up"

        self._run_with_api(scenario)

    def test_it_has_no_more_connections_than_it_was_lent(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            await asyncio.gather(*(self._send(channel) for _ in range(20)))
            assert api.most_open <= 3, f"it had {api.most_open} connections at a time, and was lent 3"

        if self.answer is not None:
            asyncio.run(self._within(scenario, connections=3))

    # Ways out

    def test_close_leaves_nothing_running(self) -> None:
        async def scenario(channel: Channel, api: ApiStandIn) -> None:
            await self._send(channel)

        async def run() -> None:
            before = asyncio.all_tasks()
            await self._within(scenario)
            left = asyncio.all_tasks() - before
            assert not left, f"close left tasks running: {left}"

        asyncio.run(run())

    def _unused(self) -> Channel:
        return self.channel("http://127.0.0.1:9")

    def _updates(self, channel: Channel) -> list[Update]:
        return [update for headers, body in self.webhooks() for update in channel.parse(Request(body, headers))]

    async def _send(self, channel: Channel) -> None:
        await channel.send(self._command(), self.dialog())

    async def _arriving(self, channel: Channel, api: ApiStandIn, count: int) -> int:
        """Return how many of so many calls arrive before the first one gives up."""
        before = len(api.requests)
        slow = [asyncio.create_task(self._send(channel)) for _ in range(count)]
        # The stand-in tells nobody.
        while len(api.requests) - before < count and not any(task.done() for task in slow):
            await asyncio.sleep(0.01)
        arrived = len(api.requests) - before
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return arrived

    def _command(self) -> Command:
        return Command(dict(self.content), "key-1")

    async def _fails(self, channel: Channel, expected: type[SendError], what: str) -> None:
        with _raises(expected, what) as caught:
            await self._send(channel)
        _check_no_secret(caught[0], channel.secrets)

    def _run_with_api(self, scenario: "Callable[[Channel, ApiStandIn], Coroutine[Any, Any, None]]") -> None:
        if self.answer is not None:
            self._run(scenario)

    def _run(self, scenario: "Callable[[Channel, ApiStandIn], Coroutine[Any, Any, None]]") -> None:
        asyncio.run(self._within(scenario))

    async def _within(
        self,
        scenario: "Callable[[Channel, ApiStandIn], Coroutine[Any, Any, None]]",
        connections: int = CONNECTIONS,
    ) -> None:
        async with ApiStandIn() as api:
            if self.answer is not None:
                api.answer(*self.answer)
            channel = self.channel(api.url)
            await channel.start(Services(mailbox=MemoryMailbox(), connections=connections))
            try:
                await asyncio.wait_for(scenario(channel, api), self.patience)
            except TimeoutError:
                raise AssertionError(f"not within {self.patience} seconds") from None
            finally:
                await channel.drain()
                await channel.close()


def _check_update(channel: Channel, update: Update) -> None:
    assert isinstance(update, Update), f"parse returns updates, not {type(update).__name__}"
    assert update.dialog.channel == channel.name, "the dialog of an update is of another channel"
    for name, value in (("user", update.dialog.user), ("key", update.key)):
        assert isinstance(value, str), f"the {name} of an update is a str"
        assert 1 <= len(value) <= 200, f"the {name} of an update has 1 to 200 characters"
        assert _is_utf8(value), f"the {name} of an update cannot be stored as UTF-8"
        assert "\0" not in value, f"the {name} of an update has a NUL in it, which not every database can store"
    if update.sequence is not None:
        assert -(2**63) <= update.sequence < 2**63, "a sequence has 64 bits"
    try:
        same = msgspec.json.decode(msgspec.json.encode(update.message)) == update.message
    except (TypeError, ValueError, OverflowError) as error:
        raise AssertionError(f"a message cannot be stored as JSON: {error}") from None
    assert isinstance(update.message, dict), "a message is a dict"
    assert same, "a message holds what JSON cannot"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _malformed(webhooks: Sequence[Webhook]) -> Iterator[Webhook]:
    """Yield bodies that no platform sends: the good ones cut, mixed up and with other values, and plain garbage."""
    for headers, body in webhooks:
        for other in _mangled(body):
            yield headers, other


def _mangled(body: bytes) -> Iterator[bytes]:
    dice = random.Random(1)
    yield from (b"", b"\0", b"\xff\xfe", b"null", b"[]", b"{}", b"1", b'"\\ud800"', b"NaN", b"[" * 100_000)
    replacements = (
        b"null",
        b"-1",
        b"1e999",
        b"NaN",
        b"1" + b"0" * 30,
        b"[]",
        b"{}",
        b'"\\ud800"',
        b'"\\u0000"',
        b"\xff",
    )
    for _ in range(100):
        yield body[: dice.randrange(len(body))]
        place, length = dice.randrange(len(body)), dice.randrange(1, 4)
        yield body[:place] + dice.randbytes(length) + body[place + length :]
    for begin, end in _values(body):
        for other in replacements:
            yield body[:begin] + other + body[end:]


def _values(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the values of a JSON object begin and end, as far as a look at commas and colons tells."""
    for begin in (index + 1 for index, byte in enumerate(body) if byte in b":="):
        end = begin
        while end < len(body) and body[end] not in b",}&":
            end += 1
        yield begin, end


def _check_no_secret(error: BaseException, secrets: Sequence[str]) -> None:
    """Look at an error and at all that hangs on it, which a traceback would print."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        current = todo.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        for text in (str(current), repr(current)):
            assert not any(secret in text for secret in secrets), f"a secret is in a {type(current).__name__}"
        todo += [current.__cause__, current.__context__]


@contextmanager
def _raises(expected: type[Exception], what: str) -> Iterator[list[Exception]]:
    caught: list[Exception] = []
    try:
        yield caught
    except expected as error:
        caught.append(error)
    except Exception as error:
        raise AssertionError(f"{what}: expected {expected.__name__}, not {error!r}") from error
    else:
        raise AssertionError(f"{what}: expected {expected.__name__}, and nothing was raised")
