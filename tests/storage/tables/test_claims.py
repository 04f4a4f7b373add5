"""Several hosts on one database: whose a dialog is, who is taken for dead, and what such a one may still do."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import literal_column, select, text

from maxbot.channels.base import Channel
from maxbot.errors import LockLost, SessionLost
from maxbot.events import Event, SessionEnded
from maxbot.outbox.send import LookAgain, Sender
from maxbot.storage.backend import Backend, Member
from maxbot.storage.database import Database
from maxbot.storage.prepare import open_backend
from maxbot.storage.statement import Statement
from maxbot.storage.store import Store
from maxbot.storage.tables import inbox, turns
from maxbot.storage.tables.claims import SOON, lock
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.types import Command, Dialog
from tests.storage.support import MySQLPlace, Place, PostgreSQLPlace, says, update
from tests.support.processes import eventually

LEASE = 1.0
DIALOG = Dialog("test", "1")
BEA = Dialog("test", "2")

_ANYTHING = Statement(select(literal_column("1")))


@pytest.fixture(params=[PostgreSQLPlace, MySQLPlace])
def place(request: pytest.FixtureRequest) -> Place:
    """A prepared database that several hosts may share."""
    made: Place = request.param()
    made.prepared()
    return made


def worker(place: Place, run: str, lease: float = 60.0) -> Backend:
    """Return the way of a worker whose transactions are made by hand, and that renews nothing by itself."""
    return place.worker(Member(run, lease))


def change(place: Place, statement: str) -> None:
    """Change something that no worker of ours would."""
    engine = place.backend().engine()
    with engine.connect() as connection, connection.begin():
        connection.execute(text(statement))
    engine.dispose()


class Paused(Database):
    """Renews nothing by itself."""

    def _rest(self) -> float | None:
        return None


@asynccontextmanager
async def pair(place: Place, observed: list[Event] | None = None) -> AsyncIterator[tuple[Store, Store]]:
    """Give the stores of two workers on two hosts; the first renews nothing by itself, as if it were paused."""
    heard: list[Event] = [] if observed is None else observed
    paused = Paused(worker(place, "paused", LEASE), heard.append)
    other = Database(worker(place, "other", LEASE))
    try:
        yield Store(paused), Store(other)
    finally:
        await paused.close()
        await other.close()


async def held_elsewhere(store: Store, dialog: Dialog = DIALOG) -> float | None:
    """Return for how long the dialog is another worker's; None where it is this one's now, or nobody's."""
    return (await store.load(str(dialog))).elsewhere


async def until_dead(store: Store) -> None:
    """Wait until a worker has ended the session of another one that had the dialog."""
    while await held_elsewhere(store) is not None:
        await asyncio.sleep(0.05)


async def committed(store: Store, text: str, dialog: Dialog = DIALOG) -> list[OutboxRow]:
    """Return the commands of a turn that was just committed."""
    await store.accept([update(text, dialog)])
    work = await store.load(str(dialog))
    assert work.update is not None
    rows = await store.commit(str(dialog), work.version, work.update.id, {"by": text}, says(text))
    assert rows is not None
    return rows


def test_who_is_not_heard_of_is_ended_by_the_next_who_wants_its_dialog_and_changes_nothing_more(place: Place) -> None:
    observed: list[Event] = []

    async def scenario() -> None:
        async with pair(place, observed) as (stale, other):
            await stale.accept([update("a", DIALOG)])
            work = await stale.load(str(DIALOG))
            assert work.update is not None
            left = await held_elsewhere(other)
            assert left is not None
            assert 0 < left <= LEASE
            while (taken := await other.load(str(DIALOG))).elsewhere is not None:
                await asyncio.sleep(0.05)
            assert taken.taken_over
            assert await stale.commit(str(DIALOG), 0, work.update.id, {"by": "stale"}, []) is None
            assert not await stale.set_aside_update(str(DIALOG), work.update.id, "stale", None)
            await stale.move(DIALOG, BEA)
            await stale.release(str(DIALOG))
            assert await held_elsewhere(stale) is not None
            assert await other.commit(str(DIALOG), 0, work.update.id, {"by": "other"}, []) == []

    asyncio.run(scenario())
    assert place.rows("dialogs")[0]["state"] == b'{"by":"other"}'
    assert [type(event) for event in observed] == [SessionEnded]


def test_what_a_stale_holder_knows_of_commands_changes_nothing(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (stale, other):
            (row,) = await committed(stale, "a")
            await until_dead(other)
            await stale.ping()  # with a new session
            assert not await stale.postpone(row, row._replace(not_before=1.0, postponed_at=0.0))
            assert not await stale.set_aside_command(str(DIALOG), row, "stale")
            (there,) = (await other.load(str(DIALOG))).outbox
            assert await other.postpone(there, there._replace(attempts=1))

    asyncio.run(scenario())
    assert place.rows("dead_letters") == []


def test_a_renewal_under_way_is_respected(place: Place) -> None:
    """By the clock the lease is over, and its holder is just about to say that it lives."""
    late, other = worker(place, "late", LEASE), worker(place, "other")
    _accept(late, "a")
    assert _load(late).update is not None
    eventually(lambda: _until(place, "late") < time.time())
    late.begin().rows(_ANYTHING)  # renewed, and not committed
    assert _load(other).elsewhere == SOON
    late.commit()
    assert (_load(other).elsewhere or 0.0) > SOON, "it was about to say that it lives"
    assert _load(late).elsewhere is None
    late.close()
    other.close()


def test_a_claim_is_judged_by_whether_its_session_has_ended(place: Place) -> None:
    """Whatever the clock says: who takes over ends the session first."""
    holder, other = worker(place, "holder", LEASE), worker(place, "other")
    _accept(holder, "a")
    assert _load(holder).update is not None
    eventually(lambda: _until(place, "holder") < time.time())
    assert _load(other).taken_over
    assert [row["ended"] for row in place.rows("sessions")] == [True, False]
    assert _load(holder).elsewhere is not None, "it has a new session now"
    holder.close()
    other.close()


def test_an_update_that_comes_while_its_dialog_is_released_is_seen_by_one_of_the_two(place: Place) -> None:
    """Whoever accepts looks after its update is stored: it waits for a release under way, or the holder sees it."""
    holder, other = worker(place, "holder"), worker(place, "other")
    _accept(holder, "first")
    found = _load(holder)
    assert found.update is not None
    transaction = holder.begin()
    lock(transaction, [str(DIALOG)])
    turns.commit(transaction, [turns.Commit(str(DIALOG), 0, found.update.id, {}, [], None, 0.0)])
    assert turns.load(transaction, [turns.Load(str(DIALOG))])[0].update is None
    transaction.rows(_ANYTHING)  # the release has left, and is not committed
    _accept(other, "late")
    seen: list[turns.Work] = []
    looking = threading.Thread(target=lambda: seen.append(_load(other)))
    looking.start()
    place.wait_for_a_lock()
    holder.commit()
    looking.join()
    assert seen[0].elsewhere is None
    assert seen[0].update is not None
    holder.close()
    other.close()


def test_two_who_want_a_new_dialog_at_once_do_not_both_have_it(place: Place) -> None:
    one, other = worker(place, "one"), worker(place, "other")
    _accept(one, "a")
    transaction = one.begin()
    lock(transaction, [str(DIALOG)])
    assert turns.load(transaction, [turns.Load(str(DIALOG))])[0].update is not None
    transaction.rows(_ANYTHING)
    seen: list[turns.Work] = []
    looking = threading.Thread(target=lambda: seen.append(_load(other)))
    looking.start()
    place.wait_for_a_lock()
    one.commit()
    looking.join()
    assert seen[0].elsewhere is not None
    one.close()
    other.close()


def test_a_dialog_is_released_only_where_nothing_is_left(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (one, other):
            (row,) = await committed(one, "a")
            await one.accept([update("b", DIALOG)])
            await one.load(str(DIALOG), row.id)
            assert await held_elsewhere(other) is not None, "an update is left"
            work = await one.load(str(DIALOG))
            assert work.update is not None
            (row,) = await one.commit(str(DIALOG), 1, work.update.id, {}, says("b")) or []
            assert await held_elsewhere(other) is not None
            await one.load(str(DIALOG))
            assert await held_elsewhere(other) is not None, "a command is left"
            await one.load(str(DIALOG), row.id)
            await other.accept([update("c", DIALOG)])
            assert await held_elsewhere(other) is None
            assert await held_elsewhere(one) is not None

    asyncio.run(scenario())


def test_a_dialog_given_back_is_free_with_all_that_is_left(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (one, other):
            await one.accept([update("a", DIALOG)])
            await one.load(str(DIALOG))
            assert await held_elsewhere(other) is not None
            await one.release(str(DIALOG))
            work = await other.load(str(DIALOG))
            assert work.update is not None
            assert not work.taken_over

    asyncio.run(scenario())


def test_a_commit_asks_for_the_owner(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (one, other):
            await one.accept([update("a", DIALOG)])
            work = await one.load(str(DIALOG))
            assert work.update is not None
            assert await other.commit(str(DIALOG), 0, work.update.id, {}, []) is None
            assert await one.commit(str(DIALOG), 0, work.update.id, {}, []) == []

    asyncio.run(scenario())


def test_what_a_worker_that_stopped_well_has_left_is_free_at_once(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (_, other):
            stopped = Database(worker(place, "stopped"))
            await Store(stopped).accept([update("a", DIALOG)])
            await Store(stopped).load(str(DIALOG))
            assert await held_elsewhere(other) is not None
            await stopped.close()
            work = await other.load(str(DIALOG))
            assert work.update is not None
            assert not work.taken_over, "nobody died of it"

    asyncio.run(scenario())


def test_a_worker_whose_process_is_gone_is_ended_at_once_by_those_of_its_run_alone(place: Place) -> None:
    async def scenario() -> None:
        dead, sibling, stranger = (Database(worker(place, run)) for run in ("one", "one", "other"))
        await Store(dead).accept([update("a", DIALOG)])
        await Store(dead).load(str(DIALOG))
        change(place, "UPDATE sessions SET pid = 1")
        await Store(stranger).bury(1)
        assert await held_elsewhere(Store(sibling)) is not None
        await Store(sibling).bury(1)
        assert await held_elsewhere(Store(sibling)) is None
        for database in (dead, sibling, stranger):
            await database.close()

    asyncio.run(scenario())


def test_a_worker_with_nothing_to_do_stays_alive(place: Place) -> None:
    async def scenario() -> None:
        database = Database(worker(place, "idle", LEASE))
        await Store(database).ping()
        first = _until(place, "idle")
        while _until(place, "idle") < first + 3 * LEASE:
            await asyncio.sleep(LEASE / 10)
        await database.close()

    asyncio.run(scenario())
    assert place.rows("sessions") == []


def test_one_worker_leads_everywhere_and_one_each_run_and_another_one_when_it_is_gone(place: Place) -> None:
    async def scenario() -> None:
        made = [Database(worker(place, run)) for run in ("one", "one", "other")]
        stores = [Store(database) for database in made]

        async def leaders(*, everywhere: bool) -> list[bool]:
            return [await store.leads(everywhere=everywhere) for store in stores]

        assert await leaders(everywhere=True) == [False] * 3, "nobody is known yet"
        for store in stores:
            await store.ping()
        assert await leaders(everywhere=True) == [True, False, False]
        assert await leaders(everywhere=False) == [True, False, True]
        await stores[0].resign()
        assert await leaders(everywhere=True) == [False, True, False]
        await made[1].close()
        del stores[1]
        assert await leaders(everywhere=True) == [False, True]
        await made[0].close()
        await made[2].close()

    asyncio.run(scenario())


def test_the_workers_that_serve_are_counted_on_all_hosts(place: Place) -> None:
    async def scenario() -> None:
        made = [Database(worker(place, run)) for run in ("one", "one", "other")]
        stores = [Store(database) for database in made]
        counted = []
        for store in stores:
            await store.ping()
            counted.append(await stores[0].serving())
        await stores[1].resign()
        counted.append(await stores[0].serving())
        await made[2].close()
        counted.append(await stores[0].serving())
        assert counted == [1, 2, 3, 2, 1]
        await made[0].close()
        await made[1].close()

    asyncio.run(scenario())


class Platform(Channel):
    """Takes everything."""

    name = "test"

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def send(self, command: Command, dialog: Dialog) -> None:
        self.texts.append(command.content["text"])


def test_nothing_is_sent_while_a_worker_is_cut_from_the_database(place: Place) -> None:
    async def scenario(proxy: Any) -> None:
        backend = open_backend(place.through(proxy), "process", member=Member("one", LEASE))
        database, platform = Database(backend), Platform()
        store = Store(database)
        rows = await committed(store, "a")
        proxy.silent = True
        async with asyncio.timeout(10 * LEASE):
            while store.holds(rows[0].claim):
                await asyncio.sleep(0.01)
        sending = asyncio.create_task(Sender(store, {"test": platform}, 1000.0).send(DIALOG, rows, found=False))
        await asyncio.sleep(LEASE)
        assert platform.texts == []
        proxy.silent = False
        assert await sending == rows[0].id
        assert platform.texts == ["a"]
        await database.close()

    with place.proxy() as proxy:
        asyncio.run(scenario(proxy))


def test_who_was_taken_for_dead_sends_nothing_more_even_with_a_new_session(place: Place) -> None:
    async def scenario() -> None:
        async with pair(place) as (stale, other):
            platform = Platform()
            rows = await committed(stale, "a")
            await until_dead(other)
            await stale.ping()
            with pytest.raises((LockLost, LookAgain)):
                await Sender(stale, {"test": platform}, 1000.0).send(DIALOG, rows, found=False)
            assert platform.texts == []

    asyncio.run(scenario())


def _accept(backend: Backend, key: str) -> None:
    inbox.accept(backend.begin(), [inbox.Accept([update(key, DIALOG)], time.time())])
    backend.commit()


def _load(backend: Backend) -> turns.Work:
    """Return what is next of the dialog; a worker that was taken for dead begins anew."""
    while True:
        try:
            transaction = backend.begin()
            lock(transaction, [str(DIALOG)])
            (work,) = turns.load(transaction, [turns.Load(str(DIALOG))])
            backend.commit()
        except SessionLost:
            backend.roll_back()
            continue
        return work


def _until(place: Place, run: str) -> float:
    """Return the end of the lease of the only session of a run."""
    (end,) = (float(row["until"]) for row in place.rows("sessions") if row["run"] == run)
    return end
