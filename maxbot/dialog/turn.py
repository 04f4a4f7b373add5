"""What all procedures of one turn share: names, state, what was said and what was visited."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias

import msgspec

from maxbot.dialog.limits import Budget, current_budget
from maxbot.dialog.rpc import RpcName, RpcRequest
from maxbot.dialog.scenario import Command, Outcome, Placed, Scenario, is_plain
from maxbot.dialog.source import Source
from maxbot.dialog.state import DialogState, NotStorable, copied
from maxbot.dialog.statements import current_listener
from maxbot.dialog.templates import Templates, template_line
from maxbot.dialog.timers import Check, TurnTimers, current_timers, unchecked
from maxbot.dialog.variables import Variables
from maxbot.dialog.visited import Visited
from maxbot.errors import BotError, TurnError
from maxbot.types import Dialog, Message, State, TimerChanges


class TurnInput(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a turn depends on."""

    dialog: Dialog
    state: State
    """As the turn before has left it; `{}` at the first."""
    utc_time: datetime
    """When it happens: UTC, aware."""
    message: Message | None = None
    """What the user said; None in the turn of a request."""
    rpc: RpcRequest | None = None
    """What another program asked for; None in the turn of a message."""
    intents: Any
    """What was recognised; may wait with it until it is asked."""
    entities: Any
    names: Mapping[str, Any] = {}
    """Further names for templates, which those of the language go before."""
    check_timer: Check = unchecked
    """What timers may ask for."""


Keep: TypeAlias = Callable[[Any], Any]
"""Returns what a slot keeps of what was found for it: of an entity its value, of an intent that it was meant.

Raises a ValueError where there is nothing to keep.
"""


class TurnOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of a turn."""

    commands: list[Command]
    """The replies, in order. Texts know their markup."""
    state: State
    """What to remember from now on: JSON values."""
    listening: bool
    """Whether the dialog waits in some place for the user's answer."""
    visited: Visited
    """What happened, for the journal."""
    timers: TimerChanges = TimerChanges()


class RunningTurn:
    """A turn on its way."""

    def __init__(self, given: TurnInput, templates: Templates, keep: Keep) -> None:
        self.keep = keep
        self.state = DialogState.load(given.state)
        self.visited = Visited(given.intents, given.entities)
        self.timers = TurnTimers(given.check_timer)
        self.is_rpc = given.rpc is not None
        self.slots = Variables("slots", self.state.slots, self.assigned)
        self.user = Variables("user", self.state.user, self.assigned)
        own = self._names(given)
        self._own = own.keys()
        self.scope = templates.scope({**given.names, **own})
        """What conditions see."""
        self._source: Source | None = None
        self._places: dict[str, BotError] = {}

    def _names(self, given: TurnInput) -> dict[str, Any]:
        return {
            "message": dict(given.message or {}),
            "dialog": {"channel_name": given.dialog.channel, "user_id": given.dialog.user},
            "user": self.user,
            "slots": self.slots,
            "intents": given.intents,
            "entities": given.entities,
            "rpc": RpcName(given.rpc),
            "params": dict(given.rpc.params) if given.rpc else {},
            "utc_time": given.utc_time,
            "utc_today": given.utc_time.date(),
        }

    def define(self, name: str, value: Any) -> None:
        """Give a name to all templates and conditions of this turn; those of the language go before it."""
        if name not in self._own:
            self.scope.names[name] = value

    async def say(self, scenario: Scenario, noted: dict[str, Any], **names: Any) -> Outcome:
        """Run a scenario and add its replies to the answer.

        Args:
            scenario: Says something.
            noted: The event of the journal that it belongs to.
            names: What only this scenario sees.
        """
        self._source = scenario.source
        outcome = await scenario.run(self.scope.plus(**names) if names else self.scope)
        self.visited.commands.extend(_placed(copied(reply), scenario.source) for reply in outcome.replies)
        if outcome.control is not None:
            noted["control_command"] = outcome.control
        return outcome

    def assigned(self, scope: str, name: str, value: Any) -> None:
        """Note an assignment, and where a value was assigned that can perhaps not be stored."""
        self.visited.assigned(scope, name, value)
        if type(value) not in _STORABLE and self._source is not None:
            self._places[f"{scope}.{name}"] = self._source.error("", template_line())

    def fill(self, name: str, value: Any, source: Source) -> None:
        """Put a value into a slot.

        Args:
            name: Of the slot.
            value: What was found.
            source: The expression that found it.
        """
        self._source = source
        self.state.slots[name] = value
        self.assigned("slots", name, value)

    def stored(self) -> State:
        """Return the state that is to be stored.

        Raises:
            TurnError: A variable holds what cannot be stored; the text has the line where it was assigned.
        """
        try:
            return self.state.store()
        except NotStorable as error:
            raise TurnError(str(error), self._places.get(error.variable)) from None

    def end(self) -> None:
        """Forget everything but `user`."""
        for name in list(self.state.slots):
            self.visited.remove(self.slots, name)
        self.state.end()


def _placed(reply: Command, source: Source) -> Command:
    """Return a reply that a platform may lack with its place: for all others nobody will ask."""
    return reply if is_plain(reply) else Placed(reply, source)


_STORABLE = frozenset({str, bool})


class Hooks(Protocol):
    """What an author does around each turn."""

    async def before(self, turn: RunningTurn) -> None:
        """Called when a message has been recognised and before the dialog runs."""

    async def after(self, turn: RunningTurn, error: TurnError | None) -> None:
        """Called when the replies are known, also after an error: what a turn says and stores may be changed."""

    async def over(self, turn: RunningTurn, error: TurnError | None) -> None:
        """Called when nothing changes any more: the turn has ended, or failed with an error."""


class Running:
    """Let templates find the turn they run in, within the body."""

    __slots__ = ("_budget", "_listener", "_timers", "_turn")

    def __init__(self, turn: RunningTurn) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        self._budget = current_budget.set(Budget())
        self._listener = current_listener.set(self._turn.visited)
        self._timers = current_timers.set(self._turn.timers)

    def __exit__(self, *_: object) -> None:
        current_timers.reset(self._timers)
        current_budget.reset(self._budget)
        current_listener.reset(self._listener)
