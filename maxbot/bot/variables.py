"""What a dialog remembers, as Python code of an author's own sees it."""

from collections.abc import Iterable
from typing import Any

from maxbot.dialog.state import copied
from maxbot.types import State

SCOPES = ("user", "slots", "components")


class StateVariables:
    """Mappings to read and change: `user`, `slots`, and `components`, the dialog's own memory."""

    def __init__(
        self,
        user: dict[str, Any] | None = None,
        slots: dict[str, Any] | None = None,
        components: dict[str, Any] | None = None,
    ) -> None:
        self.user = {} if user is None else user
        self.slots = {} if slots is None else slots
        self.components = {} if components is None else components

    @classmethod
    def empty(cls) -> "StateVariables":
        """Return that of a new dialog."""
        return cls()

    @classmethod
    def from_kv_pairs(cls, pairs: Iterable[tuple[str, Any]]) -> "StateVariables":
        """Return what pairs like `("user.name", "Ada")` say."""
        state = cls()
        for key, value in pairs:
            scope, dot, name = key.partition(".")
            if scope not in SCOPES or not dot:
                raise ValueError(f"{key!r} is none of user.NAME, slots.NAME and components.NAME")
            getattr(state, scope)[name] = value
        return state

    def to_kv_pairs(self) -> list[tuple[str, Any]]:
        """Return the pairs."""
        return [(f"{scope}.{name}", value) for scope in SCOPES for name, value in getattr(self, scope).items()]

    @classmethod
    def load(cls, state: State) -> "StateVariables":
        """Return what is stored, as a copy."""
        rest = {key: copied(value) for key, value in state.items() if key not in ("user", "slots")}
        return cls(copied(state.get("user") or {}), copied(state.get("slots") or {}), rest)

    def replace(self, state: State) -> None:
        """Take over what a turn has left, in place."""
        new = StateVariables.load(state)
        for scope in SCOPES:
            getattr(self, scope).clear()
            getattr(self, scope).update(getattr(new, scope))

    def store(self) -> State:
        """Return what is to be stored."""
        scopes = {name: value for name, value in (("user", self.user), ("slots", self.slots)) if value}
        return {**self.components, **scopes}
