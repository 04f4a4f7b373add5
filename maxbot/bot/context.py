"""What a hook sees of a turn, as `ctx`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from maxbot.dialog.rpc import RpcName
from maxbot.dialog.turn import RunningTurn
from maxbot.dialog.visited import Event
from maxbot.errors import TurnError


class TurnState:
    """What the bot remembers of the dialog: mappings to read and change."""

    def __init__(self, turn: RunningTurn) -> None:
        self.user: dict[str, Any] = turn.state.user
        """Variables that stay."""
        self.slots: dict[str, Any] = turn.state.slots
        """Variables of the current topic."""
        self.components: dict[str, Any] = {"dialog": {"waiting": list(turn.state.waiting)}}
        """What the dialog itself remembers, to look at."""


class ScenarioNames:
    """`ctx.scenario.NAME = value` gives a name to all templates and conditions of this turn."""

    def __init__(self, turn: RunningTurn) -> None:
        object.__setattr__(self, "_turn", turn)

    def __setattr__(self, name: str, value: Any) -> None:
        self._turn.define(name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._turn.scope.names[name]
        except KeyError:
            raise AttributeError(f"there is no name {name!r} in templates") from None


class TurnContext:
    """A turn, before and after the dialog has run. The names that templates have mean here what they mean there."""

    def __init__(self, turn: RunningTurn) -> None:
        self._turn = turn
        names = turn.scope.names
        self.dialog: dict[str, str] = names["dialog"]
        """Who speaks: `channel_name` and `user_id`."""
        self.message: dict[str, Any] = names["message"]
        """What the user said; `{}` in the turn of a request."""
        self.rpc: RpcName = names["rpc"]
        """What another program asked for; false in the turn of a message."""
        self.params: dict[str, Any] = names["params"]
        """The parameters of that request."""
        self.intents: Any = names["intents"]
        self.entities: Any = names["entities"]
        self.utc_time: datetime = names["utc_time"]
        self.state = TurnState(turn)
        self.scenario = ScenarioNames(turn)
        self.error: TurnError | None = None
        """What made the turn fail, in `after_turn`."""

    def later(self, seconds: float, name: str, params: dict[str, Any] | None = None) -> str:
        """Set a timer, as `Turn.later` does."""
        return self._turn.timers.set(seconds, name, params)

    def cancel_later(self, which: str) -> None:
        """Cancel timers, as `Turn.cancel_later` does."""
        self._turn.timers.cancel(which)

    @property
    def commands(self) -> list[dict[str, Any]]:
        """The replies, in order: a list that `after_turn` may change."""
        return self._turn.visited.commands

    @commands.setter
    def commands(self, commands: Sequence[dict[str, Any]]) -> None:
        self._turn.visited.commands[:] = commands

    @property
    def listening(self) -> bool:
        """Whether the dialog waits in this place for an answer."""
        return bool(self._turn.state.waiting)

    @property
    def journal_events(self) -> list[Event]:
        """What has happened so far, for the journal."""
        return self._turn.visited.events

    def log(self, level: str, message: Any) -> None:
        """Write into the journal.

        Args:
            level: `DEBUG` or `WARNING`.
            message: Any value.
        """
        self._turn.visited.logged(level, message)

    def debug(self, message: Any) -> None:
        """Write into the journal, for whoever looks for a mistake."""
        self.log("DEBUG", message)

    def warning(self, message: Any) -> None:
        """Write into the journal what its readers should see."""
        self.log("WARNING", message)
