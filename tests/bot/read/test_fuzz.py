"""Whatever is in a bot's file, loading it ends in a bot or a BotError, and running it in replies or a TurnError."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.bot import MaxBot
from maxbot.errors import BotError, TurnError

YAML = (
    "dialog:§channels:§- condition: §  response: §\n§\n  § §|§>§'§\"§[§]§{§}§&a §*a§!ENV §${X}§!!str §---§...§%§\t§#"
    "§: §,§? §<<"
)
JINJA = (
    "{{§}}§{%§%}§{#§#}§if§endif§for x in y§set§message§.text§|§upper§is§odd§(§)§[§]§{§}§'§1§1e999§**§*§/§~§\n§ §\\§,§-"
    "§block b§endblock§macro m()§endmacro§{{ message.text }}§{% if message %}§{% endif %}§1 + 1§range(3)§self§super()"
)


def texts(parts: str, size: int, between: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(parts.split("§")), max_size=size).map(between.join)


def broken_line(bot_yaml: str) -> int | None:
    """Load a bot and send it a message; return the line that an error names, None if all is well."""
    try:
        bot = MaxBot.inline(bot_yaml)
        bot.process_message("hello")
    except BotError as error:
        assert error.line is not None  # noqa: PT017
        return error.line
    except TurnError as error:
        file, line, _ = str(error).split(":", 2)
        assert file == "<inline>"
        return int(line)
    return None


@settings(max_examples=300)
@given(st.text() | texts(YAML, 30, ""))
def test_any_text_is_a_bot_or_an_error(text: str) -> None:
    with suppress(BotError):
        MaxBot.inline(text)


@settings(max_examples=300)
@given(texts(JINJA, 12, " "))
def test_any_template_answers_or_names_the_line(text: str) -> None:
    block = text.replace("\n", "\n      ")
    line = broken_line(f"dialog:\n  - condition: true\n    response: |2\n      {block}\n")
    assert line is None or 3 <= line <= 5 + text.count("\n")


@settings(max_examples=300)
@given(texts(JINJA, 12, " "))
def test_any_condition_is_evaluated_or_names_the_line(text: str) -> None:
    block = text.replace("\n", "\n      ")
    line = broken_line(f"dialog:\n  - condition: |2\n      {block}\n    response: x\n")
    assert line is None or 2 <= line <= 4 + text.count("\n")
