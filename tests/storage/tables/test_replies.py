"""Replies wait for whoever fetches them, once each, under numbers that only grow."""

import asyncio

import pytest

from maxbot.types import Dialog
from tests.storage.support import ANNA, Place


def test_a_reply_is_kept_once_and_fetched_in_order(place: Place) -> None:
    async def scenario() -> None:
        async with place.opened() as store:
            for key in ("1.0", "1.1", "1.0", "2.0"):
                await store.put(ANNA, key, {"text": key})
            await store.put(Dialog("web", "other"), "3.0", {"text": "not hers"})
            replies = await store.fetch(ANNA, 0)
            assert [content["text"] for _, content in replies] == ["1.0", "1.1", "2.0"]
            numbers = [number for number, _ in replies]
            assert numbers == sorted(set(numbers))
            assert await store.fetch(ANNA, numbers[0], limit=1) == replies[1:2]
            assert await store.fetch(ANNA, numbers[-1]) == []

    asyncio.run(scenario())


def test_old_replies_go_and_no_number_comes_twice(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("maxbot.storage.store.time.time", lambda: now)

    async def scenario() -> None:
        nonlocal now
        async with place.opened() as store:
            for key in "abc":
                await store.put(ANNA, key, {})
            now = 2000.0
            assert await store.expire(500.0, 100) == 2, "the newest stays"
            await store.put(ANNA, "d", {})
            assert [number for number, _ in await store.fetch(ANNA, 0)] == [3, 4]

    asyncio.run(scenario())
