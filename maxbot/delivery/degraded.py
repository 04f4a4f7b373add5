"""Says in the log, once for each place in the bot, that a platform is sent something else than the bot wrote."""

import logging
from collections.abc import Sequence

from maxbot.channels.offered import pressable
from maxbot.commands import Content, kind_of
from maxbot.types import Command

logger = logging.getLogger(__name__)

MOST_SAID = 1000
"""Places that are remembered: a bot has fewer, and what writes its replies itself may have any number."""


class Degraded:
    """Compares what was written with what is sent."""

    def __init__(self) -> None:
        self._said: set[tuple[str, str, str]] = set()

    def note(self, channel: str, command: Command, parts: Sequence[Content]) -> None:
        """Say it where a reply is not what it was, unless that was said before.

        Args:
            channel: Its name.
            command: As the bot wrote it.
            parts: What it became there.
        """
        what = _difference(command.content, parts)
        said = (channel, command.place, what)
        if not what or said in self._said or len(self._said) >= MOST_SAID:
            return
        self._said.add(said)
        logger.warning(
            "%s%s cannot be sent all of this: %s", f"{command.place}: " if command.place else "", channel, what
        )


def _difference(content: Content, parts: Sequence[Content]) -> str:
    kind = kind_of(content)
    kinds = [kind_of(part) for part in parts]
    if kind == "native" or not parts:  # that is for one platform only, and meant so
        return ""
    if kind not in kinds:
        return f"{kind} {_verb(kind)} sent as {' and '.join(dict.fromkeys(kinds))}"
    titles = {button.title for button in pressable(content)}
    if titles - {button.title for part in parts for button in pressable(part)}:
        return "titles of buttons are cut, or links written out"
    if "text" in kinds and kind not in ("text", "buttons", "quick_replies"):
        return f"a part of {kind} is sent as a text of its own"
    return ""


def _verb(kind: str) -> str:
    return "are" if kind in ("buttons", "quick_replies") else "is"
