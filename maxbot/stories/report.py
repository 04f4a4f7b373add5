"""What came of a story, for people."""

from collections.abc import Iterator

from maxbot.journal.console import lines
from maxbot.journal.record import make_record
from maxbot.stories.run import Outcome, Result
from maxbot.testing.replies import difference

EVERYTHING = 2


def explain(result: Result) -> str:
    """Return why a story did not pass: its place, the conversation so far and the difference; empty if it passed."""
    if result.turn is None or result.index is None:
        return ""
    return "\n".join([*_head(result), "", *_conversation(result), "", *_why(result)])


def _head(result: Result) -> Iterator[str]:
    assert result.turn is not None
    place = result.turn.place
    yield f"{place.document.file}:{place.line}: story {result.story.name!r}"


def _conversation(result: Result) -> Iterator[str]:
    """Yield what was said up to the turn that did not fit, and the journal of that turn."""
    for number, turn in enumerate(result.turns):
        is_last = number == result.index
        yield from lines(make_record(turn), EVERYTHING if is_last else 0)


def _why(result: Result) -> Iterator[str]:
    if result.outcome is Outcome.FAILED:
        yield f"Mismatch at step [{result.index}]"
        yield difference(result.expected, result.turns[-1].commands)
        return
    yield f"Error at step [{result.index}]"
    if result.error is not result.turns[-1].error:  # the bot's own error is in the journal above
        yield str(result.error)
