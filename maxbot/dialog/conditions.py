"""Conditions: compiled, with what they need to be true. Some need no evaluation at all."""

from maxbot.dialog.facts import has
from maxbot.dialog.keys import Analyst, Key
from maxbot.dialog.templates import Expression, Scope


class Condition:
    """A compiled condition.

    Args:
        expression: What the author wrote.
        analyst: Reads off what it needs.
    """

    __slots__ = ("_exact", "_expression", "alternatives", "text")

    def __init__(self, expression: Expression, analyst: Analyst) -> None:
        self.text = expression.source.text
        needs = analyst.needs(expression.root)
        self.alternatives = needs.alternatives
        """Sets of keys, of each of which a turn must have one for the condition to be true; none: nobody knows."""
        self._exact: frozenset[Key] | None = needs.alternatives[0] if needs.exact else None
        self._expression = None if needs.exact else expression.compile()

    def holds(self, scope: Scope) -> bool:
        """Return whether it is true.

        Raises:
            TurnError: It could not be evaluated; the text has file and line.
        """
        if self._expression is not None:
            return self._expression.holds(scope)
        return any(has(scope.names, key) for key in self._exact or ())
