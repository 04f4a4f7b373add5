"""The engine: one turn of a dialog, from what was said and remembered to what is answered and remembered.

A dialog has a waiting list. What the user says is meant for the node on its top; if it does not fit there, a root node
may answer (a digression), and the waiting node is heard again. Each procedure here returns the next step; the steps are
taken by `_Conversation.run`, so that jumps in circles are counted and need no stack.
"""

from typing import Any

from maxbot.dialog.branch import Branch
from maxbot.dialog.nodes import Node
from maxbot.dialog.scenario import Outcome
from maxbot.dialog.slots import Filled, fill
from maxbot.dialog.state import Kind, others
from maxbot.dialog.steps import Returning, Run, Step, Stop
from maxbot.dialog.templates import Templates
from maxbot.dialog.tree import Tree
from maxbot.dialog.turn import Hooks, Keep, Running, RunningTurn, TurnInput, TurnOutput
from maxbot.errors import TurnError

MOST_STEPS = 500
"""Nodes that may run in a turn."""

SHOWN_LABELS = 12
"""Labels of a circle that its error names."""


class Engine:
    """Runs turns. It keeps nothing between them.

    Args:
        tree: The nodes.
        templates: What they were compiled with.
        keep: What slots keep of what was found for them.
    """

    def __init__(self, tree: Tree, templates: Templates, keep: Keep) -> None:
        self._keep = keep
        self._tree = tree
        self._templates = templates

    async def run(self, given: TurnInput, hooks: Hooks | None = None) -> TurnOutput:
        """Run one turn.

        Args:
            given: All that it depends on; nothing of it is changed.
            hooks: Of the author's own, may change names, variables and replies.

        Raises:
            TurnError: It failed: nothing is said and nothing changes. The text has file and line where they are known.
        """
        turn = RunningTurn(given, self._templates, self._keep)
        try:
            with Running(turn):
                await (self._converse(turn) if hooks is None else self._converse_with(turn, hooks))
            state = others(given.state) | turn.stored()
        except TurnError as error:
            error.visited = turn.visited
            if hooks is not None:
                await hooks.over(turn, error)
            raise
        if hooks is not None:
            await hooks.over(turn, None)
        return TurnOutput(
            commands=turn.visited.commands,
            state=state,
            listening=bool(turn.state.waiting),
            visited=turn.visited,
            timers=turn.timers.changes,
        )

    async def _converse(self, turn: RunningTurn) -> None:
        if await _Conversation(self._tree, turn).run() is Stop.END:
            turn.end()

    async def _converse_with(self, turn: RunningTurn, hooks: Hooks) -> None:
        await hooks.before(turn)
        try:
            await self._converse(turn)
        except TurnError as error:
            await hooks.after(turn, error)
            raise
        await hooks.after(turn, None)


class _Conversation:
    """The procedures of one turn."""

    def __init__(self, tree: Tree, turn: RunningTurn) -> None:
        self._tree = tree
        self._turn = turn
        self._state = turn.state
        self._digression = turn.scope.plus(digressing=True)

    async def run(self) -> Stop:
        step = self._first()
        for _ in range(MOST_STEPS):
            if isinstance(step, Stop):
                return step
            step = await self._run(step)
        circle = " → ".join(self._turn.visited.path[-SHOWN_LABELS:])
        raise TurnError(f"the turn does not end: {MOST_STEPS} nodes have run, the last ones are {circle}")

    # -- where a turn starts

    def _first(self) -> Step:
        self._forget_the_unknown()
        if not self._state.waiting:
            return self._root()
        label, kind = self._state.waiting[-1]
        node = self._tree.nodes[label]
        if kind is Kind.SLOTS:
            return Run(node)
        return self._after_followup(node) if kind is Kind.FOLLOWUP else self._after_jump(node)

    def _forget_the_unknown(self) -> None:
        """Take out what waits for something that the bot does not have (any more)."""
        nodes = self._tree.nodes
        for label, kind in list(self._state.waiting):
            node = nodes.get(label)
            if node is None or not _can_wait(node, kind):
                self._state.take(label)
        for label, slot in list(self._state.asked.items()):
            if label not in nodes or slot not in {known.name for known in nodes[label].slots}:
                del self._state.asked[label]

    def _root(self) -> Step:
        node = self._search(self._tree.root)
        return Run(node) if node else Stop.END

    def _after_followup(self, node: Node) -> Step:
        assert node.followups is not None
        found = self._search(node.followups)
        if found is None:
            return self._digress(node)
        self._state.take(_label(node))
        return Run(found)

    def _after_jump(self, node: Node) -> Step:
        found = self._search(node.branch, node.index)
        if found is not None:
            self._state.take(_label(node))
            return Run(found)
        if node.is_root:
            return self._give_back(Returning.FOUND) or Stop.END
        return self._digress(node)

    def _search(self, branch: Branch, start: int = 0) -> Node | None:
        scope = self._turn.scope
        found = branch.search(scope, scope, start)
        self._turn.visited.walked(branch, start, found)
        return found

    # -- digressions

    def _digress(self, node: Node) -> Step:
        """Let a root node answer what was not meant for the node that waits."""
        self._turn.visited.digressed(node)
        root = self._tree.root
        found = root.search(self._turn.scope, self._digression, but=node)
        self._turn.visited.walked(root, 0, found)
        if found is not None:
            return self._reach(found, digressing=True)
        if self._turn.is_rpc:
            return Stop.WAIT
        if not node.may_return:
            return Stop.END
        return self._give_back(Returning.NOT_FOUND) or Stop.END

    def _give_back(self, result: Returning) -> Run | None:
        """Return to the node that waits on top, none if nobody waits."""
        while self._state.waiting:
            label, kind = self._state.waiting.pop()
            node = self._tree.nodes[label]
            if kind is Kind.SLOTS or (kind is Kind.FOLLOWUP and node.may_return):
                return Run(node, returning=result)
        return None

    def _reach(self, node: Node, *, digressing: bool = False) -> Run:
        """Run a node; if it waits, it is returned to."""
        waited = node.label is not None and self._state.take(node.label)
        return Run(node, Returning.FOUND if waited else Returning.NO, digressing)

    # -- a node

    async def _run(self, step: Run) -> Step:
        node = step.node
        self._turn.visited.triggered(node)
        if node.slots:
            filled = await fill(self._turn, node, step.returning)
            if filled is Filled.NOT_UNDERSTOOD:
                return self._digress(node)
            if filled is Filled.ASKED:
                self._state.put(_label(node), Kind.SLOTS)
                return Stop.WAIT
            self._state.take(_label(node))
        noted = self._turn.visited.responded(node)
        names = {"returning": step.returning is not Returning.NO, "digressing": step.digressing}
        outcome = await self._turn.say(node.response, noted, **names)
        return self._go_on(node, outcome, noted)

    def _go_on(self, node: Node, outcome: Outcome, noted: dict[str, Any]) -> Step:
        if outcome.control is not None:
            noted["control_command"] = {outcome.control: outcome.arguments or {}}
        match outcome.control:
            case "end":
                return Stop.END
            case "followup":
                return self._follow_up(node)
            case "jump_to":
                return self._jump(node, **(outcome.arguments or {}))
            case "listen":
                return self._listen(node) or self._give_back(Returning.FOUND) or Stop.WAIT
        step = self._listen(node) or self._give_back(Returning.FOUND) or Stop.END
        noted["control_command"] = {_GOES_ON[type(step) if isinstance(step, Run) else step]: {}}
        return step

    def _listen(self, node: Node) -> Stop | None:
        """Wait for the node's followups, if it has some."""
        if node.followups is None:
            return None
        self._state.put(_label(node), Kind.FOLLOWUP)
        return Stop.WAIT

    def _follow_up(self, node: Node) -> Step:
        found = self._search(node.followups) if node.followups is not None else None
        if found is not None:
            return self._reach(found)
        self._turn.visited.logged("WARNING", f"<followup/> in {node.name!r} has found no node")
        return Stop.WAIT

    def _jump(self, source: Node, node: str, transition: str) -> Step:
        target = self._tree.nodes.get(node)
        if target is None:
            raise source.response.failed(f"<jump_to node={node!r}>: there is no node with this label")
        match transition:
            case "response":
                return self._reach(target)
            case "listen":
                self._state.put(node, Kind.JUMP)
                return Stop.WAIT
        found = self._search(target.branch, target.index)
        if found is not None:
            return self._reach(found)
        self._turn.visited.logged("WARNING", f"<jump_to node={node!r} transition='condition'/> has found no node")
        return self._give_back(Returning.FOUND) or Stop.END


_GOES_ON = {Run: "return_after_digression", Stop.WAIT: "followup", Stop.END: "end"}
"""What the journal calls it if a node has no control command."""


def _can_wait(node: Node, kind: Kind) -> bool:
    return kind is Kind.JUMP or bool(node.slots if kind is Kind.SLOTS else node.followups)


def _label(node: Node) -> str:
    assert node.label is not None, "the reader wants a label for each node that waits"
    return node.label
