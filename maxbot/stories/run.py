"""Runs a story: a new user talks to the bot."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from maxbot.bot import MaxBot
from maxbot.bot.markup import BotMarkup
from maxbot.bot.read.stories import Story, StoryTurn
from maxbot.dialog.source import Source
from maxbot.journal.record import FinishedTurn
from maxbot.maxml import MaxMLError
from maxbot.testing.conversation import Conversation
from maxbot.testing.replies import Replies, fits

CHANNEL = "stories"


class Outcome(StrEnum):
    """How a story ended."""

    PASSED = "passed"
    FAILED = "failed"
    """The bot said something else."""
    ERROR = "error"
    """The bot or the expectation is broken."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a story."""

    story: Story
    outcome: Outcome
    turns: tuple[FinishedTurn, ...]
    """Those that ran, the last one is the one that ended the story."""
    index: int | None = None
    """Number of the turn that did not fit, counted from 0; None where the story passed."""
    expected: tuple[Replies, ...] = ()
    """The alternatives of that turn."""
    error: Exception | None = None
    """What broke."""

    @property
    def turn(self) -> StoryTurn | None:
        """The turn that did not fit."""
        return None if self.index is None else self.story.turns[self.index]


def run_story(bot: MaxBot, story: Story) -> Result:
    """Run a story up to its end or its first turn that does not fit."""
    conversation = Conversation(bot, channel=CHANNEL)
    for index, turn in enumerate(story.turns):
        expected: list[Replies] = []
        failure: Exception | None = None
        try:
            _take(conversation, turn)
            if _one_fits(turn.response, conversation.replies, expected, bot.markup):
                continue
        except Exception as error:  # whatever a bot's code raises
            failure = error
        return Result(
            story=story,
            outcome=Outcome.FAILED if failure is None else Outcome.ERROR,
            turns=tuple(conversation.turns),
            index=index,
            expected=tuple(expected),
            error=failure,
        )
    return Result(story=story, outcome=Outcome.PASSED, turns=tuple(conversation.turns))


def _take(conversation: Conversation, turn: StoryTurn) -> None:
    if turn.utc_time is not None:
        conversation.at(turn.utc_time)
    if turn.rpc is not None:
        conversation.requests(turn.rpc)
    else:
        conversation.says(turn.message or {})


def _one_fits(responses: Sequence[Source], actual: Replies, expected: list[Replies], markup: BotMarkup) -> bool:
    """Read the alternatives one after the other until one fits; note them."""
    for response in responses:
        expected.append(_read(response, markup))
        if fits(expected[-1], actual):
            return True
    return False


def _read(response: Source, markup: BotMarkup) -> Replies:
    try:
        return markup.read_replies(response.text)
    except MaxMLError as error:
        raise response.error(f"this expectation is no reply: {error}", _line(response, error)) from None


def _line(response: Source, error: MaxMLError) -> int | None:
    return None if error.line is None else response.line(error.line)
