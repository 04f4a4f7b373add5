"""Slot filling: a node asks for values until it has them all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from maxbot.dialog.nodes import Handler, Node, Slot
from maxbot.dialog.scenario import Scenario
from maxbot.dialog.steps import Returning
from maxbot.dialog.turn import RunningTurn
from maxbot.errors import TurnError


class Filled(Enum):
    """How a filling has ended in this turn."""

    DONE = auto()
    """The node may speak."""
    ASKED = auto()
    """It waits for another value."""
    NOT_UNDERSTOOD = auto()
    """What was said fits no slot and no handler."""


@dataclass(slots=True)
class _Finding:
    """A slot that was filled, with its value before and now."""

    slot: Slot
    previous: Any
    current: Any


@dataclass(slots=True)
class _Filling:
    """The filling of a node in one turn."""

    turn: RunningTurn
    node: Node
    label: str
    returning: Returning
    silent: set[Slot] = field(default_factory=set)
    """Slots that are not prompted in this turn."""
    responds: bool = False
    """Whether a `<response/>` asked for the node's response."""

    async def run(self) -> Filled:
        asked = self.turn.state.asked.get(self.label)
        findings = self.collect(asked)
        for finding in findings:
            await self.found(finding)
        if not findings and asked is not None:
            if self.returning is Returning.NO:
                handler = self.handler()
                if handler is None:
                    return Filled.NOT_UNDERSTOOD
                await self.handle(handler)
            elif self.returning is Returning.NOT_FOUND:
                await self.not_found(asked)
        slot = None if self.responds else await self.prompt()
        if self.responds or slot is None:
            self.turn.state.asked.pop(self.label, None)
            return Filled.DONE
        self.turn.state.asked[self.label] = slot.name
        return Filled.ASKED

    def collect(self, asked: str | None) -> list[_Finding]:
        """Fill all slots that the message has values for."""
        findings = []
        focus = (self.turn.scope.plus(slot_in_focus=False), self.turn.scope.plus(slot_in_focus=True))
        for slot in self.enabled():
            value = slot.check_for.evaluate(focus[slot.name == asked])
            if slot.check_for.is_true(value):
                if slot.value is not None:
                    value = slot.value.evaluate(self.turn.scope)
                findings.append(self.store(slot, self.kept(slot, value)))
        return findings

    def kept(self, slot: Slot, value: Any) -> Any:
        try:
            return self.turn.keep(value)
        except ValueError as error:
            raise TurnError(f"the slot {slot.name!r}: {error}", slot.taken_from.source.error(str(error))) from None

    def enabled(self) -> Iterator[Slot]:
        """Return the slots whose condition is true when it is their turn."""
        scope = self.turn.scope
        return (slot for slot in self.node.slots if slot.condition is None or slot.condition.holds(scope))

    def store(self, slot: Slot, value: Any) -> _Finding:
        finding = _Finding(slot, self.turn.state.slots.get(slot.name), value)
        self.turn.visited.slot("slot_filling", slot)
        self.turn.fill(slot.name, value, slot.taken_from.source)
        return finding

    def clear(self, slot: Slot) -> None:
        self.turn.visited.remove(self.turn.slots, slot.name)

    async def found(self, finding: _Finding) -> None:
        slot = finding.slot
        if slot.found is None:
            return
        values = {"previous_value": finding.previous, "current_value": finding.current}
        control = await self.say(slot.found, self.turn.visited.slot("found", slot), **values)
        if control in ("prompt_again", "listen_again"):
            self.clear(slot)
        if control == "listen_again":
            self.silent.add(slot)

    def handler(self) -> Handler | None:
        handlers = self.node.handlers
        return next((handler for handler in handlers if handler.condition.holds(self.turn.scope)), None)

    async def handle(self, handler: Handler) -> None:
        await self.say(handler.response, self.turn.visited.handled(handler))

    async def not_found(self, asked: str) -> None:
        """Say that the value of the slot which was asked is still missing."""
        named = [slot for slot in self.enabled() if slot.name == asked]
        slot = named[-1] if named else None  # of two slots of one name the second speaks, while it is enabled
        if slot is None or slot.not_found is None:
            return
        control = await self.say(slot.not_found, self.turn.visited.slot("not_found", slot))
        if control in (None, "listen_again"):
            self.silent.add(slot)

    async def prompt(self) -> Slot | None:
        """Ask for the first slot without a value, return it."""
        slot = self.missing()
        if slot is not None and slot.prompt is not None and slot not in self.silent:
            await self.say(slot.prompt, self.turn.visited.slot("prompt", slot))
        return slot

    def missing(self) -> Slot | None:
        values = self.turn.state.slots
        asking = (slot for slot in self.enabled() if slot.prompt is not None)
        return next((slot for slot in asking if values.get(slot.name) is None), None)

    async def say(self, scenario: Scenario, noted: dict[str, Any], **names: Any) -> str | None:
        outcome = await self.turn.say(scenario, noted, **names)
        if outcome.control == "response":
            self.responds = True
        return outcome.control


async def fill(turn: RunningTurn, node: Node, returning: Returning) -> Filled:
    """Take values from what was said, say what there is to say about them, and ask for the next one.

    Raises:
        TurnError: A condition or scenario failed.
    """
    return await _Filling(turn, node, node.label or "", returning).run()
