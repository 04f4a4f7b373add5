"""A dialog has a bounded number of timers that wait."""

from typing import Any

from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.timers import MOST_TIMERS
from maxbot.delivery.turns import Turns
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog, Message, State, Timer, TimerChanges, TurnResult, Update
from tests.support.bots import PlainBot
from tests.support.engine import letters, run_with_store

ANNA = Dialog("test", "1")


class Reminding(PlainBot):
    """Sets as many timers as the message says, after it has cancelled what the message names."""

    async def run_turn(self, message: Message, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        timers = [Timer(f"{message['id']}.{n}", 3600.0, message["id"], {}) for n in range(message["timers"])]
        changes = TimerChanges(timers, message.get("cancelled", ()))
        return TurnResult([Command({"text": "set"})], {"turns": state.get("turns", 0) + 1}, timers=changes)


async def says(store: Store, id: str, timers: int, **more: Any) -> None:
    """Run a turn that sets timers."""
    await store.accept([Update(ANNA, id, {"id": id, "timers": timers, **more})])
    work = await store.load(str(ANNA))
    assert work.update is not None
    await Turns(store, Reminding(), {}, 20.0, Suspects()).run(ANNA, work, work.update, Origin(False))
    for row in (await store.load(str(ANNA))).outbox:
        await store.set_aside_command(str(ANNA), row, "not sent here")


def test_a_turn_that_would_set_too_many_fails_and_changes_nothing() -> None:
    async def scenario(store: Store) -> None:
        await says(store, "most", MOST_TIMERS - 1)
        await says(store, "last", 1)
        await says(store, "over", 1)
        names = [name for _, name in await store.timers_of(str(ANNA))]
        assert sorted(names) == ["last"] + ["most"] * (MOST_TIMERS - 1)
        assert (await store.load(str(ANNA))).state == {"turns": 2}

    run_with_store(scenario)
    (reason,) = [reason for kind, reason, _ in letters() if kind == "update"]
    assert reason.startswith("the dialog would have 101 timers that wait, and 100 are the most")


def test_those_that_the_turn_cancels_make_room() -> None:
    async def scenario(store: Store) -> None:
        await says(store, "old", MOST_TIMERS)
        await says(store, "new", MOST_TIMERS, cancelled=["old"])
        names = [name for _, name in await store.timers_of(str(ANNA))]
        assert names == ["new"] * MOST_TIMERS
        await says(store, "one", 2, cancelled=["new.0"])
        assert len(await store.timers_of(str(ANNA))) == MOST_TIMERS

    run_with_store(scenario)
