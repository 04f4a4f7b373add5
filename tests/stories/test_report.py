"""What an author reads when a story fails."""

from maxbot.bot import MaxBot
from maxbot.bot.read.stories import read_stories
from maxbot.dialog.source import Document
from maxbot.stories.report import explain
from maxbot.stories.run import run_story

BOT = MaxBot.inline("""
dialog:
  - condition: message.text == 'lunch'
    label: lunch
    response: "{{ 'Anyway: ' if returning }}soup or salad?"
    followup: [{condition: message.text == 'soup', response: Tomato soup.}]
  - {condition: message.text == 'price', response: Seven coins.}
  - {condition: message.text == 'broken', response: "{{ nobody }}"}
""")


def report(stories: str) -> str:
    (story,) = read_stories(Document("stories.yaml", stories))
    return explain(run_story(BOT, story))


def test_a_difference_is_shown_with_its_place_the_conversation_and_a_mark() -> None:
    text = report("""
- name: lunch
  turns:
    - message: lunch
      response: Soup or salad?
""")
    assert text.startswith("stories.yaml:4: story 'lunch'\n")
    assert text.endswith("""
Mismatch at step [0]
Expected:
  <text>Soup or salad?</text>
Actual:
  <text>soup or salad?</text>
        ^""")


def test_the_turns_before_are_shown_and_the_journal_of_the_last_one() -> None:
    text = report("""
- name: price
  turns:
    - {message: lunch, response: soup or salad?}
    - {message: price, response: [Seven coins., Eight coins.]}
""")
    shown = [line.partition("stories:")[2].partition(" ")[2] or line.strip() for line in text.split("\n")]
    assert shown.index("🧑 lunch") < shown.index("🤖 soup or salad?") < shown.index("🧑 price")
    assert "· digression_from lunch" in shown
    assert "· tried: message.text == 'lunch'; message.text == 'price' ✓" in shown
    assert text.count("-or-") == 1
    assert text.endswith("""
Actual:
  <text>Seven coins.</text>
  <text>Anyway: soup or salad?</text>
  ^""")


def test_what_is_missing_is_marked_at_the_end() -> None:
    text = report("- {name: more, turns: [{message: price, response: '<text>Seven coins.</text><text>Cash.</text>'}]}")
    assert text.endswith("Actual:\n  <text>Seven coins.</text>\n  ^ more is expected here")
    text = report("- {name: silence, turns: [{message: hm, response: Hm?}]}")
    assert text.endswith("Expected:\n  <text>Hm?</text>\nActual:\n  (nothing)\n  ^")


def test_a_bot_that_fails_is_shown_with_its_line_once() -> None:
    text = report("- {name: broken, turns: [{message: broken, response: x}]}")
    assert text.count("'nobody' is undefined") == 1
    assert "<inline>:8" in text
    assert text.endswith("Error at step [0]")


def test_an_expectation_that_cannot_be_read_has_its_line() -> None:
    text = report("- name: wrong\n  turns:\n  - message: price\n    response: |\n      Seven\n      <unknown/>\n")
    assert "stories.yaml:6" in text
    assert "<unknown> is no command" in text


def test_a_story_that_passes_needs_no_words() -> None:
    assert report("- {name: price, turns: [{message: price, response: Seven coins.}]}") == ""
