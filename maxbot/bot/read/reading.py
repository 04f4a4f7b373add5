"""What the readers of one bot share: the mistakes, the syntax, and the names that are checked at the end."""

from dataclasses import dataclass, field
from typing import Protocol

from maxbot.bot.read.mistakes import Mistakes
from maxbot.dialog.definitions import RpcMethodDefinition, SubtreeReference
from maxbot.dialog.source import Place, Source


class Syntax(Protocol):
    """Knows the expressions and templates of a bot, with what its extensions added. May keep what it compiled."""

    def expression(self, source: Source) -> object:
        """Compile a condition.

        Raises:
            BotError: It is not an expression.
        """

    def template(self, source: Source) -> object:
        """Compile a template.

        Raises:
            BotError: Its syntax is wrong, or it uses a filter or test that does not exist.
        """


@dataclass
class Reading:
    """One bot that is being read."""

    mistakes: Mistakes = field(default_factory=Mistakes)
    syntax: Syntax | None = None
    """None: templates and expressions are not checked."""
    labels: list[tuple[str, Place]] = field(default_factory=list)
    """In the order in which nodes count: followups before their node."""
    references: list[tuple[SubtreeReference, str | None]] = field(default_factory=list)
    """With the subtree each stands in."""
    methods: list[tuple[str, Place]] = field(default_factory=list)
    callable_methods: dict[str, RpcMethodDefinition] | None = None
    """What requests in stories are checked against; None: they are not."""
    subtrees: list[tuple[str, Place]] = field(default_factory=list)
    """In the order of their files."""
    subtree: str | None = None
    """The one that is being read."""
