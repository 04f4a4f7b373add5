"""A bot whose turns are written into the journal, for whoever runs them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Protocol

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
    """Runs the turns of a bot, and writes each into the journal when it is over.

    Args:
        bot: Runs them.
        journal: Gets the records.
    """

    def __init__(self, bot: RunsTurns, journal: Journal) -> None:
        self._bot = bot
        self._journal = journal

    async def run_turn(
        self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """See `MaxBot.run_turn`."""
        run = self._bot.run_turn
        return await self._watch(lambda time: run(message, dialog, state, time), dialog, utc_time, message=message)

    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """See `MaxBot.run_request`."""
        run = self._bot.run_request
        return await self._watch(lambda time: run(request, dialog, state, time), dialog, utc_time, rpc=request)

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
            self._journal.write(FinishedTurn(dialog=dialog, utc_time=time, visited=visited, error=error, **given))
            raise
        # Texts of a dialog know their markup until they are stored.
        commands = (*turn.early, *turn.commands)
        said = [command.content for command in commands] if turn.visited is None else turn.visited.commands
        self._journal.write(
            FinishedTurn(dialog=dialog, utc_time=time, commands=said, state=turn.state, visited=turn.visited, **given)
        )
        return turn
