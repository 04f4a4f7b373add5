"""A stand-in of Telegram's Bot API, as a process of its own, and the handle that a test holds it by.

`python -m tests.support.telegram --port 0` prints `{"port": ...}` and serves `/bot<token>/<method>` until SIGTERM:
sendMessage, sendPhoto, getUpdates (long polling), setWebhook, deleteWebhook, getWebhookInfo, getMe. Beside them:

POST /_control    a JSON object of `Control`: change faults, add scripted answers, put in updates
GET  /_history    calls in order of arrival, `?since=N` leaves out the first N
GET  /_stats      counters: `Stats`

Clients keep connections alive and wait for each answer before the next request (no pipelining).

Source: https://core.telegram.org/bots/api#making-requests, #sendmessage, #getupdates, #responseparameters
"""

import argparse
import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any, Self, cast
from urllib.parse import parse_qsl

import httptools
import msgspec
import uvloop

from tests.support.faults import Fate, Faults, Judge, Script
from tests.support.records import Call

ROOT = Path(__file__).parents[2]


class Control(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /_control` may ask for; what is left out stays as it is."""

    faults: dict[str, Any] | None = None
    """Fields of `Faults` to change."""
    scripts: list[Script] = []
    updates: list[dict[str, Any]] = []
    """For getUpdates, in order of their `update_id`."""


class Stats(msgspec.Struct):
    """Counters since the start."""

    calls: int = 0
    """All calls of the Bot API."""
    delivered: int = 0
    """Messages that the users see, repetitions counted."""
    outcomes: dict[str, int] = {}
    """Of messages to chats."""
    methods: dict[str, int] = {}
    last: float = 0.0
    """When the last message was delivered (monotonic)."""
    open: int = 0
    """Connections now."""
    opened: int = 0
    """Connections ever."""
    pending_updates: int = 0
    webhook: str = ""
    secret_token: str = ""
    cpu: float = 0.0
    """CPU seconds of this process."""


class Arguments(msgspec.Struct):
    """Of sendMessage, sendPhoto and getUpdates, as JSON."""

    chat_id: int | str = ""
    text: str = ""
    caption: str = ""
    photo: str = ""
    offset: int = 0
    limit: int = 100
    timeout: float = 0
    url: str = ""
    secret_token: str = ""
    draft_id: int = 0


_arguments = msgspec.json.Decoder(Arguments)
_encode = msgspec.json.Encoder().encode

REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    409: b"Conflict",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
}


class Platform:
    """What Telegram knows: the history, the updates, the webhook."""

    def __init__(self, judge: Judge, history_file: IO[str] | None = None) -> None:
        self.judge = judge
        self.stats = Stats()
        self.history: list[Call] = []
        self.updates: list[dict[str, Any]] = []
        self.poller: Poll | None = None
        self._file = history_file
        self._last_message = 0

    def control(self, control: Control) -> None:
        for script in control.scripts:
            self.judge.add(script)
        if control.faults is not None:
            changed = msgspec.to_builtins(self.judge.faults) | control.faults
            self.judge.set(msgspec.convert(changed, Faults))
        if control.updates:
            self.updates += control.updates
            if self.poller is not None:
                self.poller.updates_came()

    def snapshot(self) -> Stats:
        self.stats.pending_updates = len(self.updates)
        self.stats.cpu = time.process_time()
        return self.stats

    def arrived(self, method: str, arguments: Arguments) -> tuple[Call, Fate]:
        """Record a call and say what shall happen to it."""
        now = time.monotonic()
        stats = self.stats
        chat = str(arguments.chat_id)
        text = arguments.text or arguments.caption
        if method not in ("sendMessage", "sendPhoto"):
            chat = ""
            fate = self.judge.call(method)
        else:
            fate = self.judge.send(chat, text, now)
            if not chat or (method == "sendMessage" and not 0 < len(text) <= 4096):
                fate = Fate("400")
            stats.outcomes[fate.outcome] = stats.outcomes.get(fate.outcome, 0) + 1
        call = Call(
            stats.calls, method, chat, text, now, time.time(), fate.outcome, None, fate.retry_after, arguments.photo
        )
        stats.calls += 1
        stats.methods[method] = stats.methods.get(method, 0) + 1
        if chat and call.delivered:
            stats.delivered += 1
            stats.last = now
        self.history.append(call)
        return call, fate

    def message(self, arguments: Arguments) -> dict[str, Any]:
        self._last_message += 1
        chat = arguments.chat_id
        sizes = [{"file_id": "1", "file_unique_id": "1", "width": 1, "height": 1}]
        content = {"photo": sizes, "caption": arguments.caption} if arguments.photo else {"text": arguments.text}
        return {
            "message_id": self._last_message,
            "from": {"id": 1, "is_bot": True, "first_name": "Stand-in", "username": "stand_in_bot"},
            "chat": {"id": int(chat) if str(chat).lstrip("-").isdigit() else chat, "type": "private"},
            "date": int(time.time()),
            **content,
        }

    def over(self, call: Call) -> None:
        """Write the call down, now that nothing of it can change."""
        if self._file is not None:
            self._file.write(_encode(call).decode() + "\n")


class Poll:
    """One getUpdates that waits."""

    def __init__(self, platform: Platform, connection: "Connection", call: Call, arguments: Arguments) -> None:
        self._platform, self._connection, self._call, self._limit = platform, connection, call, arguments.limit
        if platform.poller is not None:
            # Source: the text that the real one answers to the first of two pollers.
            platform.poller.end(409, "Conflict: terminated by other getUpdates request")
        platform.updates = [update for update in platform.updates if update["update_id"] >= arguments.offset]
        platform.poller = self
        self._timer = asyncio.get_running_loop().call_later(arguments.timeout, self.updates_came)
        if platform.updates:
            self.updates_came()

    def updates_came(self) -> None:
        self._leave()
        self._connection.answer(self._call, 200, {"ok": True, "result": self._platform.updates[: self._limit]})

    def end(self, status: int, description: str) -> None:
        self._leave()
        self._connection.refuse(self._call, status, description)

    def caller_gone(self) -> None:
        self._leave()

    def _leave(self) -> None:
        self._timer.cancel()
        if self._platform.poller is self:
            self._platform.poller = None


class Connection(asyncio.Protocol):
    """One keep-alive connection of a client."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._parser = httptools.HttpRequestParser(self)
        self._type = b""
        self._url = b""
        self._body: list[bytes] = []
        self._waiting: Call | None = None
        self._poll: Poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses of it
        self._platform.stats.open += 1
        self._platform.stats.opened += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._platform.stats.open -= 1
        if self._poll is not None:
            self._poll.caller_gone()
        if self._waiting is not None:
            # The client went away before the answer: `answered` stays None.
            self._platform.over(self._waiting)
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    # What httptools finds in a request, in this order.

    def on_message_begin(self) -> None:
        self._type = self._url = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type":
            self._type = value

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        path = self._url.decode("latin-1")
        try:
            if path.startswith("/bot"):
                self._bot_api(path.partition("?")[0].rpartition("/")[2], self._decode(body))
            elif path == "/_control":
                self._platform.control(msgspec.json.decode(body, type=Control))
                self._write(200, b"{}")
            elif path.startswith("/_history"):
                since = int(path.partition("since=")[2] or 0)
                self._write(200, _encode(self._platform.history[since : since + 50_000]))
            elif path == "/_stats":
                self._write(200, _encode(self._platform.snapshot()))
            else:
                self._write(404, b"{}")
        except ValueError as error:  # of msgspec, int() or the judge: a mistake in the test, or in what it tests
            self._write(400, _encode({"ok": False, "error_code": 400, "description": f"Bad Request: {error}"}))

    def _decode(self, body: bytes) -> Arguments:
        if self._type.startswith(b"application/json"):
            return _arguments.decode(body)
        query = self._url.decode("latin-1").partition("?")[2]
        fields = dict(parse_qsl(query, keep_blank_values=True))
        if self._type.startswith(b"application/x-www-form-urlencoded"):
            fields |= parse_qsl(body.decode(), keep_blank_values=True)
        elif self._type.startswith(b"multipart/form-data"):
            form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + self._type + b"\r\n\r\n" + body)
            for part in form.iter_parts():
                name = part.get_param("name", header="content-disposition")
                content = part.get_payload(decode=True)
                fields[str(name)] = content.decode(errors="replace") if isinstance(content, bytes) else ""
        return msgspec.convert(fields, Arguments, strict=False)

    def _bot_api(self, method: str, arguments: Arguments) -> None:
        platform = self._platform
        call, fate = platform.arrived(method, arguments)
        if fate.outcome == "stall":
            platform.over(call)
        elif fate.delay:
            self._waiting = call
            asyncio.get_running_loop().call_later(fate.delay, self._after_delay, call, fate, arguments)
        else:
            self._waiting = call
            self._settle(call, fate, arguments)

    def _after_delay(self, call: Call, fate: Fate, arguments: Arguments) -> None:
        if self._waiting is call:
            self._settle(call, fate, arguments)

    def _settle(self, call: Call, fate: Fate, arguments: Arguments) -> None:
        match fate.outcome:
            case "ok":
                self._succeed(call, arguments)
            case "lost":
                call.answered = time.monotonic()
                self._transport.close()
            case "403":
                self.refuse(call, 403, "Forbidden: bot was blocked by the user")
            case "400":
                self.refuse(call, 400, "Bad Request: chat not found, or text empty or too long")
            case "429" | "early":
                self.refuse(call, 429, f"Too Many Requests: retry after {fate.retry_after}", fate.retry_after)
            case _:
                self.refuse(call, 500, "Internal Server Error")

    def _succeed(self, call: Call, arguments: Arguments) -> None:
        platform = self._platform
        stats = platform.stats
        result: Any = True
        match call.method:
            case "sendMessage" | "sendPhoto":
                result = platform.message(arguments)
            case "getUpdates":
                if stats.webhook:
                    self.refuse(call, 409, "Conflict: can't use getUpdates method while webhook is active")
                else:
                    self._poll = Poll(platform, self, call, arguments)
                return
            case "setWebhook":
                stats.webhook, stats.secret_token = arguments.url, arguments.secret_token
            case "deleteWebhook":
                stats.webhook = stats.secret_token = ""
            case "getWebhookInfo":
                result = {"url": stats.webhook, "pending_update_count": len(platform.updates)}
            case "sendMessageDraft":
                # A number other than 0, in a private chat: #sendmessagedraft
                if not arguments.draft_id or int(arguments.chat_id) < 0 or len(arguments.text) > 4096:
                    self.refuse(call, 400, "Bad Request: TEXTDRAFT_PEER_INVALID")
                    return
            case "getMe":
                result = {"id": 1, "is_bot": True, "first_name": "Stand-in", "username": "stand_in_bot"}
            case _:
                self.refuse(call, 404, "Not Found")
                return
        self.answer(call, 200, {"ok": True, "result": result})

    def refuse(self, call: Call, status: int, description: str, retry_after: int | None = None) -> None:
        content: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        if retry_after is not None:
            content["parameters"] = {"retry_after": retry_after}
        self.answer(call, status, content)

    def answer(self, call: Call, status: int, content: dict[str, Any]) -> None:
        self._waiting = self._poll = None
        # Noted before it leaves, so that nobody can have seen the answer at an earlier time.
        call.answered = time.monotonic()
        self._write(status, _encode(content))
        self._platform.over(call)

    def _write(self, status: int, body: bytes) -> None:
        self._transport.write(
            b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, REASONS[status], len(body), body)
        )


async def _serve(port: int, faults: Faults, history_file: str | None, with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if with_parent:
        loop.add_reader(0, stop.set)  # nothing ever comes here but the end, when the parent is gone
    file = open(history_file, "a", buffering=1) if history_file else None  # noqa: ASYNC230, SIM115
    try:
        platform = Platform(Judge(faults), file)
        server = await loop.create_server(lambda: Connection(platform), "127.0.0.1", port, backlog=1024)
        print(_encode({"port": server.sockets[0].getsockname()[1]}).decode(), flush=True)
        await stop.wait()
        server.close()
    finally:
        if file is not None:
            file.close()


class TelegramStandIn:
    """Starts the stand-in as a process of its own and speaks to it.

    Args:
        history_file: Gets a JSON line for each call that is over; those still waiting are not in it.
        faults: Fields of `Faults`.
    """

    def __init__(self, *, port: int = 0, history_file: Path | None = None, **faults: Any) -> None:
        arguments = ["--port", str(port), "--faults", _encode(faults).decode(), "--with-parent"]
        if history_file is not None:
            arguments += ["--history", str(history_file)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError("the stand-in of Telegram did not start; its reason is above")
        self.port: int = msgspec.json.decode(line)["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        """What a bot takes for `https://api.telegram.org`."""

    @property
    def pid(self) -> int:
        return self._process.pid

    def control(
        self,
        *,
        scripts: list[dict[str, Any]] | None = None,
        updates: list[dict[str, Any]] | None = None,
        **faults: Any,
    ) -> None:
        """Change faults, add scripts (`{"chat": "17", "answers": ["429:2", "lost", "ok"]}`), put in updates."""
        content: dict[str, Any] = {"scripts": scripts or [], "updates": updates or []}
        if faults:
            content["faults"] = faults
        self._request("POST", "/_control", _encode(content))

    def history(self, since: int = 0) -> list[Call]:
        """Return the calls in order of arrival, without the first `since`."""
        calls: list[Call] = []
        while page := msgspec.json.decode(
            self._request("GET", f"/_history?since={since + len(calls)}"), type=list[Call]
        ):
            calls += page
        return calls

    def stats(self) -> Stats:
        return msgspec.json.decode(self._request("GET", "/_stats"), type=Stats)

    def wait(self, condition: Callable[[Stats], bool], timeout: float = 120.0, pause: float = 0.02) -> Stats:
        """Ask for the counters every `pause` seconds until they fulfil `condition`, and return them.

        Raises:
            TimeoutError: They did not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not condition(stats := self.stats()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {timeout} s the stand-in of Telegram has only seen {stats}")
            time.sleep(pause)
        return stats

    def stop(self) -> None:
        """End the process and wait for its end."""
        self._process.terminate()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{path}: {content.decode()}")
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.telegram", description="A stand-in of the Bot API.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--history", metavar="FILE", help="append a JSON line for each call")
    parser.add_argument("--faults", metavar="JSON", default="{}", help="fields of Faults")
    parser.add_argument("--with-parent", action="store_true", help="stop when standard input ends")
    arguments = parser.parse_args()
    faults = msgspec.json.decode(arguments.faults, type=Faults)
    uvloop.run(_serve(arguments.port, faults, arguments.history, arguments.with_parent))


if __name__ == "__main__":
    main()
