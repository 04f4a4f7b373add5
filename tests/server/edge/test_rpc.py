"""`POST /rpc/...`: codes and bodies, who may call, what is stored, and the end of a turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message

from maxbot.bot import MaxBot
from maxbot.channels.base import Channel
from maxbot.delivery import Delivery
from maxbot.events import UpdateSetAside, all_of
from maxbot.inbox.accept import Inbox
from maxbot.locks.memory import MemoryLocks
from maxbot.server.edge.ended import Ended
from maxbot.server.edge.push import Push
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.rpc import Rpc
from maxbot.server.edge.webapp import build_webapp
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog
from tests.channels.support import eventually
from tests.storage.support import opened

BOT = """
rpc:
  - method: swarm
    params: [{name: hive, required: true}, {name: tree}]
  - method: fail
dialog:
  - {condition: rpc.swarm, response: "Hive {{ params.hive }} is empty"}
  - {condition: rpc.fail, response: "{{ nobody }}"}
  - {condition: message.text, response: "{{ message.text }}"}
"""


class Keeping(Channel):
    """Keeps what it is to send."""

    type = "keeping"

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    async def send(self, command: Command, dialog: Dialog) -> None:
        self.sent.append((dialog.user, command.content["text"]))


class Calls:
    """A worker's endpoint, called without a network."""

    def __init__(
        self, app: ASGIApp, channel: Keeping, inbox: Inbox, ended: Ended, refusals: Refusals, bot: MaxBot
    ) -> None:
        self.bot = bot
        self._app = app
        self.channel = channel
        self.inbox = inbox
        self.ended = ended
        self.refusals = refusals

    async def __call__(
        self,
        body: Any = None,
        path: str = "/rpc/keeping/ada",
        query: str = "",
        method: str = "POST",
        **headers: str,
    ) -> tuple[int, Any]:
        sent: list[Message] = []
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 5000),
            "http_version": "1.1",
        }

        async def receive() -> Message:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        status = sent[0]["status"]
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer.decode()


@asynccontextmanager
async def endpoint(folder: Path, token: str | None = None, runs: bool = True) -> AsyncIterator[Calls]:
    async with opened(folder / "bot.db") as store:
        channel = Keeping()
        bot = MaxBot.inline(BOT, [channel])
        ended = Ended(store)
        delivery = Delivery(
            store, bot, bot.channels.by_name, MemoryLocks(), turn_timeout=20, give_up_after=60, observe=all_of(ended)
        )
        inbox = Inbox(store, delivery.wake if runs else lambda dialog: None)
        refusals = Refusals()
        bot.inbox = inbox
        app = build_webapp([Rpc(bot, inbox, ended, token), Push(bot, inbox, ended, token)], refusals)
        yield Calls(app, channel, inbox, ended, refusals, bot)
        await delivery.drain(5.0)


def with_endpoint(folder: Path, scenario: Callable[[Calls], Awaitable[None]], **options: Any) -> None:
    async def run() -> None:
        async with endpoint(folder, **options) as calls:
            await scenario(calls)

    asyncio.run(run())


SWARM = {"method": "swarm", "params": {"hive": 3}}


def test_a_request_is_answered_once_it_is_stored_and_then_run(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call(SWARM) == (200, {"result": None})
        assert await call(SWARM, path="/rpc/keeping/ada/") == (200, {"result": None})
        await eventually(lambda: len(call.channel.sent) == 2)
        assert call.channel.sent == [("ada", "Hive 3 is empty")] * 2

    with_endpoint(tmp_path, scenario)


REFUSED: list[tuple[Any, int, str, Any]] = [
    (None, -32600, "Invalid Request", {"_schema": ["Invalid input type."]}),
    ([], -32600, "Invalid Request", {"_schema": ["Invalid input type."]}),
    (b"", -32600, "Invalid Request", {"_schema": ["Invalid input type."]}),
    ({}, -32600, "Invalid Request", {"method": ["Missing data for required field."]}),
    ({"method": 5}, -32600, "Invalid Request", {"method": ["Not a valid string."]}),
    ({"method": "swarm", "id": 1}, -32600, "Invalid Request", {"id": ["Unknown field."]}),
    ({"method": "swarm", "params": []}, -32600, "Invalid Request", {"params": ["Not a valid mapping type."]}),
    ({"method": "swarm", "params": None}, -32600, "Invalid Request", {"params": ["Field may not be null."]}),
    (
        {"method": "swarm", "params": {"hive": None}},
        -32600,
        "Invalid Request",
        {"params": {"hive": {"value": ["Field may not be null."]}}},
    ),
    ({"method": "nap"}, -32601, "Method not found", "nap"),
    ({"method": "swarm"}, -32602, "Invalid params", {"hive": ["Missing data for required field."]}),
    (
        {"method": "swarm", "params": {"hive": 1, "bee": 2}},
        -32602,
        "Invalid params",
        {"bee": ["Unknown field."]},
    ),
]


def test_what_is_refused_has_its_code_and_stores_nothing(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        for body, code, message, data in REFUSED:
            error = {"error": {"code": code, "message": message, "data": data}}
            assert await call(body) == (200, error), body
        unknown = {"error": {"code": -32100, "message": "Unknown channel", "data": "pigeon"}}
        assert await call({"method": 1}, path="/rpc/pigeon/ada") == (200, unknown)
        assert (await call(b"{", path="/rpc/pigeon/ada"))[0] == 400
        assert (await call(SWARM, method="GET"))[0] == 405
        assert (await call(SWARM, path="/rpc/keeping"))[0] == 400
        assert (await call(SWARM, path="/rpc/keeping/%ff"))[0] == 400
        assert (await call(SWARM, path=f"/rpc/keeping/{'a' * 201}"))[1]["error"]["code"] == -32600
        assert (await call(b" " * (1024 * 1024 + 1)))[0] == 413
        assert call.channel.sent == []
        assert dict(call.refusals.counts) == {400: 3, 405: 1, 413: 1}

    with_endpoint(tmp_path, scenario)


def test_the_name_of_a_user_is_decoded_part_by_part(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        await call(SWARM, path="/rpc/keeping/a%2Fb%20%C3%A9")
        await eventually(lambda: call.channel.sent)
        assert call.channel.sent == [("a/b é", "Hive 3 is empty")]

    with_endpoint(tmp_path, scenario)


def test_a_caller_who_waits_hears_of_the_end(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call(SWARM, query="wait=10") == (200, {"result": None})
        failed = {"error": {"code": -32101, "message": "The turn failed", "data": None}}
        assert await call({"method": "fail"}, query="wait=10") == (200, failed)
        assert await call({"method": "fail"}, query="wait=10&failed=500") == (500, failed)
        assert (await call(SWARM, query="wait=soon"))[0] == 400
        assert (await call(SWARM, query="failed=99"))[0] == 400
        assert len(call.ended) == 0

    with_endpoint(tmp_path, scenario)


def test_a_wait_ends_with_its_time_and_with_the_server(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call(SWARM, query="wait=0.05") == (202, {"result": None})
        waiting = asyncio.create_task(call(SWARM, query="wait=60"))
        await eventually(lambda: len(call.ended) == 1)
        call.ended.stop()
        assert await waiting == (202, {"result": None})

    with_endpoint(tmp_path, scenario, runs=False)


def test_an_end_in_another_worker_is_heard(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with endpoint(tmp_path, runs=False) as call, endpoint(tmp_path) as other:
            waiting = asyncio.create_task(call(SWARM, query="wait=30"))
            await eventually(lambda: len(call.ended) == 1)
            await other(SWARM)  # wakes the dialog there
            assert await waiting == (200, {"result": None})

    asyncio.run(scenario())


def test_a_key_makes_a_request_one_however_often_it_is_sent(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call(SWARM, query="wait=10", idempotency_key="a") == (200, {"result": None})
        assert await call(SWARM, query="wait=10", idempotency_key="a") == (200, {"result": None})
        assert (await call({"method": "fail"}, query="wait=10", idempotency_key="b"))[1]["error"]["code"] == -32101
        assert (await call({"method": "fail"}, query="wait=10", idempotency_key="b"))[1]["error"]["code"] == -32101
        await call(SWARM, path="/rpc/keeping/bob", query="wait=10", idempotency_key="a")
        assert (await call(SWARM, idempotency_key="x" * 201))[0] == 400
        await eventually(lambda: len(call.channel.sent) == 2)
        assert call.channel.sent == [("ada", "Hive 3 is empty"), ("bob", "Hive 3 is empty")]

    with_endpoint(tmp_path, scenario)


def test_a_token_protects_the_endpoint(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert (await call(SWARM))[0] == 401
        assert (await call(SWARM, authorization="Bearer wrong"))[0] == 401
        assert (await call(SWARM, authorization="Basic right"))[0] == 401
        assert (await call(SWARM, authorization="Bearer right"))[0] == 200
        assert (await call(SWARM, authorization="bearer right", origin="https://shop.example"))[0] == 200

    with_endpoint(tmp_path, scenario, token="right")


def test_without_a_token_no_page_in_a_browser_may_call(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert (await call(SWARM, origin="https://evil.example"))[0] == 403
        assert (await call(SWARM, sec_fetch_site="cross-site"))[0] == 403
        assert call.channel.sent == []

    with_endpoint(tmp_path, scenario)


def test_what_is_no_message_does_not_come_in_as_one(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        from maxbot.types import Update

        forged: Any = [SWARM]
        with pytest.raises(TypeError, match="a message is a dict"):
            await call.inbox.accept([Update(Dialog("keeping", "ada"), "1", forged)])

    with_endpoint(tmp_path, scenario)


def test_a_failed_turn_wakes_those_who_wait() -> None:
    store: Any = Store
    ended = Ended(store)
    woken = asyncio.Event()
    dialog = Dialog("keeping", "ada")
    ended._waiting[dialog].add(woken)
    ended(UpdateSetAside(Dialog("keeping", "bob"), 1, "no", None))
    assert not woken.is_set()
    ended(UpdateSetAside(dialog, 1, "no", None))
    assert woken.is_set()
