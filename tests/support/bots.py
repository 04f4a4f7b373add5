"""What the bots of tests have in common."""

from typing import Any

from maxbot.types import Dialog, State, TurnResult


class PlainBot:
    """A bot that nobody asks anything but messages, and that stays where it is when it fails."""

    async def run_request(self, request: Any, dialog: Dialog, state: State, utc_time: Any = None) -> TurnResult:
        raise NotImplementedError

    def after_failure(self, state: State) -> tuple[State, bool]:
        return state, False
