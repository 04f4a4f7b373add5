"""`user` and `slots` as templates see them: variables that are read and set by name, and nothing of a dict."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from jinja2 import Undefined
from jinja2.utils import Namespace

_get = object.__getattribute__


class Variables(Namespace):
    """The variables of one scope. `{% set %}` of Jinja assigns to a `Namespace`, which this therefore is.

    Args:
        scope: `user` or `slots`, for errors.
        values: Where they are kept.
        changed: Told of each assignment, after it was made.
    """

    def __init__(self, scope: str, values: dict[str, Any], changed: Callable[[str, str, Any], None]) -> None:
        object.__setattr__(self, "_scope", scope)
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_changed", changed)

    def __getattribute__(self, name: str) -> Any:
        # Only for filters like `attr`; the environment reads `values_of` itself, so that no name is taken.
        if name == "__class__":
            return Variables
        try:
            return _get(self, "_values")[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setitem__(self, name: str, value: Any) -> None:
        scope: str = _get(self, "_scope")
        if isinstance(value, Undefined):
            str(value)  # raises what printing it would
        if value is None:
            raise TypeError(f"{scope}.{name} cannot be set to none; remove it with {{% delete {scope}.{name} %}}")
        _get(self, "_values")[name] = value
        _get(self, "_changed")(scope, name, value)

    def __contains__(self, name: object) -> bool:
        _no_dict(self, f"ask for one variable: {_get(self, '_scope')}.{name} is defined")

    def __iter__(self) -> Iterator[Any]:
        _no_dict(self, "name its variables")

    def __repr__(self) -> str:
        return f"<variables of {_get(self, '_scope')}>"


def values_of(variables: Variables) -> dict[str, Any]:
    """Return where the variables are kept."""
    values: dict[str, Any] = _get(variables, "_values")
    return values


def scope_of(variables: Variables) -> str:
    """Return `user` or `slots`."""
    scope: str = _get(variables, "_scope")
    return scope


def _no_dict(variables: Variables, hint: str) -> NoReturn:
    raise TypeError(f"{_get(variables, '_scope')} is no list or mapping; {hint}")
