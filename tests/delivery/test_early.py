"""What a handler says before it ends, from the outside: what the platform is sent, and when."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from maxbot import MaxBot, Turn
from maxbot.channels.base import Channel, Growth
from maxbot.channels.expand import Abilities
from maxbot.channels.split import Limit
from maxbot.delivery import Delivery
from maxbot.errors import OutcomeUnknown, RetryLater, TurnError
from maxbot.inbox.accept import Inbox
from maxbot.storage.store import Store
from maxbot.types import Address, Begun, Command, Dialog, Update
from tests.support.engine import counters, letters, run_with_store

ANNA = Dialog("test", "anna")

Handle = Callable[[Turn], Awaitable[None]]


class Platform(Channel):
    """Shows what its user sees: a message that was begun keeps its place."""

    type = name = "test"
    abilities = Abilities(text=Limit(20))

    def __init__(self, growth: Growth | None = None) -> None:
        self.growth = growth
        self.seen: list[str] = []
        self.drafts: list[str] = []
        self.addresses: list[Address | None] = []
        self.busy = 0
        """How many sends are refused before one is taken."""
        self.typed = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def send(self, command: Command, dialog: Dialog) -> None:
        await self.answers.wait()
        if self.busy:
            self.busy -= 1
            raise RetryLater("busy", 30.0)
        self.addresses.append(command.address)
        if command.begun is None:
            self.seen.append(command.content["text"])
        else:
            self.seen[command.begun["n"]] = command.content["text"]

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        assert self.growth is not None
        self.drafts.append(text)
        if not self.growth.lasts:
            return None
        if begun is None:
            self.seen.append(text)
            return {"n": len(self.seen) - 1}
        self.seen[begun["n"]] = text
        return begun

    async def typing(self, dialog: Dialog, address: Address | None = None) -> None:
        self.typed += 1


class Server:
    """One worker, from inbox to platform."""

    def __init__(self, store: Store, handle: Handle, platform: Platform | None = None) -> None:
        self.platform = platform or Platform()
        self.store = store
        bot = MaxBot([self.platform])
        bot.handler(handle)
        self.delivery = Delivery(
            store, bot, bot.channels.by_name, lambda dialog: nullcontext(), turn_timeout=60.0, give_up_after=3600.0
        )
        self.inbox = Inbox(store, self.delivery.wake)

    async def hears(self, *keys: str, address: Address | None = None) -> None:
        await self.inbox.accept([Update(ANNA, key, {"text": key}, address=address) for key in keys])

    async def dies(self) -> None:
        """As far as the database knows: whatever was under way is not."""
        await self.delivery.drain(0.0)

    @property
    def seen(self) -> list[str]:
        return self.platform.seen


def test_it_leaves_before_the_end_and_before_what_is_said_at_the_end() -> None:
    async def handle(turn: Turn) -> None:
        turn.say("last")
        await turn.send_now("first")
        await turn.send_now({"text": "second"})
        await asyncio.sleep(10)
        turn.state["done"] = True

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("hi")
        await asyncio.sleep(5)
        assert server.seen == ["first", "second"]
        assert (await store.load(str(ANNA))).state == {}, "the state is stored at the end"
        await asyncio.sleep(10)
        assert server.seen == ["first", "second", "last"]
        assert (await store.load(str(ANNA))).state == {"done": True}

    run_with_store(scenario)
    assert counters() == {}


def test_what_nobody_waits_for_is_sent_all_the_same_and_in_order() -> None:
    async def handle(turn: Turn) -> None:
        for text in ("one", "two", "three"):
            turn.send_now(text)
        turn.say("four")

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("hi", "again")
        await asyncio.sleep(5)
        assert server.seen == ["one", "two", "three", "four"] * 2

    run_with_store(scenario)
    assert counters() == {}


def test_a_busy_platform_holds_it_up_and_all_behind_it_but_not_the_handler() -> None:
    ended: list[float] = []

    async def handle(turn: Turn) -> None:
        await turn.send_now("one")
        await turn.send_now("two")
        turn.say("three")
        await asyncio.sleep(40 if turn.message["text"] == "slow" else 0)
        ended.append(asyncio.get_running_loop().time())

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        for text, seconds in (("quick", 0), ("slow", 40)):
            server.seen.clear()
            server.platform.busy = 1
            began = asyncio.get_running_loop().time()
            await server.hears(text)
            await asyncio.sleep(20)
            assert server.seen == []
            await asyncio.sleep(15)
            assert server.seen[:2] == ["one", "two"], "sent again while the handler is at work"
            await asyncio.sleep(15)
            assert server.seen == ["one", "two", "three"]
            assert ended[-1] - began < seconds + 5

    run_with_store(scenario)
    assert counters() == {}


def test_a_long_one_is_split_and_too_long_a_one_is_the_bots_fault() -> None:
    async def handle(turn: Turn) -> None:
        await turn.send_now("word " * (7 if turn.message["text"] == "long" else 700))

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("long", "too long")
        await asyncio.sleep(5)
        assert server.seen == ["word word word word", "word word word"]

    run_with_store(scenario)
    ((kind, reason, _),) = letters()
    assert (kind, "more than 10 messages" in reason) == ("update", True)


def test_it_stays_sent_when_the_turn_fails() -> None:
    async def handle(turn: Turn) -> None:
        turn.send_now("early")
        turn.say("late")
        turn.state["half"] = True
        raise ValueError("oh")

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("hi")
        await asyncio.sleep(5)
        assert server.seen == ["early"]
        assert (await store.load(str(ANNA))).state == {}

    run_with_store(scenario)
    assert len(letters()) == 1


def test_a_second_run_says_what_the_first_one_has_not() -> None:
    runs: list[int] = []

    async def handle(turn: Turn) -> None:
        runs.append(len(runs) + 1)
        for number in range(1, runs[-1] + 2):
            await turn.send_now(f"{number} of run {runs[-1]}")
        if len(runs) < 3:
            await asyncio.sleep(1000)
        turn.say("done")

    async def scenario(store: Store) -> None:
        platform = Platform()
        for _ in range(3):
            server = Server(store, handle, platform)
            server.delivery.wake(ANNA) if runs else await server.hears("hi")
            await asyncio.sleep(5)
            await server.dies()
        assert platform.seen == ["1 of run 1", "2 of run 1", "3 of run 2", "4 of run 3", "done"]

    run_with_store(scenario)
    assert counters() == {}


def test_whoever_lost_the_turn_is_refused_and_commits_nothing() -> None:
    refused: list[str] = []
    ran: list[str] = []

    async def handle(turn: Turn) -> None:
        ran.append("run")
        if len(ran) == 1:
            await asyncio.sleep(5)  # and meanwhile, without a lock, somebody else runs it
        try:
            await turn.send_now("hello")
        except TurnError as error:
            refused.append(str(error))
        await asyncio.sleep(10)
        turn.say("bye")

    async def scenario(store: Store) -> None:
        platform = Platform()
        slow, quick = Server(store, handle, platform), Server(store, handle, platform)
        await slow.hears("hi")
        await asyncio.sleep(1)
        quick.delivery.wake(ANNA)
        await asyncio.sleep(30)
        assert platform.seen == ["hello", "bye"]
        assert len(refused) == 1

    run_with_store(scenario)
    assert letters() == []


def test_it_goes_where_its_message_came_from() -> None:
    async def handle(turn: Turn) -> None:
        await turn.send_now("early")
        await asyncio.sleep(1)

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        for thread in ("1", "2"):
            await server.hears(thread, address={"thread": thread})
            await asyncio.sleep(5)
        assert server.platform.addresses == [{"thread": "1"}, {"thread": "2"}]

    run_with_store(scenario)


@pytest.mark.parametrize(("elsewhere", "within"), [(False, 0.1), (True, 1.2)])
def test_a_user_who_writes_again_is_noticed_here_at_once_and_elsewhere_within_a_second(
    elsewhere: bool, within: float
) -> None:
    noticed: list[float] = []

    async def handle(turn: Turn) -> None:
        while turn.message["text"] == "first" and not await turn.superseded():
            await asyncio.sleep(0.01)
        noticed.append(asyncio.get_running_loop().time())
        assert turn.message["text"] == "first" or not await turn.superseded()

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("first")
        await asyncio.sleep(5)
        if elsewhere:
            await store.accept([Update(ANNA, "second", {"text": "second"})])
        else:
            await server.hears("second")
        written = asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        assert 0 <= noticed[0] - written < within
        assert len(noticed) == 2

    run_with_store(scenario)
    assert letters() == []


def test_typing_is_shown_within_the_body_only() -> None:
    async def handle(turn: Turn) -> None:
        async with turn.typing():
            await asyncio.sleep(0.5)

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("hi")
        await asyncio.sleep(20)
        assert server.platform.typed == 1

    run_with_store(scenario)


# Streams


async def counts(turn: Turn) -> None:
    turn.send_now("Counting:")
    async with turn.stream() as reply:
        for number in range(8):
            await reply.write(f"{number} ")
            await asyncio.sleep(0.5)
    turn.say("done")


def test_where_nothing_can_grow_it_arrives_once() -> None:
    async def scenario(store: Store) -> None:
        server = Server(store, counts)
        await server.hears("hi")
        await asyncio.sleep(10)
        assert server.seen == ["Counting:", "0 1 2 3 4 5 6 7 ", "done"]

    run_with_store(scenario)


@pytest.mark.parametrize("lasts", [False, True])
def test_it_grows_as_often_as_the_platform_allows_and_is_one_message(lasts: bool) -> None:
    async def scenario(store: Store) -> None:
        server = Server(store, counts, Platform(Growth(every=1.0, lasts=lasts)))
        await server.hears("hi")
        await asyncio.sleep(10)
        assert server.seen == ["Counting:", "0 1 2 3 4 5 6 7 ", "done"]
        drafts = server.platform.drafts
        assert 3 <= len(drafts) <= 5
        assert all(later.startswith(earlier) for earlier, later in pairwise(drafts))

    run_with_store(scenario)
    assert counters() == {}


@pytest.mark.parametrize("how", ["streams", "says early", "says at the end"])
def test_a_message_begun_by_a_run_that_died_is_finished_by_the_next_one(how: str) -> None:
    runs: list[str] = []

    async def handle(turn: Turn) -> None:
        runs.append("run")
        if len(runs) == 1:
            async with turn.stream() as reply:
                await reply.write("Half of i")
                await asyncio.sleep(1000)
        elif how == "streams":
            async with turn.stream() as reply:
                await reply.write("Half of it ")
                await asyncio.sleep(5)
                await reply.write("and all")
        elif how == "says early":
            turn.send_now("Half of it and all")
        else:
            turn.say("Half of it and all")
        turn.say("done")

    async def scenario(store: Store) -> None:
        platform = Platform(Growth(every=1.0, lasts=True))
        first = Server(store, handle, platform)
        await first.hears("hi")
        await asyncio.sleep(5)
        await first.dies()
        assert platform.seen == ["Half of i"]
        second = Server(store, handle, platform)
        second.delivery.wake(ANNA)
        await asyncio.sleep(10)
        assert platform.seen == ["Half of it and all", "done"]

    run_with_store(scenario)
    assert counters() == {}


class Finding(Platform):
    """Knows a message again by the key under which it was begun. Whoever calls it may die at any point."""

    def __init__(self, deadly: str) -> None:
        super().__init__(Growth(every=1.0, lasts=True, finds=True))
        self.deadly = deadly
        self.begun: dict[str, int] = {}

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        await self._point("asked to change" if begun else "asked to begin")
        number: int | None = self.begun.get(key) if not begun else begun["n"]
        if number is None:
            self.seen.append(text)
            number = self.begun[key] = len(self.seen) - 1
        self.seen[number] = text
        await self._point("changed" if begun else "begun")
        return {"n": number}

    async def send(self, command: Command, dialog: Dialog) -> None:
        await self._point("asked to finish")
        number = self.begun.get(command.begun_key) if command.begun == {} else None
        found = {"n": number} if number is not None else command.begun or None
        await super().send(msgspec.structs.replace(command, begun=found), dialog)
        await self._point("finished")

    async def _point(self, name: str) -> None:
        if name == self.deadly:
            await asyncio.sleep(1000)


@pytest.mark.parametrize("how", ["streams", "says early", "says at the end"])
@pytest.mark.parametrize(
    "point", ["asked to begin", "begun", "asked to change", "changed", "asked to finish", "finished"]
)
def test_whenever_a_worker_dies_what_it_streams_ends_as_one_message(point: str, how: str) -> None:
    runs: list[str] = []

    async def handle(turn: Turn) -> None:
        runs.append("run")
        if how == "streams" or len(runs) == 1:
            async with turn.stream() as reply:
                await reply.write("Half of it ")
                await asyncio.sleep(3)
                await reply.write("and ")
                await asyncio.sleep(3)
                await reply.write("all")
        elif how == "says early":
            turn.send_now("Half of it and all")
        elif "finish" not in point:  # the first run has said it
            turn.say("Half of it and all")
        turn.say("done")

    async def scenario(store: Store) -> None:
        platform = Finding(point)
        first = Server(store, handle, platform)
        await first.hears("hi")
        await asyncio.sleep(20)
        await first.dies()
        platform.deadly = ""
        second = Server(store, handle, platform)
        second.delivery.wake(ANNA)
        await asyncio.sleep(30)
        assert platform.seen == ["Half of it and all", "done"]

    run_with_store(scenario)
    assert counters() == ({"uncertain": 1} if "finish" in point else {})


def test_a_begin_whose_answer_was_lost_is_found_and_not_begun_twice() -> None:
    class Mute(Finding):
        async def draft(self, *arguments: Any) -> Begun | None:
            begun = await super().draft(*arguments)
            self.drafts.append("")
            if len(self.drafts) == 1:
                raise OutcomeUnknown("no answer")
            if len(self.drafts) == 2:
                raise RetryLater("not now")
            return begun

    async def scenario(store: Store) -> None:
        server = Server(store, counts, Mute(""))
        await server.hears("hi")
        await asyncio.sleep(10)
        assert server.seen == ["Counting:", "0 1 2 3 4 5 6 7 ", "done"]

    run_with_store(scenario)
    assert counters() == {}


def test_the_keys_of_another_database_are_others() -> None:
    keys: list[str] = []

    class Noting(Platform):
        async def send(self, command: Command, dialog: Dialog) -> None:
            keys.append(command.key)

    async def handle(turn: Turn) -> None:
        turn.say("hello")

    async def scenario(store: Store) -> None:
        for run in ("one", "other"):  # the second run finds the first one's mark
            await store.make_mark(run)
            server = Server(store, handle, Noting())
            await server.hears(run)
            await asyncio.sleep(5)

    run_with_store(scenario)
    run_with_store(scenario)
    assert keys == ["one.1.0", "one.2.0"] * 2


def test_who_dies_between_the_begin_and_its_name_leaves_a_message_that_is_counted_as_uncertain() -> None:
    class Deaf(Platform):
        deaf = True

        async def draft(self, *arguments: Any) -> Begun | None:
            begun = await super().draft(*arguments)
            if self.deaf:
                await asyncio.sleep(1000)
            return begun

    async def handle(turn: Turn) -> None:
        async with turn.stream() as reply:
            await reply.write("Half of it")
            await asyncio.sleep(5)
            await reply.write(" and all")

    async def scenario(store: Store) -> None:
        platform = Deaf(Growth(every=1.0, lasts=True))
        first = Server(store, handle, platform)
        await first.hears("hi")
        await asyncio.sleep(2)
        await first.dies()
        platform.deaf = False
        second = Server(store, handle, platform)
        second.delivery.wake(ANNA)
        await asyncio.sleep(10)
        assert platform.seen == ["Half of it", "Half of it and all"]

    run_with_store(scenario)
    assert counters() == {"uncertain": 1}


def test_a_platform_that_cannot_show_it_now_gets_the_reply_all_the_same() -> None:
    class Refusing(Platform):
        async def draft(self, *arguments: Any) -> Begun | None:
            self.drafts.append("")
            raise RetryLater("busy", 3.0)

    async def scenario(store: Store) -> None:
        server = Server(store, counts, Refusing(Growth(every=0.1, lasts=True)))
        await server.hears("hi")
        await asyncio.sleep(10)
        assert server.seen == ["Counting:", "0 1 2 3 4 5 6 7 ", "done"]
        assert len(server.platform.drafts) <= 3, "it asked for three seconds"

    run_with_store(scenario)
    assert counters() == {}


def test_a_stream_that_breaks_says_nothing() -> None:
    async def handle(turn: Turn) -> None:
        with suppress(ValueError):
            async with turn.stream() as reply:
                await reply.write("Half")
                raise ValueError("the model is gone")
        turn.say("Sorry")

    async def scenario(store: Store) -> None:
        server = Server(store, handle)
        await server.hears("hi")
        await asyncio.sleep(5)
        assert server.seen == ["Sorry"]

    run_with_store(scenario)
