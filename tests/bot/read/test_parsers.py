"""The fast parser and the slow one read the same, with the same places."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from maxbot.bot.read import resources
from maxbot.bot.read.mistakes import Mistakes
from maxbot.bot.read.values import Mapping, Scalar, Sequence, Value
from maxbot.dialog.source import Document
from maxbot.errors import BotError

CASES = Path(__file__).parents[2] / "conformance" / "cases"

FORMS = """\
plain: a b
  c

  d
"double": "a\\n b
   c"
'single': 'it''s

  so'
literal: |+
  a

   b

folded: >-
  a
  b

    c
empty:
nothing: ''
list:
- a
-
- [b, {c: d}, , ]
? key
: value
anchors: [&a x, *a, &b {c: *a}, *b]
tags: [!!str 1, !!seq [], !!map {}]
unicode: "äöü 🎈 \\u2028 x"
after: x
"""


def texts() -> Iterator[str]:
    yield FORMS.replace(" , ]", "]")
    yield FORMS.replace(" , ]", "]").replace("\n", "\r\n")
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text())
        files = case.get("files", {"bot.yaml": case.get("bot_yaml")})
        yield from (text for name, text in files.items() if name.endswith(".yaml"))


def shape(value: Value | None) -> object:
    if isinstance(value, Scalar):
        source = value.source()
        return value.text, str(value.place), value.style, value.tagged, source.lines
    if isinstance(value, Sequence):
        return str(value.place), [shape(item) for item in value.items]
    if isinstance(value, Mapping):
        return str(value.place), [(key, str(value.keys[key]), shape(item)) for key, item in value.entries.items()]
    return value


def read(loader: object, text: str, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(resources, "_Fast", loader)
    mistakes = Mistakes()
    value = resources.read_yaml(Document("bot.yaml", text), mistakes)
    mistakes.raise_if_any()
    return shape(value)


@pytest.mark.parametrize("number", range(len(list(texts()))))
def test_both_parsers_read_the_same(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = list(texts())[number]
    fast, slow = resources._Fast, resources._Slow
    assert fast is not slow, "PyYAML has no libyaml here"
    assert read(fast, text, monkeypatch) == read(slow, text, monkeypatch)


def test_an_error_in_a_large_file_is_that_of_the_fast_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "SLOW_PARSER_LIMIT", 10)
    with pytest.raises(BotError) as caught:
        read(resources._Fast, "dialog:\n  - condition: message.text\n   response: hello\n", monkeypatch)
    assert caught.value.line == 3
