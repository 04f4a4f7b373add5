"""What the web application does with a webhook before the inbox sees it, and with what is wrong with it."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from starlette.types import Message

from maxbot.channels.base import Channel, Request
from maxbot.errors import StorageError, StorageUnavailable, Unauthorized
from maxbot.inbox.accept import Inbox
from maxbot.server.edge.hosts import ANY
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.webapp import FrontDoor, build_webapp
from maxbot.server.edge.webhooks import Webhooks
from maxbot.types import Dialog, Update


class Strict(Channel):
    """Knows one secret, and notes what it parses."""

    name = "strict"

    def __init__(self) -> None:
        self.parsed: list[bytes] = []

    def verify(self, request: Request) -> None:
        if request.headers.get("x-secret") != "right":
            raise Unauthorized("No")

    def parse(self, request: Request) -> list[Update]:
        self.parsed.append(request.body)
        return [Update(Dialog("strict", request.body.decode("ascii")), "1", {"text": "hello"})]


class Accepting:
    """An inbox that takes everything, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.accepted: list[Update] = []
        self.error = error

    async def accept(self, updates: Sequence[Update]) -> list[bool]:
        if self.error is not None:
            raise self.error
        self.accepted += updates
        return [True] * len(updates)


def deliver(
    channel: Channel,
    inbox: Accepting,
    body: bytes,
    secret: str = "right",
    path: str = "/strict",
    host: str = "localhost",
    hosts: Sequence[str] = (ANY,),
    refusals: Refusals | None = None,
    method: str = "POST",
) -> int:
    """Return the status that a webhook is answered with."""
    parts = [Webhooks({channel.name: channel}, cast(Inbox, inbox)), FrontDoor([channel])]
    app = build_webapp(parts, Refusals() if refusals is None else refusals, hosts)
    statuses: list[int] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", host.encode("latin-1")), (b"x-secret", secret.encode())],
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 5000),
        "http_version": "1.1",
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def call() -> None:
        await app(scope, receive, send)

    asyncio.run(call())
    (status,) = statuses
    return status


def test_what_is_right_is_verified_parsed_and_accepted() -> None:
    channel, inbox = Strict(), Accepting()
    assert deliver(channel, inbox, b"user") == 200
    assert channel.parsed == [b"user"]
    assert [update.dialog.user for update in inbox.accepted] == ["user"]


def test_what_is_not_authentic_is_not_even_parsed() -> None:
    channel, inbox = Strict(), Accepting()
    assert deliver(channel, inbox, b"user", secret="wrong") == 401
    assert channel.parsed == []
    assert inbox.accepted == []


def test_what_a_channel_fails_at_is_the_requests_fault() -> None:
    channel, inbox = Strict(), Accepting()
    assert deliver(channel, inbox, b"\xff") == 400
    assert inbox.accepted == []


@pytest.mark.parametrize("error", [StorageUnavailable("locked"), StorageError("never")])
def test_what_is_not_stored_is_not_acknowledged(error: Exception) -> None:
    assert deliver(Strict(), Accepting(error), b"user") == 503


@pytest.mark.parametrize("host", ["[::1", "a b", "\xff", ""])
def test_a_refusal_survives_any_host_header(host: str) -> None:
    assert deliver(Strict(), Accepting(), b"", path="/nothing", host=host) == 404


def test_a_slash_too_many_is_not_redirected_to_whatever_host_says() -> None:
    assert deliver(Strict(), Accepting(), b"", path="/strict/", host="evil.example") == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("[::1]:8080", 200),
        ("bot.example.com", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:8080", 421),
        ("", 421),
    ],
)
def test_what_is_meant_for_another_host_is_refused(host: str, status: int) -> None:
    inbox = Accepting()
    hosts = ("localhost", "[::1]", "bot.example.com")
    assert deliver(Strict(), inbox, b"user", host=host, hosts=hosts) == status
    assert len(inbox.accepted) == (status == 200)


def test_what_a_scanner_asks_for_is_counted_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    with caplog.at_level("INFO", "maxbot"):
        for path in ("/wp-login.php", "/.env"):
            assert deliver(Strict(), Accepting(), b"", path=path, refusals=refusals) == 404
        assert caplog.records == []
        assert deliver(Strict(), Accepting(), b"", secret="wrong", refusals=refusals) == 401
        assert "401 No" in caplog.messages[-1]
        refusals.say()
    assert caplog.messages[-1] == "Requests refused since the start: 1 with 401, 2 with 404"


def test_the_front_door_names_what_there_is() -> None:
    assert deliver(Strict(), Accepting(), b"", path="/", method="GET") == 200
