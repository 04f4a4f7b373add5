"""Runs turns without a server, for trying a bot out and for its tests; what dialogs remember is kept in memory."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from maxbot.dialog.state import MOST_FAILURES
from maxbot.errors import LoopRunning, RpcError, UsageError
from maxbot.types import Dialog, State, TurnResult

logger = logging.getLogger(__name__)

SOMEBODY = Dialog("builtin", "1")
"""Who speaks where nobody says who."""

Run = Callable[[Dialog, State], Coroutine[Any, Any, TurnResult]]
"""Runs a turn of a dialog from its state."""


class Tryout:
    """The dialogs of a bot that no server runs.

    Args:
        after_failure: Returns what to remember of a dialog whose turn has failed, and whether it leaves its place.
    """

    def __init__(self, after_failure: Callable[[State], tuple[State, bool]]) -> None:
        self._after_failure = after_failure
        self._states: dict[Dialog, State] = {}

    def state(self, dialog: Dialog) -> State:
        """Return what is remembered of a dialog; `{}` before its first turn."""
        return self._states.get(dialog, {})

    def process(self, run: Run, dialog: Dialog | Mapping[str, str] | None) -> list[dict[str, Any]]:
        """Run one turn and remember what came of it.

        Args:
            run: The turn.
            dialog: Whose it is; also as `{"channel_name": ..., "user_id": ...}`. None is always the same user.

        Returns:
            The commands; texts know their markup.

        Raises:
            LoopRunning: An event loop is running in this thread.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise LoopRunning("an event loop is running: await bot.run_turn(message, dialog, state) instead")
        who = _as_dialog(dialog)
        state = self._states.get(who, {})
        try:
            turn = asyncio.run(run(who, state))
        except RpcError:  # no turn
            raise
        except Exception:
            self._states[who], left = self._after_failure(state)
            if left:
                logger.warning("%s: %d turns in a row have failed; the dialog starts anew", who, MOST_FAILURES)
            raise
        self._states[who] = turn.state
        if turn.visited is not None:
            return turn.visited.commands  # type: ignore[no-any-return]
        return [command.content for command in turn.commands]


def _as_dialog(dialog: Dialog | Mapping[str, str] | None) -> Dialog:
    if dialog is None:
        return SOMEBODY
    if isinstance(dialog, Dialog):
        return dialog
    try:
        return Dialog(dialog["channel_name"], dialog["user_id"])
    except KeyError as error:
        raise UsageError(f"a dialog has channel_name and user_id; {error.args[0]} is missing") from None
