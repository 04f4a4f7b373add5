"""A bot whose turns are run by hand, without a server: blocking, or in a program's own event loop."""

import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from maxbot.bot.adapters import run_and_send, updates_of
from maxbot.bot.channels import BotChannels
from maxbot.bot.dialog_manager import DialogManager
from maxbot.bot.hooks import Hook
from maxbot.bot.persistence import InMemory, PersistenceManager
from maxbot.bot.tryout import Tryout
from maxbot.channels.base import Channel
from maxbot.errors import TurnError
from maxbot.locks import UserLocks
from maxbot.types import Dialog, Message, State, TurnResult, Update

logger = logging.getLogger(__name__)


class ByHand(ABC):
    """What a bot offers to programs that run its turns themselves."""

    channels: BotChannels
    make_user_locks: Callable[[], UserLocks] | None
    tracks_history = False
    """Whether the adapters let the persistence manager keep what was said."""

    @abstractmethod
    async def run_turn(
        self, message: Message, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one message."""

    @abstractmethod
    async def run_request(
        self, request: Any, dialog: Dialog, state: State, utc_time: datetime | None = None
    ) -> TurnResult:
        """Run one request of another program."""

    @abstractmethod
    def after_failure(self, state: State) -> tuple[State, bool]:
        """Return what to store after a turn that has failed."""

    @abstractmethod
    def as_said(self, message: Any) -> Any:
        """Return what a user says as a message.

        Raises:
            TurnError: It is none.
        """

    @abstractmethod
    def tell(self, journal: Hook) -> None:
        """Let a function know of each turn."""

    @cached_property
    def persistence_manager(self) -> PersistenceManager:
        """What keeps what dialogs remember; not asked by the server, which has its database."""
        return InMemory()

    @cached_property
    def dialog_manager(self) -> DialogManager:
        """Runs turns from a state that the caller keeps; has the clock."""
        return DialogManager(self)

    @cached_property
    def user_locks(self) -> UserLocks:
        """The user locks of this process: the author's own, or those in memory."""
        # Imported here: the server chooses its own.
        from maxbot.locks.memory import MemoryLocks

        return MemoryLocks() if self.make_user_locks is None else self.make_user_locks()

    @cached_property
    def _tryout(self) -> Tryout:
        return Tryout(self.after_failure, self.persistence_manager)

    def process_message(
        self,
        message: Message | str,
        dialog: Dialog | Mapping[str, str] | None = None,
        *,
        utc_time: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Answer one message without a server, for trying a bot out and for its tests. Takes no lock.

        Args:
            message: What the user says, a text or a message.
            dialog: Who says it; also as `{"channel_name": ..., "user_id": ...}`. None is always the same user.
            utc_time: When; None is what the dialog manager's clock says.

        Returns:
            The contents of the commands. What the bot remembers is kept in this object.

        Raises:
            TurnError: As in `run_turn`; the bot remembers what it did before. It is not raised where a journal of the
                author's own has taken it.
            LoopRunning: An event loop is running in this thread.
        """
        said = self.as_said(message)
        return self._process(lambda who, state, when: self.run_turn(said, who, state, when), dialog, utc_time)

    def process_rpc(
        self,
        request: Mapping[str, Any],
        dialog: Dialog | Mapping[str, str] | None = None,
        *,
        utc_time: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Run one request of another program without a server, as `process_message` does with a message.

        Raises:
            RpcError: The request is refused; has code, message and data.
            TurnError: As in `process_message`.
            LoopRunning: An event loop is running in this thread.
        """
        return self._process(lambda who, state, when: self.run_request(request, who, state, when), dialog, utc_time)

    def _process(
        self, run: Callable[..., Any], dialog: Dialog | Mapping[str, str] | None, utc_time: datetime | None
    ) -> list[dict[str, Any]]:
        when = utc_time or self.dialog_manager.utc_time_provider()
        try:
            return self._tryout.process(lambda who, state: run(who, state, when), dialog)
        except TurnError as error:
            if error.told:
                return []
            raise

    async def default_channel_adapter(self, data: Any, channel: Channel) -> None:
        """Run what a platform has delivered, and send the replies: for programs that receive webhooks themselves.

        State is stored behind the last reply; nothing is kept of a delivery that fails. The server does better.

        Args:
            data: JSON values, verified by the caller.
            channel: It came through; sends the replies.

        Raises:
            TurnError: The bot failed.
            SendError: A reply could not be sent.
        """
        for update in await updates_of(channel, data):
            await self._deliver(update, channel)

    async def _deliver(self, update: Update, channel: Channel) -> None:
        message, dialog = update.message, update.dialog
        await run_and_send(
            lambda state: self.dialog_manager.process_message(message, dialog, state),
            (lambda tracker, replies: tracker.set_message_history(message, replies)) if self.tracks_history else None,
            dialog,
            channel,
            self.user_locks,
            self.persistence_manager,
        )

    async def default_rpc_adapter(self, request: Any, channel: Channel, user_id: str) -> None:
        """Run a request of another program, and send what comes of it, as `default_channel_adapter` does.

        Raises:
            RpcError: The request is refused.
            TurnError: The bot failed.
            SendError: A reply could not be sent.
        """
        dialog = Dialog(channel.name, user_id)
        await run_and_send(
            lambda state: self.dialog_manager.process_rpc(request, dialog, state),
            (lambda tracker, replies: tracker.set_rpc_history(request, replies)) if self.tracks_history else None,
            dialog,
            channel,
            self.user_locks,
            self.persistence_manager,
        )

    def run_polling(self, autoreload: bool = False) -> int:
        """Serve this bot in this process by polling, until a signal stops it: `maxbot run` can do more.

        Args:
            autoreload: Not done here: `maxbot run --reload` does it.

        Raises:
            UsageError: A channel cannot be polled.
            StartError: The machine says no.
        """
        # The one way up: a script of MaxBot 0.3 starts its own server.
        from maxbot.server import serve
        from maxbot.settings import Settings

        script = sys.argv[0]
        if autoreload:
            logger.warning("run_polling reloads nothing: maxbot run --bot %s --updater polling --reload does", script)
        return serve(Settings(bot=script, updater="polling", single_process=True), self)  # type: ignore[arg-type]
