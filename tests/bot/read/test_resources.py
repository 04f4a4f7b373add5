import re
from pathlib import Path

import pytest

from maxbot.bot.read.resources import Mapping, Scalar, Sequence, Value, read_text, read_yaml
from maxbot.errors import BotError


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
    assert len(value.lines) >= len(lines)
    for begin, expected in text_lines.items():
        index = next(number for number, line in enumerate(lines) if line.strip().startswith(begin))
        assert value.lines[index] == expected


def test_environment_variables_are_put_into_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_NAME", "Ada")
    monkeypatch.delenv("BOT_NOTHING", raising=False)
    root = mapping(
        "a: !ENV ${BOT_NAME}\nb: !ENV 'I am ${BOT_NAME}, ${BOT_NOTHING:a bot}.'\n"
        "c: ${BOT_NAME}\nd: !ENV ${BOT_NOTHING:}\n"
    )
    assert [scalar(value).text for value in root.entries.values()] == ["Ada", "I am Ada, a bot.", "${BOT_NAME}", ""]


def test_a_value_of_the_environment_is_not_searched_for_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_NAME", "${BOT_NAME}")
    assert scalar(mapping("a: !ENV ${BOT_NAME}\n").entries["a"]).text == "${BOT_NAME}"


@pytest.mark.parametrize("text", ["${", "${1A}", "${A B}", "${}"])
def test_a_variable_written_wrong_is_refused(text: str) -> None:
    with pytest.raises(BotError, match="a variable is written like"):
        read_yaml(f"a: !ENV '{text}'\n", "bot.yaml")


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        ("a: &x [*x]\n", "contains itself", 1, 4),
        ("? [a, b]\n: c\n", "a key is a plain text", 1, 3),
        ("!ENV a: b\n", "a key is a plain text", 1, 1),
        ("a: !ENV {b: c}\n", "!ENV is not supported", 1, 4),
        ("a: !!set {b}\n", "!!set is not supported", 1, 4),
        ("a: b\n\x07: c\n", r"U\+0007", 2, 1),
        ("a: {b\n", "expected ',' or '}'", 2, 1),
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
        read_yaml("\n".join(levels), "bot.yaml")


def test_a_few_aliases_are_fine() -> None:
    root = mapping("a: &a {b: c}\nd: [*a, *a]\n")
    assert isinstance(root.entries["d"], Sequence)
    assert root.entries["d"].items == [root.entries["a"]] * 2


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(BotError, match="nested too deeply"):
        read_yaml("[" * 5000 + "]" * 5000, "bot.yaml")


def test_a_misspelt_key_has_a_suggestion() -> None:
    with pytest.raises(BotError, match="unknown key 'conditoin', did you mean 'condition'") as caught:
        mapping("x: 1\nconditoin: y\n").check_keys(required=["x"], optional=["condition"])
    assert str(caught.value).split("\n")[1:] == ["    conditoin: y", "    ^"]


def test_a_key_of_a_later_version_is_said_to_be_one() -> None:
    with pytest.raises(BotError, match="'followup' is not supported by this version"):
        mapping("followup: []\n").check_keys(optional=["a"], unsupported=["followup"])


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
