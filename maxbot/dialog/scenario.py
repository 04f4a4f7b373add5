"""A scenario: a template whose outcome is a list of commands, of which the first that steers decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from maxbot.dialog.source import Source
from maxbot.dialog.templates import Scope, TextTemplate
from maxbot.errors import TurnError

Command: TypeAlias = dict[str, Any]
"""`{"text": ...}` or another reply, or a control command: `{"listen": {}}`."""


LONG = 4000
"""Characters of a text that may be too long for what some platform takes of it."""


class Placed(Command):
    """A command that knows where its author wrote it."""

    __slots__ = ("source",)

    def __init__(self, command: Command, source: Source) -> None:
        super().__init__(command)
        self.source = source


def is_plain(command: Command) -> bool:
    """Whether every platform can send a reply as it is, so that nobody will ask where it was written."""
    text = command.get("text")
    return isinstance(text, str) and len(text) < LONG


class Place(Enum):
    """Where a scenario stands, and the control commands that it may hold."""

    NODE = frozenset({"listen", "followup", "jump_to", "end"})
    FOUND = frozenset({"move_on", "prompt_again", "listen_again", "response"})
    NOT_FOUND = frozenset({"prompt_again", "listen_again", "response"})
    PROMPT = frozenset({"listen_again", "response"})
    HANDLER = frozenset({"move_on", "response"})

    def __init__(self, controls: frozenset[str]) -> None:
        self.controls = controls


Reader: TypeAlias = Callable[[str, Place], Sequence[Command]]
"""Reads a rendered template as commands; a ValueError says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a scenario."""

    replies: tuple[Command, ...]
    """What is said before the control command, or all if there is none."""
    control: str | None = None
    """The first control command."""
    arguments: dict[str, Any] | None = None
    """Of that command."""


class Scenario:
    """A compiled scenario.

    Args:
        template: Its text.
        place: Where it stands.
        read: Makes commands of a rendered text.
    """

    __slots__ = ("_known", "_place", "_read", "_template")

    def __init__(self, template: TextTemplate, place: Place, read: Reader) -> None:
        self._template = template
        self._place = place
        self._read = read
        self._known: Outcome | None = None

    @property
    def source(self) -> Source:
        """What the author wrote."""
        return self._template.source

    async def run(self, scope: Scope) -> Outcome:
        """Render it and read what came out.

        Raises:
            TurnError: It failed, or is no list of commands that may stand here; the text has file and line.
        """
        if self._known is not None:  # a text without expressions is the same in each turn
            return self._known
        outcome = self._outcome(await self._template.render(scope.names))
        if self._template.constant is not None:
            self._known = outcome
        return outcome

    def _outcome(self, text: str) -> Outcome:
        try:
            commands = self._read(text, self._place)
        except ValueError as error:
            raise self.failed(str(error)) from error
        for index, command in enumerate(commands):
            name = next(iter(command))
            if name in self._place.controls:
                return Outcome(tuple(commands[:index]), name, command[name])
        return Outcome(tuple(commands))

    def failed(self, message: str) -> TurnError:
        """Return the error of a turn for what this scenario wants."""
        return self._template.failed(message)
