"""How long polling waits after an attempt that failed."""

import asyncio
import random

import pytest

from maxbot.channels.trouble import Trouble


def test_waiting_backs_off_and_obeys_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    random.seed(1)

    async def scenario() -> None:
        trouble = Trouble("Telegram")
        for _ in range(8):
            await trouble.wait("the same")
        await trouble.wait("the same", 99.0)
        trouble.over()
        await trouble.wait("the same")

    asyncio.run(scenario())
    assert 0.75 <= slept[0] <= 1.25
    assert all(30 * 0.75 <= seconds <= 30 * 1.25 for seconds in slept[5:8])
    assert slept[8] == 99.0
    assert slept[9] <= 1.25
