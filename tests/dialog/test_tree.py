import asyncio
from typing import Any

import pytest

from maxbot.bot import MaxBot
from maxbot.errors import TurnError
from maxbot.types import Dialog, Turn

TREE = """
dialog:
  - condition: no
    response: no is a name that nobody defined
  - condition: false
    response: never
  - condition: message.text == 'empty'
    response:
  - condition: message.text == 'blank'
    response: "  {{ '' }} "
  - condition: message.text == 'who'
    label: who
    response: "{{ dialog.user_id }} on {{ dialog.channel_name }}"
  - condition: message.text == 'count'
    response: |
      {% do user.update(n=user.n|default(0) + 1) %}
      {{ user.n }}
  - condition: message.text == 'slot'
    response: |
      {% do slots.update(a=[1]) %}
  - condition: message.text == 'wrong state'
    response: |
      {% do user.update(n=range(3)) %}
  - condition: message.text == 'fail'
    response: |
      first

      {{ user.nothing }}
  - condition: message.text
    response: "{{ message.text }}"
  - condition: message.image
    response: Nice picture.
"""


def run(message: dict[str, Any], state: dict[str, Any] | None = None) -> Turn:
    return asyncio.run(MaxBot.inline(TREE).run_turn(message, Dialog("web", "ada"), state or {}))


def test_the_first_node_whose_condition_is_true_answers() -> None:
    assert run({"text": "who"}) == Turn([{"text": "ada on web"}], {})
    assert run({"text": "else"}) == Turn([{"text": "else"}], {})


def test_a_picture_is_no_text() -> None:
    assert run({"image": {"url": "http://example.com/a.png"}}) == Turn([{"text": "Nice picture."}], {})


def test_nothing_matches_and_nothing_is_said() -> None:
    assert run({"location": {"latitude": 1.5}}) == Turn([], {})


@pytest.mark.parametrize("text", ["empty", "blank", "slot"])
def test_an_empty_response_is_no_reply(text: str) -> None:
    assert run({"text": text}).commands == []


def test_user_and_slots_are_kept_beside_what_else_is_in_the_state() -> None:
    state: dict[str, Any] = {"user": {"n": 4}, "other": 1}
    assert run({"text": "count"}, state) == Turn([{"text": "5"}], {"other": 1, "user": {"n": 5}})
    assert state == {"user": {"n": 4}, "other": 1}
    assert run({"text": "slot"}, state).state == {"user": {"n": 4}, "other": 1, "slots": {"a": [1]}}


def test_a_state_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(TurnError, match=r"state\['user'\]\['n'\] is of type range"):
        run({"text": "wrong state"})


def test_an_error_names_the_line_in_the_file() -> None:
    line = TREE.split("\n").index("      {{ user.nothing }}") + 1
    with pytest.raises(TurnError, match=rf"^<inline>:{line}: 'dict object' has no attribute 'nothing'"):
        run({"text": "fail"})


def test_what_the_user_says_is_no_template() -> None:
    assert run({"text": "{{ 1 / 0 }}"}).commands == [{"text": "{{ 1 / 0 }}"}]
