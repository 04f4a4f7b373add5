"""A bot whose turns are written into the journal, each once: when it is known what has become of it.

A turn may run twice, because the first time its worker died or lost the lock before it was stored. Only the one that
was committed, or set aside, is written.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from maxbot.errors import TurnError
from maxbot.events import Event, TurnRun, TurnStale, UpdateSetAside
from maxbot.journal.record import FinishedTurn
from maxbot.journal.write import Journal
from maxbot.types import Dialog, Message, State, TurnResult


class RunsTurns(Protocol):
    """What is watched of a bot."""

    async def run_turn(
        self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one message."""

    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one request of another program."""

    def after_failure(self, state: State) -> tuple[State, bool]:
        """Return what to remember after a turn that failed."""


class WatchedBot:
    """Runs the turns of a bot, and writes each into the journal when it hears that it was stored or set aside.

    Whoever runs the turns tells what becomes of them: `observe`. A dialog has one turn at a time.

    Args:
        bot: Runs them.
        journal: Gets the records.
    """

    def __init__(self, bot: RunsTurns, journal: Journal) -> None:
        self._bot = bot
        self._journal = journal
        self._over: dict[Dialog, FinishedTurn] = {}
        """What nobody has stored or set aside yet."""

    def observe(self, event: Event) -> None:
        """Hear what has become of a turn."""
        match event:
            case TurnRun(dialog=dialog):
                if turn := self._over.pop(dialog, None):
                    self._journal.write(turn)
            case TurnStale(dialog=dialog):
                self._over.pop(dialog, None)  # whoever has committed it writes it
            case UpdateSetAside(dialog=dialog):
                self._journal.write(_failed(self._over.pop(dialog, None), event))

    async def run_turn(
        self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """See `MaxBot.run_turn`."""
        run = self._bot.run_turn
        return await self._watch(
            lambda time: run(message, dialog, state, time), dialog, utc_time, message=message, before=state
        )

    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """See `MaxBot.run_request`."""
        run = self._bot.run_request
        return await self._watch(
            lambda time: run(request, dialog, state, time), dialog, utc_time, rpc=request, before=state
        )

    def after_failure(self, state: State) -> tuple[State, bool]:
        """See `MaxBot.after_failure`."""
        return self._bot.after_failure(state)

    async def _watch(
        self, run: Callable[[datetime], Awaitable[TurnResult]], dialog: Dialog, utc_time: datetime | None, **given: Any
    ) -> TurnResult:
        time = utc_time or datetime.now(UTC)
        try:
            turn = await run(time)
        except BaseException as error:  # also one that took too long, which is cancelled
            visited = getattr(error, "visited", None)
            self._over[dialog] = FinishedTurn(dialog=dialog, utc_time=time, visited=visited, error=error, **given)
            raise
        # Texts of a dialog know their markup until they are stored.
        said = [command.content for command in turn.commands] if turn.visited is None else turn.visited.commands
        self._over[dialog] = FinishedTurn(
            dialog=dialog, utc_time=time, commands=said, state=turn.state, visited=turn.visited, **given
        )
        return turn


def _failed(turn: FinishedTurn | None, event: UpdateSetAside) -> FinishedTurn:
    """Return a turn as one that has failed, also where its replies could not be stored, or it never ran."""
    if turn is None:
        turn = FinishedTurn(dialog=event.dialog, utc_time=datetime.now(UTC))
    if turn.error is not None:
        return turn
    error = event.error or TurnError(event.reason)
    return msgspec.structs.replace(turn, error=error, commands=[], state=None)
