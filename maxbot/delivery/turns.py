"""One turn: run the bot on the oldest update and commit what came of it."""

import math
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from maxbot.channels.base import Channel
from maxbot.channels.offered import recalled, without
from maxbot.channels.window import latest
from maxbot.delivery.apart import TimedOut, run_apart
from maxbot.delivery.early import EarlyReplies
from maxbot.delivery.live import LiveTurn
from maxbot.delivery.replies import Replies
from maxbot.delivery.suspects import Origin, Suspects, Verdict
from maxbot.delivery.timers import check_count
from maxbot.delivery.typing import Typing
from maxbot.errors import StorageError
from maxbot.events import DialogLeft, Observer, TimersSet, TurnOutlives, TurnRun, TurnStale, UpdateSetAside, nobody
from maxbot.meanwhile import current
from maxbot.outbox.retries import until_stored
from maxbot.outbox.send import Sender
from maxbot.storage.store import Store
from maxbot.storage.tables.outbox import OutboxRow
from maxbot.storage.tables.turns import Failed, PendingUpdate, Work
from maxbot.types import Dialog, Message, State, TurnResult

DIED_OF = "Its worker died while it ran this turn, and died again when it was tried where it harms nobody"


class Bot(Protocol):
    """What delivery needs of a bot: a function from message and state to commands and state."""

    def run_turn(
        self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> Awaitable[TurnResult]:
        """Run one message; raise whatever is wrong with it."""

    def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> Awaitable[TurnResult]:
        """Run what another program asks for; raise whatever is wrong with it."""

    def after_failure(self, state: State) -> tuple[State, bool]:
        """Return what to remember after a turn that failed, and whether the dialog leaves its place."""


class Turns:
    """Runs turns. Its caller holds the user lock.

    Args:
        store: Where updates and states are.
        bot: Runs the conversation.
        channels: By name; they say what messages a reply becomes.
        timeout: Seconds after which a turn is set aside.
        suspects: Says which turns may run here.
        observe: Told what happens.
        sender: Sends early replies.
        heard: How often there was something new for a dialog since it has looked into the inbox.
    """

    def __init__(
        self,
        store: Store,
        bot: Bot,
        channels: Mapping[str, Channel],
        timeout: float,
        suspects: Suspects,
        observe: Observer = nobody,
        sender: Sender | None = None,
        heard: Callable[[Dialog], int] = lambda dialog: 0,
    ) -> None:
        self._sender = sender or Sender(store, channels, math.inf, observe)
        self._heard = heard
        self._observe = observe
        self._store = store
        self._bot = bot
        self._channels = channels
        self._replies = Replies(channels)
        self._timeout = timeout
        self._suspects = suspects

    async def run(self, dialog: Dialog, work: Work, update: PendingUpdate, origin: Origin) -> list[OutboxRow] | None:
        """Run an update through the bot and commit the turn.

        Args:
            dialog: Whose turn it is.
            work: As it was loaded under the lock.
            update: The dialog's oldest.
            origin: How it comes to be run here.

        Returns:
            The commands to send, none where none were committed or all are on their way; None where the update has to
            wait for others.
        """
        if self._suspects.trusts(update, origin):
            return await self._run(dialog, work, update)
        async with self._suspects.trial(dialog, update) as verdict:
            if verdict is Verdict.LEAVE:
                return None
            if verdict is Verdict.SET_ASIDE:
                await self._set_aside(dialog, work, update, DIED_OF, None)
                return []
            return await self._run(dialog, work, update)

    async def _run(self, dialog: Dialog, work: Work, update: PendingUpdate) -> list[OutboxRow]:
        channel, address = self._channels.get(dialog.channel), update.address or without(work.address)
        begin = partial(EarlyReplies, self._store, self._sender, self._replies, dialog, work, update)
        live = LiveTurn(self._store, channel, begin, dialog, update.id, address, self._heard)
        typing = Typing(channel, dialog, address)
        try:
            began = time.perf_counter()
            outcome = await self._outcome(dialog, work, update, live)
            seconds = time.perf_counter() - began
            await live.ended()
            typing.stop()
            early = live.early
            if early is not None and early.is_stale:
                self._observe(TurnStale(dialog, update.id))
                rows = []
            else:
                rows = await self._end(dialog, work, update, early, outcome, seconds)
            if early is not None and early.there_are:
                await early.sent(more=bool(rows))
                return []
            return rows
        finally:
            typing.stop()
            await live.abort()

    async def _outcome(
        self, dialog: Dialog, work: Work, update: PendingUpdate, live: LiveTurn
    ) -> TurnResult | BaseException:
        run = self._bot.run_request if update.is_request else self._bot.run_turn
        message = update.message if update.is_request else recalled(update.message, work.address)
        before = current.set(live)
        try:
            return await run_apart(
                self._suspects.watch(
                    update.id, run(message, dialog, work.state, datetime.fromtimestamp(self._store.now(), UTC))
                ),
                self._timeout,
                lambda: self._observe(TurnOutlives(dialog, update.id, self._timeout)),
            )
        finally:
            current.reset(before)

    async def _end(
        self,
        dialog: Dialog,
        work: Work,
        update: PendingUpdate,
        early: EarlyReplies | None,
        outcome: TurnResult | BaseException,
        seconds: float,
    ) -> list[OutboxRow]:
        failure = None if early is None else early.failure
        if isinstance(outcome, TurnResult) and failure is None:
            return await self._commit(dialog, work, update, outcome, seconds, early)
        error = failure if isinstance(outcome, TurnResult) else outcome
        assert error is not None
        late = isinstance(error, TimedOut)
        reason = f"The turn took longer than {self._timeout:g} seconds" if late else _reason(error)
        await self._set_aside(dialog, work, update, reason, error)
        return []

    async def _commit(
        self,
        dialog: Dialog,
        work: Work,
        update: PendingUpdate,
        turn: TurnResult,
        seconds: float,
        early: EarlyReplies | None,
    ) -> list[OutboxRow]:
        address = work.address if update.address is None else latest(update.address, work.address)
        said, offered = (update.said, None) if early is None else (early.said, early.offers)
        try:
            commands, offers = self._replies.expanded(dialog, turn.commands, offered)
            await check_count(self._store, dialog, turn.timers)
        except Exception as error:
            await self._set_aside(dialog, work, update, _reason(error), error)
            return []
        try:
            rows = await until_stored(
                self._store.commit,
                str(dialog),
                work.version,
                update.id,
                turn.state,
                commands,
                offers.kept(address, work.address),
                said,
                turn.timers,
            )
        except StorageError as error:
            await self._set_aside(dialog, work, update, f"What came of the turn cannot be stored: {error}", error)
            return []
        if rows is None:
            self._observe(TurnStale(dialog, update.id))
            return []
        self._observe(TurnRun(dialog, update.id, len(rows), seconds))
        if turn.timers.set:
            self._observe(TimersSet(dialog, min(timer.seconds for timer in turn.timers.set)))
        if not rows and not said.commands:
            await self._replies.unanswered(dialog, update.id, None)
        return rows

    async def _set_aside(
        self, dialog: Dialog, work: Work, update: PendingUpdate, reason: str, error: BaseException | None
    ) -> None:
        self._observe(UpdateSetAside(dialog, update.id, reason, error))
        state, left = self._bot.after_failure(work.state)
        if left:
            self._observe(DialogLeft(dialog, update.id))
        failed = None if state is work.state else Failed(str(dialog), work.version, state)
        text = None if error is None else "".join(traceback.format_exception(error))
        await until_stored(self._store.set_aside_update, str(dialog), update.id, reason, text, failed)
        await self._replies.unanswered(dialog, update.id, reason)


def _reason(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # of the bot's own
        return type(error).__name__
