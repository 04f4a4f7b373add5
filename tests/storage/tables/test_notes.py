"""What channels note is there for every worker, the last under a key, and no other channel's."""

import asyncio

from tests.storage.support import Place


def test_the_last_under_a_key_is_kept_and_found_after_a_restart(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            assert await store.noted("vk", "a") is None
            await asyncio.gather(*(store.note("vk", "a", f"{number}") for number in range(20)))
            await asyncio.gather(store.note("vk", "A", "capital"), store.note("vk2", "a", "x" * 400))
            await store.note("vk", "ü ", "")
        async with place.opened() as store:
            found = await asyncio.gather(
                *(store.noted(channel, key) for channel, key in (("vk", "a"), ("vk", "A"), ("vk2", "a"), ("vk", "ü ")))
            )
            assert found == ["19", "capital", "x" * 400, ""]
            assert await store.noted("vk", "ü") is None

    asyncio.run(scenario())
