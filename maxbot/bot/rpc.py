"""What a bot in Python does at a request: `@bot.rpc("remind")`."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, overload

from maxbot.bot.calls import place_of
from maxbot.bot.handler import Turn
from maxbot.errors import BotError

RequestHandler = Callable[[Turn], Awaitable[None]]
"""What the bot does at a request of one method."""

HandlerType = TypeVar("HandlerType", bound=RequestHandler)


class RpcHandlers:
    """The methods that a bot has in Python, by name."""

    def __init__(self) -> None:
        self._handlers: dict[str, RequestHandler] = {}
        self._own: set[str] = set()

    @overload
    def __call__(self, name: HandlerType) -> HandlerType: ...

    @overload
    def __call__(self, name: str | None = None, *, http: bool = True) -> Callable[[HandlerType], HandlerType]: ...

    def __call__(self, name: Any = None, *, http: bool = True) -> Any:
        """Decorate the `async def` function that runs the turn of a request.

        Args:
            name: Of the method; that of the function without it.
            http: Whether other programs may send it, or only the bot's own timers.

        Raises:
            BotError: It is no such function, or there is one for this method.
        """
        if callable(name):
            return self._add(name, name.__name__, http)
        return lambda function: self._add(function, name or function.__name__, http)

    def __iter__(self) -> Iterator[str]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)

    def get(self, method: str) -> RequestHandler | None:
        """Return what runs a method, None for one that is not here."""
        return self._handlers.get(method)

    def serves(self, method: str) -> bool:
        """Whether other programs may ask for it."""
        return method in self._handlers and method not in self._own

    @property
    def public(self) -> bool:
        """Whether other programs may ask for something."""
        return len(self._handlers) > len(self._own)

    def _add(self, function: HandlerType, name: str, http: bool) -> HandlerType:
        handler: RequestHandler = function
        if not inspect.iscoroutinefunction(handler):
            raise BotError("a method is an async function: async def remind(turn)", **place_of(function))
        if name in self._handlers:
            raise BotError(f"the bot has a method {name!r} already", **place_of(function))
        self._handlers[name] = handler
        if not http:
            self._own.add(name)
        return function
