"""What an author does before and after each turn, and around it."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from maxbot.bot.calls import call, keywords_of
from maxbot.bot.context import TurnContext
from maxbot.bot.values import json_copy
from maxbot.dialog.turn import RunningTurn
from maxbot.errors import TurnError

Hook: TypeAlias = Callable[..., Any]
"""A function or coroutine function that is given what it names: `ctx`, and after a turn also `listening`."""


class _Registered(NamedTuple):
    hook: Hook
    wanted: frozenset[str]

    async def call(self, context: TurnContext) -> None:
        given = {name: context if name == "ctx" else context.listening for name in self.wanted}
        await call(self.hook, **given)


class TurnHooks:
    """The hooks of a bot, in the order in which they were added."""

    def __init__(self) -> None:
        self._before: list[_Registered] = []
        self._after: list[_Registered] = []
        self.journal: Hook | None = None
        """Called with `ctx` when a turn is over, whatever has become of it."""

    def __bool__(self) -> bool:
        return bool(self._before or self._after)

    def add_before(self, hook: Hook) -> None:
        """Add a hook.

        Raises:
            BotError: It asks for something else than `ctx`.
        """
        self._before.append(_Registered(hook, keywords_of(hook, ("ctx",), "a hook before the turn")))

    def add_after(self, hook: Hook) -> None:
        """Add a hook.

        Raises:
            BotError: It asks for something else than `ctx` and `listening`.
        """
        self._after.append(_Registered(hook, keywords_of(hook, ("ctx", "listening"), "a hook after the turn")))

    def of_a_turn(self) -> "RunningHooks | None":
        """Return what calls them in one turn, None if there are none."""
        return RunningHooks(self._before, self._after, self.journal) if self or self.journal else None


class RunningHooks:
    """The hooks in one turn; all of them get the same `ctx`."""

    def __init__(self, before: list[_Registered], after: list[_Registered], journal: Hook | None) -> None:
        self._before = before
        self._after = after
        self._journal = journal
        self._context: TurnContext | None = None

    async def before(self, turn: RunningTurn) -> None:
        """Call those for its beginning."""
        self._context = TurnContext(turn)
        for hook in self._before:
            await hook.call(self._context)

    async def after(self, turn: RunningTurn, error: TurnError | None) -> None:
        """Call those for its end."""
        context = self._context or TurnContext(turn)
        context.error = error
        for hook in self._after:
            await hook.call(context)
        _check_replies(context)

    async def over(self, turn: RunningTurn, error: TurnError | None) -> None:
        """Tell the author's journal how the turn has ended."""
        if self._journal is None:
            return
        context = self._context or TurnContext(turn)
        context.error = error
        await call(self._journal, context)
        if error is not None:
            error.told = True


def _check_replies(context: TurnContext) -> None:
    for reply in context.commands:
        if not isinstance(reply, dict) or not reply:
            raise TurnError(f'a hook left a reply that is no dict like {{"text": "hello"}}: {reply!r}')
        try:
            json_copy(reply, "reply")
        except ValueError as error:
            raise TurnError(f"a hook left a reply that cannot be sent: {error}") from error
