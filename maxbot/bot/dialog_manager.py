"""`bot.dialog_manager`: runs turns from a state that its caller keeps, has the clock, and tells an author's journal."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from maxbot.bot.hooks import Hook
from maxbot.bot.tryout import as_dialog, said
from maxbot.bot.variables import StateVariables
from maxbot.errors import TurnError
from maxbot.types import Dialog, State, TurnResult


class RunsTurns(Protocol):
    """The bot, as far as it runs turns."""

    async def run_turn(
        self, message: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one message."""

    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one request of another program."""

    def as_said(self, message: Any) -> Any:
        """Return what a user says as a message."""

    def tell(self, journal: Hook) -> None:
        """Let a function know of each turn."""


class DialogManager:
    """Runs turns of a bot.

    Args:
        bot: Whose turns they are.
    """

    def __init__(self, bot: RunsTurns) -> None:
        self._bot = bot
        self.utc_time_provider: Callable[[], datetime] = lambda: datetime.now(UTC)
        """Says when a turn happens that is run by hand; to be set in tests. The server has its database's clock."""

    def journal(self, function: Hook) -> Hook:
        """Call a function with `ctx` after each turn; also as a decorator.

        A turn that fails says nothing and changes nothing, whatever the function does. Run by hand, its error
        is raised only if the function raises `ctx.error`.
        """
        self._bot.tell(function)
        return function

    async def process_message(
        self, message: Any, dialog: Dialog | Mapping[str, str] | None, state: StateVariables
    ) -> list[dict[str, Any]]:
        """Run one message.

        Args:
            message: What the user says, a text or a message.
            dialog: Who says it.
            state: What is remembered; changed in place, where the turn does not fail.

        Returns:
            The replies; texts know their markup.

        Raises:
            TurnError: The bot failed.
        """
        return await self._run(self._bot.run_turn, self._bot.as_said(message), dialog, state)

    async def process_rpc(
        self, request: Any, dialog: Dialog | Mapping[str, str] | None, state: StateVariables
    ) -> list[dict[str, Any]]:
        """Run one request of another program, as `process_message` does with a message.

        Raises:
            RpcError: The request is refused.
            TurnError: The bot failed.
        """
        return await self._run(self._bot.run_request, request, dialog, state)

    async def _run(
        self,
        run: Callable[[Any, Dialog, State, datetime], Awaitable[TurnResult]],
        given: Any,
        dialog: Dialog | Mapping[str, str] | None,
        state: StateVariables,
    ) -> list[dict[str, Any]]:
        try:
            turn = await run(given, as_dialog(dialog), state.store(), self.utc_time_provider())
        except TurnError as error:
            if error.told:
                return []
            raise
        state.replace(turn.state)
        return said(turn)
