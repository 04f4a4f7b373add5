"""`POST /push/...` and `bot.push`: what is said, in which order, once, and what is refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from maxbot import MaxBot
from maxbot.errors import RpcError, UsageError
from maxbot.server.edge.refusals import Refusals
from maxbot.server.edge.webapp import FrontDoor, build_webapp
from maxbot.types import Dialog, Update
from tests.channels.support import eventually
from tests.server.edge.test_rpc import Calls, Keeping, with_endpoint
from tests.storage.support import rows

PATH = "/push/keeping/ada"
ADA = Dialog("keeping", "ada")


def test_what_is_pushed_is_said_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call({"text": "Sale!"}, PATH, "wait=10") == (200, {"result": None})
        assert await call({"commands": [{"text": "a"}, {"text": "b"}]}, PATH, "wait=10") == (200, {"result": None})
        await eventually(lambda: call.channel.sent == [("ada", "Sale!"), ("ada", "a"), ("ada", "b")])

    with_endpoint(tmp_path, scenario)
    assert [row["state"] for row in rows(tmp_path / "bot.db", "dialogs")] == [b"{}"]


def test_a_push_goes_behind_the_messages_that_wait(tmp_path: Path) -> None:
    async def waits(call: Calls) -> None:
        await call.inbox.accept([Update(ADA, "1", {"text": "first"})])
        assert await call({"text": "second"}, PATH) == (200, {"result": None})
        await call.inbox.accept([Update(ADA, "2", {"text": "third"})])
        assert call.channel.sent == [], "nothing is said beside the inbox"

    async def goes_on(call: Calls) -> None:
        await call.inbox.accept([Update(ADA, "3", {"text": "fourth"})])
        expected = [("ada", text) for text in ("first", "second", "third", "fourth")]
        await eventually(lambda: call.channel.sent == expected)

    with_endpoint(tmp_path, waits, runs=False)
    with_endpoint(tmp_path, goes_on)


def test_a_push_comes_once_for_its_key(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        for _ in range(3):
            assert await call({"text": "Sale!"}, PATH, "wait=10", idempotency_key="sale") == (200, {"result": None})
        # The key of a request of /rpc is another one.
        body = {"method": "swarm", "params": {"hive": 3}}
        assert await call(body, query="wait=10", idempotency_key="sale") == (200, {"result": None})
        await eventually(lambda: call.channel.sent == [("ada", "Sale!"), ("ada", "Hive 3 is empty")])

    with_endpoint(tmp_path, scenario)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"text": ""},
        {"text": 5},
        {"text": "a", "more": 1},
        {"commands": []},
        {"commands": "a"},
        {"commands": [{"text": "a"}] * 11},
        {"commands": ["a"]},
        {"commands": [{"image": {}}]},
        {"commands": [{"text": "a", "resend": False}]},
        {"method": "push", "params": {"commands": []}, "push": True},
    ],
    ids=repr,
)
def test_what_cannot_be_sent_is_refused_and_not_stored(tmp_path: Path, body: Any) -> None:
    async def scenario(call: Calls) -> None:
        status, answer = await call(body, PATH)
        assert (status, answer["error"]["code"]) == (200, -32602)

    with_endpoint(tmp_path, scenario)
    assert rows(tmp_path / "bot.db", "seen") == []


def test_others_are_refused(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert (await call({"text": "a"}, PATH))[0] == 401
        assert (await call({"text": "a"}, PATH, authorization="Bearer wrong"))[0] == 401
        assert (await call({"text": "a"}, PATH, method="GET", authorization="Bearer secret"))[0] == 405
        status, answer = await call({"text": "a"}, "/push/nothing/ada", authorization="Bearer secret")
        assert (status, answer["error"]["code"]) == (200, -32100)
        status, answer = await call(
            {"method": "swarm", "params": {"hive": 1}, "push": True}, authorization="Bearer secret"
        )
        assert (status, answer["error"]["code"]) == (200, -32600), "no request is a push"
        assert await call({"text": "a"}, PATH, authorization="Bearer secret") == (200, {"result": None})

    with_endpoint(tmp_path, scenario, token="secret")


def test_the_bots_own_code_pushes(tmp_path: Path) -> None:
    async def scenario(call: Calls) -> None:
        assert await call.bot.push(ADA, "one", key="k")
        assert not await call.bot.push(ADA, "again", key="k")
        assert await call.bot.push(Dialog("keeping", "bob"), {"text": "two"})
        await eventually(lambda: sorted(call.channel.sent) == [("ada", "one"), ("bob", "two")])
        with pytest.raises(RpcError, match="Invalid params"):
            await call.bot.push(ADA, {"image": {}})
        with pytest.raises(UsageError, match="no channel 'nothing'"):
            await call.bot.push(Dialog("nothing", "ada"), "a")

    with_endpoint(tmp_path, scenario)


def test_without_a_server_nothing_is_pushed() -> None:
    with pytest.raises(UsageError, match="no server runs this bot"):
        asyncio.run(MaxBot().push(ADA, "a"))


@pytest.mark.parametrize("push", [True, False])
def test_the_front_door_names_it_where_it_is(push: bool) -> None:
    nothing: Any = None
    app = build_webapp([FrontDoor([], push=push)], Refusals())
    call = Calls(app, Keeping(), nothing, nothing, Refusals(), nothing)
    status, text = asyncio.run(call(path="/", method="GET"))
    assert (status, "POST /push/CHANNEL/USER_ID" in text) == (200, push)
