"""What a user's messages have brought as address is found wherever they are now."""

import asyncio

from maxbot.storage.store import Store
from maxbot.types import Dialog, Update
from tests.storage.support import ANNA, Place

BORIS = Dialog("telegram", "2")


def test_it_is_found_of_messages_that_were_answered_that_wait_and_that_were_set_aside(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.addresses(str(ANNA)) == []
            await _says(store, 1)
            assert await store.addresses(str(ANNA)) == [{"n": 1}]
            await _commit(store)
            await _says(store, 2)
            await store.accept([Update(BORIS, "b", {"text": "b"}, address={"n": 9})])
            await store.accept([Update(ANNA, "none", {"text": "a"})])
            assert _numbers(await store.addresses(str(ANNA))) == [1, 2]
            work = await store.load(str(ANNA))
            assert work.update is not None
            assert await store.set_aside_update(str(ANNA), work.update.id, "a fault", None)
            assert _numbers(await store.addresses(str(ANNA))) == [1, 2]
            assert _numbers(await store.addresses(str(BORIS))) == [9]

    asyncio.run(scenario())


def _numbers(addresses: list[dict[str, int]]) -> list[int]:
    return sorted(address["n"] for address in addresses)


async def _says(store: Store, number: int) -> None:
    await store.accept([Update(ANNA, f"{number}", {"text": "a"}, address={"n": number})])


async def _commit(store: Store) -> None:
    work = await store.load(str(ANNA))
    assert work.update is not None
    address = work.update.address
    assert await store.commit(str(ANNA), work.version, work.update.id, {}, [], address) is not None
