"""What people write wrong most often gets words that say what to do."""

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import BotError

NODE = "dialog:\n  - condition: true\n    response: "


@pytest.mark.parametrize(
    ("bot_yaml", "advice", "line"),
    [
        (NODE + "{{ message.text }}\n", "put the text into quotes or below a |", 3),
        (NODE + "{{ message.text }} and more\n", "put the text into quotes or below a |", 3),
        (NODE + "{% if user.x %}hello{% endif %}\n", "put the text into quotes or below a |", 3),
        ("dialog:\n  - condition: {{ message.text }}\n    response: x\n", "a condition is written without braces", 2),
        ("dialog:\n  - condition: '{{ message.text }}'\n    response: x\n", "an expression, which has no braces", 2),
        (NODE + "Note: it is late\n", "a text with ': ' in it is put into quotes", 3),
        ("dialog:\n\t- condition: true\n", "indent with spaces, not with tabs", 2),
        ("dialog:\n  - condition: true\n   response: x\n", "indented otherwise", 3),
        ("dialog:\n  - condition: message.text\n     response: x\n", "indented otherwise", 3),
        ("dialog:\n  - condition: message.text = 'a'\n    response: x\n", "equality is ==", 2),
        (NODE + "'hello' you\n", "nothing may follow a closing quote", 3),
        (NODE + '"hello\n', "the quote is not closed", 4),
        (NODE + "@you are here\n", "a text that begins with this character is put into quotes", 3),
        (NODE + "*very* good\n", "a text that begins with * or & is put into quotes", 3),
        (NODE + "!important\n", "a text that begins with ! is put into quotes", 3),
        (NODE + '"C:\\dir"\n', "a backslash is written", 3),
        ("dialog:\n  - condition: true\n    response\n    label: x\n", "a key has ': ' behind it", 4),
        ("dialog: [{condition: true, response: x]\n", "the bracket is not closed", 1),
    ],
)
def test_the_commonest_mistakes_are_told_what_to_do(bot_yaml: str, advice: str, line: int) -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline(bot_yaml)
    assert advice in caught.value.message
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("bot_yaml", "expected"),
    [
        (NODE + "\n    followup:\n", "'followup' has no value, expected: a list of nodes"),
        ("dialog:\n  - condition:\n    response: x\n", "'condition' is empty, expected: an expression"),
        ("intents: {a: b}\n", "'intents' is a mapping, expected: a list of intents"),
        ("dialog: [x]\n", "is a text, expected: a node, a mapping: 'condition: ...', 'response: ...'"),
        (NODE + "[a, b]\n", "'response' is a list, expected: a text; several lines stand below a |"),
        (NODE + "x\n    settings: {after_digression_followup: never}\n", "did you mean 'never_return'"),
        (NODE + "x\n    slot_filling: []\n", "a node with 'slot_filling' needs a label"),
    ],
)
def test_a_mistake_says_what_was_expected(bot_yaml: str, expected: str) -> None:
    with pytest.raises(BotError) as caught:
        MaxBot.inline(bot_yaml)
    assert expected in caught.value.message
