"""Whatever happens, somebody keeps a worker in its place."""

import asyncio
import logging
from typing import cast

import pytest

from maxbot.server.supervisor.crew import Crew
from maxbot.server.supervisor.hopeless import Starts
from maxbot.server.supervisor.slot import Slot
from maxbot.server.tasks import keep


def test_a_slot_that_fails_itself_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong in the supervisor, somebody keeps a worker in the slot."""

    class Broken:
        asked = 0

        async def start(self, name: str, *, first: bool) -> None:
            self.asked += 1
            raise ValueError("unforeseen")

    async def main() -> int:
        crew = Broken()
        slot = Slot("worker-1", cast(Crew, crew), Starts(1), polls=False, give_up=asyncio.Event())
        bugs: list[int] = []
        (task,) = keep([slot.keep], lambda: bugs.append(crew.asked))
        async with asyncio.timeout(60):
            while crew.asked < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        assert bugs[0] == 1
        return crew.asked

    with caplog.at_level(logging.CRITICAL):
        assert asyncio.run(main()) == 2
    assert "unforeseen" in caplog.text
