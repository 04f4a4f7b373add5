"""Runs turns without a server, for trying a bot out and for its tests."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from maxbot.bot.persistence import InMemory, PersistenceManager
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
        manager: Keeps what dialogs remember; None keeps it here.
    """

    def __init__(
        self, after_failure: Callable[[State], tuple[State, bool]], manager: PersistenceManager | None = None
    ) -> None:
        self._after_failure = after_failure
        self._memory = InMemory()
        self._manager = self._memory if manager is None else manager

    def state(self, dialog: Dialog) -> State:
        """Return what is remembered here of a dialog; `{}` before its first turn."""
        return self._memory.state(dialog)

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
        who = as_dialog(dialog)
        failure: Exception | None = None
        with self._manager(as_mapping(who)) as tracker:
            variables = tracker.get_state()
            state = variables.store()
            try:
                turn = asyncio.run(run(who, state))
                stored = turn.state
            except RpcError:  # no turn
                raise
            except Exception as error:
                failure = error
                stored, left = self._after_failure(state)
                if left:
                    logger.warning("%s: %d turns in a row have failed; the dialog starts anew", who, MOST_FAILURES)
            variables.replace(stored)
        if failure is not None:
            raise failure
        return said(turn)


def said(turn: TurnResult) -> list[dict[str, Any]]:
    """Return the replies of a turn; texts know their markup where a template has made them."""
    if turn.visited is not None:
        return turn.visited.commands  # type: ignore[no-any-return]
    return [command.content for command in turn.commands]


def as_mapping(dialog: Dialog) -> dict[str, str]:
    """Return a dialog as Python code of an author's own sees it."""
    return {"channel_name": dialog.channel, "user_id": dialog.user}


def as_dialog(dialog: Dialog | Mapping[str, str] | None) -> Dialog:
    """Return a dialog that may be a mapping, or nobody's.

    Raises:
        UsageError: It has no `channel_name` or `user_id`.
    """
    if dialog is None:
        return SOMEBODY
    if isinstance(dialog, Dialog):
        return dialog
    try:
        return Dialog(dialog["channel_name"], dialog["user_id"])
    except KeyError as error:
        raise UsageError(f"a dialog has channel_name and user_id; {error.args[0]} is missing") from None
