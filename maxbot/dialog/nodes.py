"""The nodes of a bot, compiled: what the engine walks through."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from maxbot.dialog.conditions import Condition
from maxbot.dialog.scenario import Scenario
from maxbot.dialog.templates import Expression

if TYPE_CHECKING:
    from maxbot.dialog.branch import Branch


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that a node asks for."""

    name: str
    check_for: Expression
    value: Expression | None
    condition: Condition | None
    prompt: Scenario | None
    found: Scenario | None
    not_found: Scenario | None

    @property
    def taken_from(self) -> Expression:
        """The expression whose value is stored."""
        return self.value or self.check_for


@dataclass(frozen=True, slots=True)
class Handler:
    """An answer while slots are asked."""

    condition: Condition
    response: Scenario


@dataclass(eq=False, slots=True)
class Node:
    """A node, and where it stands."""

    label: str | None
    condition: Condition
    response: Scenario
    slots: tuple[Slot, ...]
    handlers: tuple[Handler, ...]
    may_return: bool
    """Whether a digression from its followups comes back."""
    is_root: bool
    """Whether no node is above it."""
    branch: "Branch"
    """The list it stands in: its own followups come after it, its right siblings behind it."""
    index: int
    """Its number in `branch`."""
    followups: "Branch | None" = field(default=None)

    @property
    def name(self) -> str:
        """What it is called where people read it."""
        return self.label or self.condition.text

    @property
    def shown(self) -> dict[str, Any]:
        """What the journal says of it."""
        shown = {"condition": self.condition.text}
        if self.label is not None:
            shown["label"] = self.label
        return shown
