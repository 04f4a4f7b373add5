"""Whatever is in a bot's file, loading it ends in a bot or a BotError, and running it in replies or a TurnError."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maxbot.bot import MaxBot
from maxbot.bot.read.bot import read_inline
from maxbot.errors import BotError, TurnError
from tests.support import examples

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


@settings(max_examples=examples(300))
@given(st.text() | texts(YAML, 30, ""))
def test_any_text_is_a_bot_or_an_error(text: str) -> None:
    with suppress(BotError):
        MaxBot.inline(text)


@settings(max_examples=examples(300))
@given(texts(JINJA, 12, " "))
def test_any_template_answers_or_names_the_line(text: str) -> None:
    block = text.replace("\n", "\n      ")
    line = broken_line(f"dialog:\n  - condition: true\n    response: |2\n      {block}\n")
    assert line is None or 3 <= line <= 5 + text.count("\n")


@settings(max_examples=examples(300))
@given(texts(JINJA, 12, " "))
def test_any_condition_is_evaluated_or_names_the_line(text: str) -> None:
    block = text.replace("\n", "\n      ")
    line = broken_line(f"dialog:\n  - condition: |2\n      {block}\n    response: x\n")
    assert line is None or 2 <= line <= 4 + text.count("\n")


DEEP = settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

KEYS = (
    "extensions channels intents entities rpc dialog condition response label followup slot_filling slot_handlers "
    "settings subtree name examples values phrases regexps method params required check_for prompt found not_found "
    "value telegram web type api_token rest services babel tz after_digression_followup << ~ x"
)
NAMES = st.sampled_from(KEYS.split())
SCALARS = NAMES | st.sampled_from(
    [
        "true",
        "no",
        "''",
        "'{{ x }}'",
        "'{% if %}'",
        "1e999",
        "!ENV ${X}",
        "!!str 1",
        "!what x",
        "*a",
        "&a x",
        "'<end/>'",
    ]
)


def flow(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, tuple):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value) + "}"
    return str(value)


TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(NAMES, inner), max_size=5).map(tuple),
    max_leaves=40,
)


@DEEP
@given(st.lists(st.tuples(NAMES, TREES), max_size=6).map(tuple))
def test_any_tree_of_keys_is_a_bot_or_mistakes_that_have_places(sections: tuple[tuple[str, object], ...]) -> None:
    text = flow(sections) + "\n"
    try:
        MaxBot.inline(text)
    except BotError as error:
        for mistake in error.mistakes:
            assert mistake.file == "<inline>"
            assert mistake.line == 1
            assert mistake.column is None or 1 <= mistake.column <= len(text)
            assert mistake.message


@DEEP
@given(
    st.sampled_from(["[", "{a: ", "- ", "? ", "[a, [", "{? [", "&a [*a, ", "!!seq [", "dialog: ["]),
    st.integers(1, 20_000),
)
def test_deep_nesting_is_refused_at_once(part: str, times: int) -> None:
    with suppress(BotError):
        read_inline("dialog: " + part * times, lambda extensions: None)
    with suppress(BotError):
        read_inline("dialog:\n  " + part * times, lambda extensions: None)


@DEEP
@given(
    st.lists(
        st.tuples(st.integers(2, 12), st.sampled_from(["[{}]", "{{a: [{}]}}", "[[{}]]"])), min_size=1, max_size=40
    ),
    st.sampled_from(["dialog", "intents", "extensions", "x"]),
)
def test_aliases_of_aliases_cost_no_more_than_their_limit(levels: list[tuple[int, str]], section: str) -> None:
    lines = [f"{section}: &a0 [x, x]"]
    for number, (times, form) in enumerate(levels, 1):
        lines.append(f"k{number}: &a{number} " + form.format(", ".join([f"*a{number - 1}"] * times)))
    with pytest.raises(BotError):
        read_inline("\n".join(lines) + f"\ndialog: *a{len(levels)}\n", lambda extensions: None)


@pytest.mark.parametrize(
    "bot_yaml",
    [
        "dialog: [{condition: true, response: '" + "x" * 3_000_000 + "'}]\n",
        "dialog: [{condition: " + "1" * 300_000 + ", response: x}]\n",
        "rpc: [{method: a, params: [{name: b, required: " + "9" * 3_000_000 + "}]}]\n",
        "'" + "x" * 1_000_000 + "': y\n",
        "{" + "a: b, " * 100_000 + "}\n",
        "{" + "".join(f"a{number}: b, " for number in range(50_000)) + "}\n",
        "dialog:\n" + "  - {condtion: x}\n" * 20_000,
        "dialog: [" + "!x y, " * 50_000 + "]\n",
        'dialog: "' + "x\n" * 300_000,
        "dialog:\n" + "  - {condition: 'true', response: ''}\n" * 5_000 + "  - }",
        "intents:\n  - name: &t '" + "x" * 100_000 + "'\n    examples: [" + "*t," * 10_000 + "]\n",
    ],
    ids=lambda text: text[:20],
)
def test_huge_files_end(bot_yaml: str) -> None:
    try:
        MaxBot.inline(bot_yaml)
    except BotError as error:
        assert error.line is not None  # noqa: PT017
        assert len(str(error)) < 50_000  # noqa: PT017


def test_a_hundred_thousand_nodes_are_a_bot() -> None:
    nodes = "".join(f"  - {{condition: rpc, response: x, label: l{number}}}\n" for number in range(100_000))
    bot = read_inline(f"dialog:\n{nodes}", lambda extensions: None)
    assert len(bot.dialog) == 100_000


def test_thousands_of_nodes_are_compiled_and_the_last_one_answers() -> None:
    """3,000 nodes; full: 60,000."""
    count = examples(3_000)
    nodes = "".join(
        f"  - {{condition: message.text == 'w{number}', response: x{number}, label: l{number}}}\n"
        for number in range(count)
    )
    bot = MaxBot.inline(f"dialog:\n{nodes}")
    assert bot.process_message(f"w{count - 1}") == [{"text": f"x{count - 1}"}]
    assert bot.process_message("else") == []
