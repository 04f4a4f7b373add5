"""One turn: run the bot on the oldest update and commit what came of it."""

import asyncio
import logging
import traceback
from collections.abc import Mapping
from typing import Protocol

from maxbot.channels.base import Channel
from maxbot.delivery.replies import Replies
from maxbot.errors import StorageError
from maxbot.outbox.retries import until_stored
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.storage.tables.turns import PendingUpdate, Work
from maxbot.types import Dialog, Message, State, Turn

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 4
"""How often a turn may be under way when its worker dies before it is set aside as the likely cause."""

SUSPECT = 2
"""From which attempt on turns run one at a time, so that the innocent do not die with the guilty."""


class Bot(Protocol):
    """What delivery needs of a bot: a function from message and state to commands and state."""

    async def run_turn(self, message: Message, dialog: Dialog, state: State) -> Turn:
        """Run one message; raise whatever is wrong with it."""


class Turns:
    """Runs turns. Its caller holds the user lock.

    Args:
        store: Where updates and states are.
        bot: Runs the conversation.
        channels: By name; they say what messages a reply becomes.
        timeout: Seconds after which a turn is set aside.
    """

    def __init__(self, store: Store, bot: Bot, channels: Mapping[str, Channel], timeout: float) -> None:
        self._store = store
        self._bot = bot
        self._replies = Replies(channels)
        self._timeout = timeout
        self._suspects = asyncio.Lock()

    async def run(self, dialog: Dialog, work: Work, update: PendingUpdate, left_behind: bool) -> list[OutboxRow]:
        """Run an update through the bot and commit the turn.

        Args:
            dialog: Whose turn it is.
            work: As it was loaded under the lock.
            update: The dialog's oldest.
            left_behind: Whether whoever should have run it is gone, perhaps because of it.

        Returns:
            The commands to send. None were committed where the list is empty.
        """
        if not left_behind and not update.attempts:
            return await self._run(dialog, work, update)
        if update.attempts + 1 < SUSPECT:
            return await self._run_again(dialog, work, update)
        async with self._suspects:  # counted only once it is its turn, or those that wait here count as guilty too
            return await self._run_again(dialog, work, update)

    async def _run_again(self, dialog: Dialog, work: Work, update: PendingUpdate) -> list[OutboxRow]:
        if await until_stored(self._store.mark_attempt, update.id) > MOST_ATTEMPTS:
            reason = f"The worker died {MOST_ATTEMPTS} times while it ran this turn"
            await self._set_aside(dialog, update, reason, None)
            return []
        try:
            return await self._run(dialog, work, update)
        except asyncio.CancelledError:  # a stop that could not wait, and no death
            self._store.unmark_attempt(update.id)
            raise

    async def _run(self, dialog: Dialog, work: Work, update: PendingUpdate) -> list[OutboxRow]:
        failure: BaseException | None = None
        try:
            async with asyncio.timeout(self._timeout) as timer:
                turn = await self._bot.run_turn(update.message, dialog, work.state)
            commands = self._replies.expanded(dialog, turn.commands)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            failure = error
        if _cancelled_from_outside():  # whatever the bot's code made of it
            raise asyncio.CancelledError
        if failure is not None:
            late = isinstance(failure, TimeoutError) and timer.expired()
            reason = f"The turn took longer than {self._timeout:g} seconds" if late else _reason(failure)
            await self._set_aside(dialog, update, reason, failure)
            return []
        try:
            rows = await until_stored(self._store.commit, str(dialog), work.version, update.id, turn.state, commands)
        except StorageError as error:
            await self._set_aside(dialog, update, f"What came of the turn cannot be stored: {error}", error)
            return []
        if rows is None:
            logger.warning("A turn of %s is thrown away: another one was committed meanwhile", dialog)
            await until_stored(self._store.count, "stale_turns")
            return []
        if not rows:
            await self._replies.unanswered(dialog, update.id, None)
        return rows

    async def _set_aside(self, dialog: Dialog, update: PendingUpdate, reason: str, error: BaseException | None) -> None:
        logger.error("Update %d of %s is set aside: %s", update.id, dialog, reason, exc_info=error)
        text = None if error is None else "".join(traceback.format_exception(error))
        await until_stored(self._store.set_aside_update, str(dialog), update.id, reason, text)
        await self._replies.unanswered(dialog, update.id, reason)


def _cancelled_from_outside() -> bool:
    """Whether somebody cancels this task, rather than the bot's code having cancelled something of its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # of the bot's own
        return type(error).__name__
