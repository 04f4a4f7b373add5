"""What the timers of a bot may ask for."""

from collections.abc import Callable
from typing import Any

from maxbot.bot.values import json_copy
from maxbot.dialog.timers import Check
from maxbot.errors import RpcError, TurnError


def checks_timers(check_request: Callable[[Any], object]) -> Check:
    """Return what checks a timer when it is set: what would be refused when it is due is refused at once.

    Args:
        check_request: Raises an `RpcError` for a request that the bot refuses.
    """

    def check(name: str, params: Any) -> dict[str, Any]:
        if not isinstance(params, dict | None):
            raise TurnError(f"later: params is a dict, not {type(params).__name__}")
        try:
            checked: dict[str, Any] = json_copy(params or {}, "params")
            check_request({"method": name, "params": checked})
        except ValueError as error:
            raise TurnError(f"later: {error}") from error
        except RpcError as error:
            raise TurnError(f"later: the bot would refuse this request: {error}") from error
        return checked

    return check
