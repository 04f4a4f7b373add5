"""Whatever an author writes is compiled or refused, and whatever runs ends: with a text, or with a named error."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from maxbot.bot import MaxBot
from maxbot.dialog.limits import SIZE_LIMIT, Budget, current_budget
from maxbot.dialog.source import Document, Place, Source
from maxbot.dialog.templates import Templates
from maxbot.errors import BotError
from tests.support import examples

NAMES = ["message", "message.text", "user.x", "slots", "l", "d", "n", "nobody", "loop.index", "x", "range", "namespace"]
VALUES = ["1", "0", "-1", "9999999", "'a'", "'<b>'", "none", "true", "[]", "[1, 2]", "{'a': 1}", "(1,)", "1.5"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", " in ", " and ", " or ", " not in ", " is ", "|", "."]
FILTERS = Templates().environment.filters
TESTS = Templates().environment.tests
METHODS = ["join", "center", "replace", "format", "split", "append", "update", "items", "get", "__class__", "text"]

words = st.sampled_from([*NAMES, *VALUES, *OPERATORS, *FILTERS, *TESTS, *METHODS, "(", ")", "[", "]", ",", ":", "if"])


def joined(parts: tuple[str, ...]) -> str:
    return "".join(parts)


expressions = st.recursive(
    st.sampled_from([*NAMES, *VALUES]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(OPERATORS[:14]), inner).map(joined)
        | st.tuples(inner, st.just("|"), st.sampled_from(list(FILTERS)), st.just("("), inner, st.just(")")).map(joined)
        | st.tuples(inner, st.just("|"), st.sampled_from(list(FILTERS))).map(joined)
        | st.tuples(inner, st.just("."), st.sampled_from(METHODS), st.just("("), inner, st.just(")")).map(joined)
        | st.tuples(st.just("("), inner, st.just(")["), inner, st.just("]")).map(joined)
    ),
    max_leaves=6,
)
soup = st.lists(words, max_size=12).map("".join)
anything = expressions | soup | st.text(max_size=20)
statements = st.recursive(
    st.builds("{{{{ {} }}}}".format, anything)
    | st.builds("{{% set n.x = {} %}}".format, expressions)
    | st.text(max_size=5),
    lambda inner: (
        st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, anything, inner)
        | st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, anything, inner, inner)
        | st.builds("{{% set user.x = {} %}}{}".format, anything, inner)
        | st.builds("{{% set user.x %}}{}{{% endset %}}".format, inner)
        | st.builds("{{% delete user.x %}}{{% debug {} %}}{}".format, anything, inner)
        | st.builds("{{% macro m(x) %}}{}{{% endmacro %}}{{{{ m({}) }}}}".format, inner, anything)
        | st.builds("{}{}".format, inner, inner)
        | st.builds("{}{{% {} %}}".format, inner, soup)
    ),
    max_leaves=5,
)


def source(text: str) -> Source:
    count = len(text.splitlines()) + 1
    return Source(text, Place(Document("bot.yaml"), 1, 1), tuple(range(1, count + 1)))


def names() -> dict[str, Any]:
    return {"message": {"text": "hello"}, "l": [3, 1], "d": {"k": [1]}, "n": 7}


def check(error: Exception) -> None:
    assert "bot.yaml:" in str(error)


slow = settings(deadline=None, max_examples=examples(150), suppress_health_check=[HealthCheck.too_slow])


@slow
@given(statements)
def test_any_template_ends(text: str) -> None:
    templates = Templates()
    budget = current_budget.set(Budget())
    try:
        rendered = asyncio.run(templates.template(source(text)).render(templates.scope(names()).names))
        assert len(rendered) <= SIZE_LIMIT
    except BotError as error:
        check(error)
    finally:
        current_budget.reset(budget)


@slow
@given(anything)
def test_any_expression_ends(text: str) -> None:
    templates = Templates()
    try:
        templates.expression(source(text)).compile().holds(templates.scope(names()))
    except BotError as error:
        check(error)


BOT = MaxBot.inline("""
dialog:
  - condition: message.text and message.text|length < 3
    label: ask
    slot_filling:
      - {name: x, check_for: slot_in_focus and message.text, prompt: "What {{ message.text }}?", found: "{{ slots.x }}"}
    response: "<text>{{ slots.x }}</text><image url='http://example.org/{{ slots.x|urlencode }}'/>"
  - condition: message.text|int > 5 or message.text|float > 5
    response: "{{ message.text }} {{ message.text|upper }} {{ message.text|nl2br }} {{ message.text|list|length }}"
  - {condition: true, response: "{% set user.last = message.text %}{{ user.last|default('') }}"}
""")
texts = (
    st.text()
    | st.text(st.characters(codec="utf-8", max_codepoint=0x20))
    | st.integers(1, 16_000).map(lambda n: "9" * n)
)


@slow
@example(["9" * 400])  # more than a float holds
@given(st.lists(texts | st.sampled_from(["<end/>", "{{ 1/0 }}", "&amp;", "]]>", "<!--", "\x00\ud800"]), max_size=5))
def test_whatever_a_user_says_is_a_value(said: list[str]) -> None:
    for text in said:
        assert isinstance(BOT.process_message(text), list)
