"""What an operator does with dead letters: nothing is lost by it, and nothing is done twice."""

import asyncio

from maxbot.storage.inspect import drop_letters, find_letters, retry_letters, summarize
from maxbot.types import Dialog
from tests.storage.support import ANNA, Place, says, update

BEA = Dialog("telegram", "2")


def with_letters(place: Place) -> None:
    """Have an update of Anna set aside, and a reply to her; one update of Bea's; and one of Anna's that waits."""

    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([update("failed"), update("answered"), update("waits"), update("failed too", BEA)])
            await store.set_aside_update(str(ANNA), 1, "raised", "Traceback")
            committed = await store.commit(str(ANNA), 0, 2, {}, says("blocked", resend=False))
            assert committed is not None
            await store.set_aside_command(str(ANNA), committed[0], "blocked")
            await store.set_aside_update(str(BEA), 4, "raised", None)

    asyncio.run(scenario())


def test_letters_are_found_by_id_and_by_dialog(place: Place) -> None:
    with_letters(place)
    everything = find_letters(place.backend())
    assert [(letter.id, letter.kind, letter.dialog) for letter in everything] == [
        (1, "update", str(ANNA)),
        (2, "command", str(ANNA)),
        (3, "update", str(BEA)),
    ]
    assert everything[0].content == {"text": "failed"}
    assert find_letters(place.backend(), [2]) == everything[1:2]
    assert find_letters(place.backend(), dialog=str(BEA)) == everything[2:]
    assert find_letters(place.backend(), [7]) == []


def test_an_update_that_is_tried_again_stands_behind_what_waits(place: Place) -> None:
    with_letters(place)
    ((letter, waiting),) = retry_letters(place.backend(), [1])
    assert (letter.id, waiting) == (1, 1)
    assert retry_letters(place.backend(), [1]) == [], "it is no dead letter any more"

    async def scenario() -> None:
        async with place.opened() as store:
            texts = []
            while (work := await store.load(str(ANNA))).update is not None:
                texts.append(work.update.message["text"])
                await store.commit(str(ANNA), work.version, work.update.id, {}, [])
            assert texts == ["waits", "failed"]
            assert await store.accept([update("failed")]) == [False], "a redelivery is known as ever"

    asyncio.run(scenario())


def test_a_reply_that_is_tried_again_keeps_its_wish_and_was_surely_not_sent_meanwhile(place: Place) -> None:
    with_letters(place)
    retry_letters(place.backend(), dialog=str(ANNA))

    async def scenario() -> None:
        async with place.opened() as store:
            work = await store.load(str(ANNA))
            (row,) = work.outbox
            assert (row.content, row.resend) == ({"text": "blocked"}, False)
            assert row.not_before is not None, "or its sender would take it for one that may have arrived"
            assert row.not_before <= store.now()
            assert work.update is not None
            assert row.update_id > work.update.id

    asyncio.run(scenario())
    assert [letter.dialog for letter in find_letters(place.backend())] == [str(BEA)]


def test_what_is_dropped_is_gone(place: Place) -> None:
    with_letters(place)
    assert [letter.id for letter in drop_letters(place.backend(), [1, 3])] == [1, 3]
    assert [letter.id for letter in find_letters(place.backend())] == [2]
    summary = summarize(place.backend())
    assert summary is not None
    assert (summary.updates, summary.commands, summary.dead_letters) == (1, 0, 1)
