"""Who waits for a request hears what became of it, however many ask at once."""

import asyncio

from maxbot.storage.tables.requests import Outcome
from maxbot.types import Dialog, Update
from tests.storage.support import Place, says, update

PENDING, FAILED, DONE = Outcome(True, False), Outcome(False, True), Outcome(False, False)


def request(key: str) -> Update:
    return Update(Dialog("test", key), key, {"method": "greet"}, is_request=True)


def test_what_became_of_each_request_is_told_to_the_one_who_asks(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            await store.accept([request("waits"), request("fails"), request("is done"), request("answers")])
            await store.accept([update("told", Dialog("test", "told"))])
            for key in ("fails", "is done", "answers"):
                work = await store.load(f"test:{key}")
                assert work.update is not None
                if key == "fails":
                    await store.set_aside_update(f"test:{key}", work.update.id, "broken", None)
                    continue
                rows = await store.commit(
                    f"test:{key}", work.version, work.update.id, {}, says(*["x"] * (key == "answers"))
                )
                assert rows is not None
                for row in rows:  # its turn went well
                    await store.set_aside_command(f"test:{key}", row, "refused")
            keys = ["waits", "Waits", "fails", "told", "answers", "is done", "waits", "unknown"]
            assert await asyncio.gather(*(store.outcome("test", key) for key in keys)) == [
                PENDING, None, FAILED, None, DONE, DONE, PENDING, None,
            ]  # fmt: skip
            assert await store.outcome("other", "waits") is None

    asyncio.run(scenario())
