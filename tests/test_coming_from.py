"""What docs/howto/coming-from-maxbot-0.3.md says of this maxbot is so, claim by claim."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import maxbot
from maxbot import BotError, MaxBot
from maxbot.errors import MaxBotError
from maxbot.settings import Settings
from maxbot.testing import Conversation

ROOT = Path(maxbot.__file__).parent.parent
PAGE = (ROOT / "docs" / "howto" / "coming-from-maxbot-0.3.md").read_text()


def user(response: str, condition: str = "true") -> Conversation:
    """Return a user of a bot with one node."""
    dialog = [{"condition": condition, "response": response}]
    return Conversation(MaxBot.inline(json.dumps({"dialog": dialog})), utc_time=datetime(2024, 5, 14, 9, 30))


def test_the_recorded_bots_and_messages_are_counted() -> None:
    cases = [json.loads(file.read_text()) for file in (ROOT / "tests" / "conformance" / "cases").glob("*.json")]
    messages = sum(len(talk["turns"]) for case in cases for talk in case["conversations"])
    assert f"{len(cases)} bots with {messages} messages" in PAGE


@pytest.mark.parametrize(
    ("response", "said", "answered"),
    [
        ("{{ message.text|nl2br }}", "a <b>\nc", "a <b>\nc"),
        ("{% set user.n = entities.number.value %}{{ user.n }}", "2.5", "2.5"),
        ("{{ message.text }}", "a\x07b", "ab"),
        ("{{ entities.date.value }} {{ entities.time.value }}", "tomorrow at 10 am", "2024-05-15 10:00:00"),
        ("{{ entities.time.value }}", "7am", "07:00:00"),
    ],
)
def test_what_is_better_in_answers(response: str, said: str, answered: str) -> None:
    user(response).says(said).expects({"text": answered})


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ("{{ ''.__class__ }}", "unsafe"),
        ("{% set user.now = utc_time %}", r"inline>:1: .*isoformat"),
        ("{% for i in range(1000) %}{% for j in range(1000) %}{% endfor %}{% endfor %}", "more than 100000 rounds"),
        ("{{ 'x' * 100000 }}", "longer than 65536"),
    ],
)
def test_the_limits_of_templates(response: str, error: str) -> None:
    with pytest.raises(MaxBotError, match=error):
        user(response).says("x")


def test_jumps_without_end_stop_after_500_nodes() -> None:
    dialog = [{"condition": "true", "label": "a", "response": '<jump_to node="a" transition="response"/>'}]
    with pytest.raises(MaxBotError, match="500 nodes have run"):
        MaxBot.inline(json.dumps({"dialog": dialog})).process_message("x")


def test_a_failed_turn_stays_in_its_place_until_the_third_in_a_row() -> None:
    bot = MaxBot.inline("""
dialog:
  - condition: message.text == 'lunch'
    label: lunch
    response: "{% set user.here = true %}soup or salad?"
    followup: [{condition: true, response: "{% set user.half = true %}{{ nobody }}"}]
""")
    bot.process_message("lunch")
    for _ in range(3):
        with pytest.raises(MaxBotError, match="nobody"):
            bot.process_message("soup")
    assert bot.process_message("soup") == []  # nothing waits any more


def test_all_mistakes_are_told_with_their_places() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline("dialog: [{condition: true, respons: x}]\nintents: [{name: a}]")
    told: Any = raised.value.mistakes
    assert {(mistake.line, "examples" in str(mistake)) for mistake in told} == {(1, False), (2, True)}


def test_from_file_takes_a_text(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("dialog: [{condition: true, response: hi}]")
    assert MaxBot.from_file(str(tmp_path / "bot.yaml")).process_message("x") == [{"text": "hi"}]


def test_the_defaults_that_are_named() -> None:
    settings = Settings()
    assert settings.reload is False
    assert settings.turn_timeout == 300
    assert "300 seconds (`MAXBOT_TURN_TIMEOUT`)" in PAGE


def test_a_coroutine_in_a_condition_is_found_when_the_bot_is_loaded() -> None:
    builder = MaxBot.builder()

    @builder.template_filter()
    async def slow(text: str) -> str:
        return text

    builder.use_inline_resources("dialog: [{condition: message.text|slow, response: x}]")
    with pytest.raises(BotError, match="coroutine"):
        builder.build()


def test_a_state_store_does_no_harm() -> None:
    builder: Any = MaxBot.builder()
    builder.state_store = object()
    builder.use_inline_resources("dialog: [{condition: true, response: hi}]")
    assert builder.build().process_message("x") == [{"text": "hi"}]


@pytest.mark.parametrize(
    "options",
    [
        "telegram: {api_token: '1:a', timeout: {default: 5, read: 20}, limits: {max_connections: 10}}",
        "viber: {api_token: a, name: Kettle, timeout: 7, limits: {keepalive_expiry: 3}}",
        "facebook: {app_secret: a, access_token: b, timeout: 7}",
        "vk: {access_token: a, group_id: 7, secret_key: b, server_title: X, limits: {max_connections: 3}}",
    ],
)
def test_keys_of_channels_are_those_of_before(options: str) -> None:
    assert MaxBot.inline(f"channels: {{{options}}}").channels
