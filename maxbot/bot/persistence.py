"""Where turns that no server runs keep what a dialog remembers: in memory, or where an author's own manager says.

A persistence manager is called with a dialog and returns a context manager, which stores when it is left without an
exception. The server keeps the state in its database and asks none.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TypeAlias

from maxbot.bot.variables import StateVariables
from maxbot.types import Dialog, State


class Tracker(Protocol):
    """What a persistence manager knows of one dialog."""

    def get_state(self) -> StateVariables:
        """Return what is remembered, to read and change."""

    def set_message_history(self, message: Any, commands: Any) -> None:
        """Keep what was said and answered; called where the builder's `track_history` wants it."""

    def set_rpc_history(self, request: Any, commands: Any) -> None:
        """Keep what another program asked for, and what came of it."""


PersistenceManager: TypeAlias = Callable[[Mapping[str, str]], AbstractContextManager[Tracker]]
"""`with persistence_manager(dialog) as tracker`; a dialog has `channel_name` and `user_id`."""


class InMemory:
    """The default: what is remembered ends with the process."""

    def __init__(self) -> None:
        self.engine: Any = None
        """A database of MaxBot 0.3; may be set, and nothing is kept there: `maxbot run --database` is the place now."""
        self._states: dict[tuple[str, str], State] = {}

    def create_tables(self) -> None:
        """Do nothing: the server makes its own tables. Here for bots of MaxBot 0.3."""

    def state(self, dialog: Dialog) -> State:
        """Return what is remembered of a dialog; `{}` before its first turn."""
        return self._states.get((dialog.channel, dialog.user), {})

    @contextmanager
    def __call__(self, dialog: Mapping[str, str]) -> Iterator[Tracker]:
        """Yield what is remembered of a dialog, and keep what becomes of it."""
        who = dialog["channel_name"], dialog["user_id"]
        variables = StateVariables.load(self._states.get(who, {}))
        yield _Remembered(variables)
        self._states[who] = variables.store()


class _Remembered:
    def __init__(self, variables: StateVariables) -> None:
        self._variables = variables

    def get_state(self) -> StateVariables:
        return self._variables

    def set_message_history(self, message: Any, commands: Any) -> None:
        """Keep nothing: the journal has it."""

    def set_rpc_history(self, request: Any, commands: Any) -> None:
        """Keep nothing: the journal has it."""
