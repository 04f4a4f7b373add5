import re
from pathlib import Path

import pytest

from maxbot.bot.read import resources
from maxbot.bot.read.mistakes import Mistakes
from maxbot.bot.read.resources import read_text
from maxbot.bot.read.values import Mapping, Scalar, Sequence, Value
from maxbot.dialog.source import Document
from maxbot.errors import BotError


def read_yaml(text: str, file: str = "bot.yaml") -> Value | None:
    """Return the value of a text; raise its mistakes."""
    mistakes = Mistakes()
    value = resources.read_yaml(Document(file, text), mistakes)
    mistakes.raise_if_any()
    return value


def mapping(text: str) -> Mapping:
    value = read_yaml(text, "bot.yaml")
    assert isinstance(value, Mapping)
    return value


def scalar(value: Value) -> Scalar:
    assert isinstance(value, Scalar)
    return value


@pytest.mark.parametrize("text", ["yes", "42", "1.50", "2024-01-02", "~", "0x1F", "=", "123456:ABC-def"])
def test_a_scalar_means_what_is_written(text: str) -> None:
    assert scalar(mapping(f"key: {text}\n").entries["key"]).text == text


def test_every_value_knows_its_place() -> None:
    root = mapping("# first\nlist:\n  - one\n  -   two\nflow: {a: 1,  b: [x, y]}\n")
    items = root.entries["list"]
    assert isinstance(items, Sequence)
    assert [(item.place.line, item.place.column) for item in items.items] == [(3, 5), (4, 7)]
    flow = root.entries["flow"]
    assert isinstance(flow, Mapping)
    assert (flow.keys["b"].line, flow.keys["b"].column) == (5, 15)
    inner = flow.entries["b"]
    assert isinstance(inner, Sequence)
    assert inner.items[1].place.column == 22


@pytest.mark.parametrize(
    ("text", "text_lines"),
    [
        ("key: plain\n", {"plain": 1}),
        ("key: |\n  one\n  two\n\n  four\n", {"one": 2, "two": 3, "four": 5}),
        ("# above\nkey: |2-\n    one\n  two\n", {"one": 3, "two": 4}),
        ("key: |\n\n\n  three\n", {"three": 4}),
        ("key: >\n  folded\n  text\n\n  second\n  par\n", {"folded": 2, "second": 5}),
        ("key: plain\n  goes\n\n  on\n", {"plain": 1, "on": 4}),
        ("key: 'it''s\n\n  quoted'\n", {"it's": 1, "quoted": 3}),
        ('key: "a\\nb"\n', {"a": 1, "b": 1}),
    ],
)
def test_each_line_of_a_text_knows_its_line_in_the_file(text: str, text_lines: dict[str, int]) -> None:
    value = scalar(mapping(text).entries["key"])
    lines = value.text.split("\n")
    assert len(value.source().lines) >= len(lines)
    for begin, expected in text_lines.items():
        index = next(number for number, line in enumerate(lines) if line.strip().startswith(begin))
        assert value.source().lines[index] == expected


def test_environment_variables_are_put_into_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_NAME", "Ada")
    monkeypatch.delenv("BOT_NOTHING", raising=False)
    root = mapping(
        "a: !ENV ${BOT_NAME}\nb: !ENV 'I am ${BOT_NAME}, ${BOT_NOTHING:a bot}.'\n"
        "c: ${BOT_NAME}\nd: !ENV ${BOT_NOTHING:}\ne: !ENV ${BOT_NOTHING:http://x:80/}\n"
    )
    assert [scalar(value).text for value in root.entries.values()] == [
        "Ada",
        "I am Ada, a bot.",
        "${BOT_NAME}",
        "${BOT_NOTHING:}",
        "http://x:80/",
    ]


def test_a_variable_may_be_empty_and_in_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_EMPTY", "")
    root = mapping("a: !ENV ${BOT_EMPTY:x}\n!ENV 'k${BOT_EMPTY}': v\n")
    assert {key: scalar(value).text for key, value in root.entries.items()} == {"a": "", "k": "v"}


def test_a_value_of_the_environment_is_not_searched_for_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_NAME", "${BOT_NAME}")
    assert scalar(mapping("a: !ENV ${BOT_NAME}\n").entries["a"]).text == "${BOT_NAME}"


@pytest.mark.parametrize("text", ["${", "${}", "$X", "${:x}"])
def test_what_is_no_variable_stays_as_it_is(text: str) -> None:
    assert scalar(mapping(f"a: !ENV '{text}'\n").entries["a"]).text == text


def test_all_variables_that_are_not_set_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOT_A", "BOT_B", " BOT_A "):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BotError) as caught:
        read_yaml("a: !ENV '${BOT_A} ${BOT_B}'\nb: !ENV '${ BOT_A }'\n")
    assert [(mistake.line, mistake.column) for mistake in caught.value.mistakes] == [(1, 4), (1, 4), (2, 4)]
    assert "BOT_B" in caught.value.mistakes[1].message


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: &x [*x]\n", "contains itself", 1, 4),
        ("? [a, b]\n: c\n", "a key is a text", 1, 3),
        ("a: !ENV {b: c}\n", "!ENV stands before a text", 1, 4),
        ("a: !!set {b}\n", "!!set is not supported", 1, 4),
        ("a: b\n\x07: c\n", r"U\+0007", 2, 1),
        ("a: {b\n", "the bracket is not closed", 2, 1),
        ("a: !<tag:yaml.org,2002:python/object/apply:os.system> [id]\n", "not supported", 1, 4),
        ("%YAML 9.9\n---\na: b\n", "version", 1, 1),
    ],
)
def test_what_is_not_our_yaml_is_refused_with_its_place(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(BotError, match=message) as caught:
        read_yaml(text, "bot.yaml")
    assert (caught.value.line, caught.value.column) == (line, column)


def test_aliases_that_stand_for_too_many_values_are_refused() -> None:
    # A million: enough to be refused, and few enough to fit into memory should nothing refuse them.
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    with pytest.raises(BotError, match="aliases of this file stand for more than"):
        read_yaml("\n".join(levels))


def test_a_few_aliases_are_fine() -> None:
    root = mapping("a: &a {b: c}\nd: [*a, *a]\n")
    assert isinstance(root.entries["d"], Sequence)
    assert root.entries["d"].items == [root.entries["a"]] * 2


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(BotError, match="nested too deeply"):
        read_yaml("[" * 5000 + "]" * 5000, "bot.yaml")


def test_a_file_that_is_not_utf8_is_refused_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_bytes(b"a: b\nc: caf\xe9\n")
    with pytest.raises(BotError, match="not UTF-8") as caught:
        read_text(file)
    assert (caught.value.line, caught.value.column) == (2, 7)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(BotError, match=re.escape("cannot read this file: No such file")):
        read_text(tmp_path / "nothing.yaml")


def test_a_byte_order_mark_is_no_part_of_the_bot(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: b\n")
    assert read_text(file) == "a: b\n"
