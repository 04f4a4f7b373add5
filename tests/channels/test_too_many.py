"""A platform that says "too many" is not asked again before its time, on any channel, whoever starts anew meanwhile."""

import asyncio
from pathlib import Path

import pytest

from maxbot.channels.base import Services
from maxbot.outbox.send import Sender, Waits
from maxbot.testing.channels import ApiStandIn, MemoryMailbox
from maxbot.types import Command, Dialog, Update
from tests.channels.every import CALLED, EVERY
from tests.storage.support import opened

REFUSALS = 200
FOR_EVER = 1e9


@pytest.mark.parametrize("name", CALLED)
def test_of_200_refusals_no_next_attempt_is_early(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)
    one = EVERY[name]
    dialog = Dialog(name, one.user)
    assert one.later is not None

    async def run() -> tuple[int, int]:
        nonlocal now
        early = attempts = 0
        async with ApiStandIn() as api, opened(tmp_path / "bot.db") as store:
            api.answer(*one.later)  # type: ignore[misc]
            channel = one.make(api_url=api.url)
            await channel.start(Services(MemoryMailbox()))
            await store.accept([Update(dialog, "1", {"text": "hi"})])
            await store.commit(str(dialog), 0, 1, {}, [Command({"text": "hello"}), Command({"text": "and then"})])
            await store.postpone((rows := (await store.load(str(dialog))).outbox)[0], rows[0]._replace(not_before=now))

            async def attempt() -> float:
                """Try as a worker that has just started; return how long it is to wait."""
                found = (await store.load(str(dialog))).outbox
                try:
                    await Sender(store, {name: channel}, FOR_EVER).send(dialog, found, found=True)
                except Waits as wait:
                    return wait.seconds
                return 0.0

            for _ in range(REFUSALS):
                before = len(api.requests)
                wait = await attempt()
                attempts += len(api.requests) - before
                assert wait >= one.wait
                for part in (0.0, 0.999):
                    now, later = now + wait * part, now
                    await attempt()
                    early += len(api.requests) - before - 1
                    now = later
                now += wait
            api.answer(200, one.ok)
            await attempt()
            assert [row.content["text"] for row in (await store.load(str(dialog))).outbox] == ["and then"]
            await channel.close()
        return attempts, early

    assert asyncio.run(run()) == (REFUSALS, 0)
