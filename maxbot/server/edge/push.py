"""`POST /push/{channel}/{user_id}`: other programs let the bot say something given to a user who did not ask.

Who may call, the key that recognises a repetition, `wait` and `failed` are those of `/rpc`.
"""

from typing import Any

from maxbot.server.edge.rpc import Rpc
from maxbot.types import Dialog


class Push(Rpc):
    """The endpoint. The body is `{"text": ...}` or `{"commands": [...]}`."""

    prefix = "push"

    def _request(self, asked: Any, dialog: Dialog) -> dict[str, Any]:
        return self._bot.check_push(asked, dialog)

    async def _check_user(self, message: dict[str, Any], dialog: Dialog, key: str) -> None:
        await self._bot.check_window(message, dialog, key)
