"""What a turn did, in order, for the journal: nodes, slots, commands, assignments and what templates log."""

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from maxbot.dialog.variables import Variables, scope_of, values_of

if TYPE_CHECKING:
    from maxbot.dialog.branch import Branch
    from maxbot.dialog.nodes import Handler, Node, Slot

Event: TypeAlias = dict[str, Any]
"""`{"type": ..., "payload": {...}}`."""


class Walk(NamedTuple):
    """One look for a node whose condition is true."""

    branch: "Branch"
    start: int
    """The first node that was looked at."""
    found: "Node | None"

    @property
    def conditions(self) -> list[str]:
        """The conditions that were tried, the true one last."""
        return self.branch.conditions(self.start, self.found)


class Visited:
    """Takes down what happens while a turn runs."""

    def __init__(self, intents: Any = None, entities: Any = None) -> None:
        self.intents = intents
        """What templates were given; whoever looks into it may be the first to ask for it."""
        self.entities = entities
        self.events: list[Event] = []
        self.commands: list[dict[str, Any]] = []
        """What is said. Texts know their markup."""
        self.walks: list[Walk] = []
        self.path: list[str] = []
        """The labels (or conditions) of the nodes that ran."""

    def add(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Note an event; what becomes of it may be put into the payload later."""
        self.events.append({"type": kind, "payload": payload})
        return payload

    def walked(self, branch: "Branch", start: int, found: "Node | None") -> None:
        """Note which nodes were tested."""
        self.walks.append(Walk(branch, start, found))

    def triggered(self, node: "Node") -> None:
        """Note that a node runs."""
        self.path.append(node.name)
        self.add("node_triggered", {"node": node.shown})

    def digressed(self, node: "Node") -> None:
        """Note that a message did not fit a node that waits."""
        self.add("digression_from", {"node": node.shown})

    def responded(self, node: "Node") -> dict[str, Any]:
        """Note that a node speaks; how it goes on comes later."""
        return self.add("response", {"node": node.shown})

    def slot(self, kind: str, slot: "Slot") -> dict[str, Any]:
        """Note what is done with a slot: `slot_filling`, `found`, `not_found` or `prompt`."""
        return self.add(kind, {"slot": slot.name})

    def handled(self, handler: "Handler") -> dict[str, Any]:
        """Note that a handler answers."""
        return self.add("slot_handler", {"condition": handler.condition.text})

    def assigned(self, scope: str, name: str, value: Any) -> None:
        """Note an assignment to a variable."""
        self.add("assign", {scope: name, "value": value})

    def remove(self, variables: Variables, name: str) -> None:
        """Remove a variable of `user` or `slots`, and note it if it was there."""
        values = values_of(variables)
        if name in values:
            del values[name]
            self.add("delete", {scope_of(variables): name})

    def logged(self, level: str, message: Any) -> None:
        """Note what a template or the engine has to say."""
        self.add("log", {"level": level, "message": message})
