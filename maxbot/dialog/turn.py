"""What all procedures of one turn share: names, state, what was said and what was visited."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from maxbot.dialog.limits import Budget, current_budget
from maxbot.dialog.rpc import RpcName, RpcRequest
from maxbot.dialog.scenario import Command, Outcome, Scenario
from maxbot.dialog.state import DialogState
from maxbot.dialog.statements import current_listener
from maxbot.dialog.templates import Templates
from maxbot.dialog.variables import Variables
from maxbot.dialog.visited import Visited
from maxbot.types import Dialog, Message, State


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


class TurnOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of a turn."""

    commands: list[Command]
    """The replies, in order."""
    state: State
    """What to remember from now on: JSON values."""
    listening: bool
    """Whether the dialog waits in some place for the user's answer."""
    visited: Visited
    """What happened, for the journal."""


class RunningTurn:
    """A turn on its way."""

    def __init__(self, given: TurnInput, templates: Templates) -> None:
        self.state = DialogState.load(given.state)
        self.visited = Visited()
        self.replies: list[Command] = []
        self.is_rpc = given.rpc is not None
        self.slots = Variables("slots", self.state.slots, self.visited.assigned)
        self.user = Variables("user", self.state.user, self.visited.assigned)
        self.scope = templates.scope({**given.names, **self._names(given)})
        """What conditions see."""

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

    async def say(self, scenario: Scenario, noted: dict[str, Any], **names: Any) -> Outcome:
        """Run a scenario and add its replies to the answer.

        Args:
            scenario: Says something.
            noted: The event of the journal that it belongs to.
            names: What only this scenario sees.
        """
        outcome = await scenario.run(self.scope.plus(**names) if names else self.scope)
        self.replies.extend(outcome.replies)
        if outcome.control is not None:
            noted["control_command"] = outcome.control
        return outcome

    def end(self) -> None:
        """Forget everything but `user`."""
        for name in list(self.state.slots):
            self.visited.remove(self.slots, name)
        self.state.end()


@contextmanager
def running(turn: RunningTurn) -> Iterator[None]:
    """Let templates find the turn they run in."""
    budget, listener = current_budget.set(Budget()), current_listener.set(turn.visited)
    try:
        yield
    finally:
        current_budget.reset(budget)
        current_listener.reset(listener)
