import asyncio
import re
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader
from markupsafe import escape

from maxbot.dialog.limits import SIZE_LIMIT, Budget, current_budget
from maxbot.dialog.source import Document, Place, Source
from maxbot.dialog.templates import Templates
from maxbot.errors import BotError, TurnError

# Texts that mean something to Jinja where they are source.
JINJA_TEXTS = st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "{#", "1/0", " ", "\n", "x", "é"])).map("".join)


def source(text: str, first_line: int = 7) -> Source:
    count = text.count("\n") + 1
    return Source(text, Place(Document("bot.yaml"), first_line, 5), tuple(range(first_line, first_line + count)))


def render(text: str, **names: Any) -> str:
    templates = Templates()
    return asyncio.run(templates.template(source(text)).render(templates.scope(names).names))


def holds(text: str, **names: Any) -> bool:
    templates = Templates()
    return templates.expression(source(text)).compile().holds(templates.scope(names))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  hello\n", "hello"),
        ("{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ 'a' ~ 1 ~ none }}", "7 3 a1None"),
        (
            "{{ 3 * 'ab' }}{{ 'ab' * 2 }} {{ 2 ** 5 }} {{ 2 ** -1 }} {{ [0] * 2 }}",
            "abababab"[:6] + "abab 32 0.5 [0, 0]",
        ),
        ("a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"),
        ("{% for n in range(1, 9) %}{% if n > 3 %}{% break %}{% endif %}{{ n }}{% endfor %}", "123"),
        ("{% set l = [3, 1] %}{% do l.sort() %}{{ l }}", "[1, 3]"),
        ("{{ '<br/>' }} <br/> {{ \"'\" }}", "&lt;br/&gt; <br/> &#39;"),
        ("{{ 'abc'.__len__() }}", "3"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{% block b %}in{% endblock %} {{ self.b() }}", "in in"),
        ("{{ m['items'] }} {{ m.keys()|list }}", "5 [&#39;items&#39;]"),
        ("{{ 'a<b'|nl2br }} {{ 'a\\nb'|nl2br }} {{ '<br/>'|safe|nl2br }}", "a&lt;b a<br />\nb <br/>"),
        ("{{ 'x'|mandatory }}{{ mandatory('y') }}{{ none|mandatory }}", "xyNone"),
        ("{{ ['b', 'a']|map('upper')|join(', ') }} {{ [1, 2]|sum }} {{ m|length }}", "B, A 3 1"),
        ("{{ '%s-%03d'|format('a', 7) }} {{ '{:>3}|{x}'.format('a', x=1) }}", "a-007   a|1"),
    ],
)
def test_templates(text: str, expected: str) -> None:
    assert render(text, m={"items": 5}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{{ missing }}",
        "{{ missing.thing }}",
        "{% if missing.thing %}a{% else %}b{% endif %}",
        "{{ missing.thing|default('x') }}",
        "{{ slots.missing.thing|default('x') }}",
        "{{ slots.missing }}",
        "{{ 'a' ~ missing }}",
        "{{ 1 + missing }}",
        "{{ missing > 1 }}",
        "{{ missing|upper }}",
        "{{ missing() }}",
        "{{ 'a'.nothing() }}",
        "{{ message.image }}",
        "{{ missing|mandatory }}",
        "{{ mandatory(missing) }}",
    ],
)
def test_something_undefined_is_an_error_where_it_is_used(text: str) -> None:
    with pytest.raises(TurnError, match=r"^bot\.yaml:7: .*(is undefined|has no attribute)"):
        render(text, slots={}, message={"text": "x"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ {'a': 1}.b|default('no b') }} {{ message.image|default('no image') }}", "no b no image"),
        ("{{ [1][5]|default('no item') }}", "no item"),
        ("{{ not missing }} {{ missing or 'or' }} {{ missing and 1 or 'and' }}", "True or and"),
        ("{{ 'a' if missing else 'b' }} {{ missing == 1 }} {{ missing is defined }}", "b False False"),
        ("{% for m in missing %}x{% endfor %}done {{ missing|length }} {{ missing|list }}", "done 0 []"),
    ],
)
def test_something_undefined_can_be_asked_about(text: str, expected: str) -> None:
    assert render(text, message={"text": "x"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", True),
        ("True", True),
        ("false", False),
        ("0", False),
        ("''", False),
        ("[]", False),
        ("none", False),
        ("null", False),  # a name that is not defined
        ("missing", False),
        ("not missing", True),
        ("message.text", False),
        ("message.text == 'x'", False),
        ("message.image", True),
        ("message.image.url == 'u' and 5 is odd", True),
        ("'a' in message.text|default('')", False),
        ("2 > 1\n  and 3 > 2", True),
        ("{'a': 1}.a == 1", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert holds(text, message={"image": {"url": "u"}}) is expected


@pytest.mark.parametrize(
    "text", ["missing.thing", "slots.a.b", "1 / 0", "'a' < 1", "message.text.upper()", "1 + missing"]
)
def test_a_condition_that_cannot_be_evaluated_is_an_error(text: str) -> None:
    with pytest.raises(TurnError, match=r"^bot\.yaml:7: "):
        holds(text, message={}, slots={})


def test_a_condition_leaves_nothing_behind() -> None:
    templates = Templates()
    scope = templates.scope({})
    assert templates.expression(source("1 + 1")).compile().holds(scope)
    texts = ["{% set a = 1 %}{{ result is defined }}", "{{ a is defined }}"]
    for text in texts:
        assert asyncio.run(templates.template(source(text)).render(scope.names)) == "False"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo {{ 1 / 0 }}\nthree", 8),
        ("{{ 'fine' }}\n\n{{ 'a' ~ missing }}", 9),
        ("{% if true %}\n\n  {{ missing }}\n{% endif %}", 9),
        ("{% for n in [1, 0] %}\n{{ n }}\n{{ 1 / n }}\n{% endfor %}", 9),
        ("{% macro m(x) %}\n{{ x.y.z }}\n{% endmacro %}\n{{ m(1) }}", 8),
        ("{# a\ncomment #}\n{%- set x = 1 -%}\n\n{{ x.y.z }}", 11),
        ("{% include 'nothing' %}", 7),
    ],
)
def test_an_error_at_run_time_names_the_line(text: str, line: int) -> None:
    with pytest.raises(TurnError, match=rf"^bot\.yaml:{line}: ") as caught:
        render(text)
    assert caught.value.__cause__ is not None


def test_the_traceback_shows_the_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("dialog:\n  - condition: true\n    response: |\n      hello\n      {{ 1 / 0 }}\n")
    templates = Templates()
    template = templates.template(Source("hello\n{{ 1 / 0 }}\n", Place(Document(str(file)), 4, 15), (4, 5, 6)))
    with pytest.raises(TurnError) as caught:
        asyncio.run(template.render(templates.scope({}).names))
    shown = "".join(traceback.format_exception(caught.value))
    assert f'File "{file}", line 5' in shown
    assert "{{ 1 / 0 }}" in shown


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a\n{{ x|sparkle }}\n", "there is no filter 'sparkle'", 8),
        ("a\n\n{% if x is shiny %}{% endif %}", "there is no test 'shiny'", 9),
        ("{{ oops", "unexpected end of template", 7),
        ("a\n{% block b %}{% endblock %}\n{% block b %}{% endblock %}", "block 'b' defined twice", 9),
        ("a\n{% shout %}", "unknown tag 'shout'", 8),
        ("{{ (1)[1] ~ message }}", "this always fails: int object has no element 1", 7),
        ("a\n{% set user.a.b = 1 %}", "expected token", 8),
        ("a\n{% set user['a'] = 1 %}", "expected token", 8),
        ("a\n{% delete user %}", "delete takes one variable", 8),
        ("a\n{% delete user.a.b %}", "expected token", 8),
        ("{% for x in y %}" * 40 + "{% endfor %}" * 40, "nested too deeply", 7),
    ],
)
def test_an_error_at_load_names_the_line(text: str, message: str, line: int) -> None:
    with pytest.raises(BotError, match=re.compile(message, re.I)) as caught:
        Templates().template(source(text))
    assert (caught.value.file, caught.value.line) == ("bot.yaml", line)


@pytest.mark.parametrize("text", ["", "a b", "1 +", "{{ a }}", "a; b", "(" * 3000])
def test_a_condition_that_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(BotError) as caught:
        Templates().expression(source(text)).compile()
    assert (caught.value.line, caught.value.column) == (7, 5)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ message.__class__ }}",
        "{{ range.__globals__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
    ],
)
def test_the_sandbox_holds(text: str) -> None:
    with pytest.raises(TurnError):
        render(text, message={})


RUNAWAYS = [
    "{{ range(10000000)|list }}",
    "{{ 'a' * 10000000 }}",
    "{{ 10000000 * [1] }}",
    "{{ 10 ** 10000000 }}",
    "{{ 10 ** (10 ** 10) }}",
    "{% for n in range(99999) %}{{ n }}{% endfor %}",
    "{% macro m() %}x{{ m() }}{% endmacro %}{{ m() }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "{% for n in [[1] * 300] * 300 recursive %}{% if n is iterable %}{{ loop(n) }}{{ loop(n) }}{% endif %}{% endfor %}",
    "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='a') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% do n.x.extend(n.x) %}{% endfor %}",
    "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|string }}",
    "{% set n = namespace(x=[1]) %}{% for i in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|tojson }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'|indent(1000000000, true) }}",
    "{{ 'a'|indent('x' * 9999, true)|indent('x' * 60000, true) }}",
    "{{ [1]|batch(1000000000, 0)|list }}",
    "{{ [1]|slice(1000000000)|list }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ '%*d'|format(1000000000, 1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ ('a' * 60000).replace('a', 'b' * 60000) }}",
    "{{ ('a' * 60000)|replace('a', 'b' * 60000) }}",
    "{{ ('a' * 60000).join(range(9999)|map('string')|list) }}",
    "{{ range(99999)|map('string')|join('a' * 60000) }}",
    "{{ ([{'a': 'x' * 60000}] * 60000)|join(attribute='a') }}",
    "{{ ([[1] * 60000] * 60000)|sum(start=[]) }}",
    "{{ ('a' * 60000).translate({97: 'b' * 60000}) }}",
    "{{ ('a ' * 30000)|wordwrap(1, wrapstring='b' * 60000) }}",
    "{{ (1).to_bytes(1000000000, 'big') }}",
    "{{ ('\\t' * 60000).expandtabs(60000) }}",
    "{{ lipsum(1000000) }}",
]


@pytest.mark.parametrize("text", RUNAWAYS)
def test_a_runaway_template_is_stopped(text: str) -> None:
    budget = current_budget.set(Budget())
    try:
        with pytest.raises(TurnError, match=r"OverflowError|RecursionError"):
            render(text)
    finally:
        current_budget.reset(budget)


@pytest.mark.parametrize("text", [text for text in RUNAWAYS if "1000000000" in text])
def test_what_would_be_too_large_is_refused_before_it_is_made(text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(TurnError, match="OverflowError"):
            render(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**26


def test_the_rounds_of_all_templates_of_a_turn_are_counted_together() -> None:
    budget = current_budget.set(Budget())
    try:
        for _ in range(2):
            render("{% for n in range(49000) %}{% endfor %}")
        with pytest.raises(TurnError, match="rounds of loops"):
            render("{% for n in range(49000) %}{% endfor %}")
    finally:
        current_budget.reset(budget)


def of_files(files: dict[str, str], text: str) -> str:
    templates = Templates()
    templates.environment.loader = DictLoader(files)
    budget = current_budget.set(Budget())
    try:
        return asyncio.run(templates.template(source(text)).render(templates.scope({}).names))
    finally:
        current_budget.reset(budget)


@pytest.mark.parametrize("statement", ["include 'b'", "extends 'b'", "import 'b' as b", "from 'b' import c"])
def test_files_that_include_one_another_in_a_circle_are_an_error(statement: str) -> None:
    with pytest.raises(TurnError, match=r"bot.yaml:7: .*in a circle\?"):
        of_files({"a": f"{{% {statement} %}}", "b": "{% include 'a' %}"}, "{% include 'a' %}")


@pytest.mark.parametrize("one", ["{% include 'NEXT' %}", "{% include ['NEXT', 'x'] %}"])
def test_files_that_include_one_another_twice_each_are_stopped(one: str) -> None:
    files = {f"a{number}": (one * 2).replace("NEXT", f"a{number + 1}") for number in range(18)} | {"a18": ""}
    with pytest.raises(TurnError, match="OverflowError"):
        of_files(files, "{% include 'a0' %}")


def test_blocks_that_show_one_another_twice_each_are_stopped() -> None:
    again = "{{% block b{0} %}}{{{{ self.b{1}() }}}}{{{{ self.b{1}() }}}}{{% endblock %}}"
    blocks = "".join(again.format(number, number + 1) for number in range(18))
    with pytest.raises(TurnError, match="OverflowError"):
        of_files({}, blocks + "{% block b18 %}{% endblock %}")


def test_a_template_of_much_work_is_stopped_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maxbot.dialog.limits.TIME_LIMIT", 0.0)
    budget = current_budget.set(Budget())
    try:
        with pytest.raises(TurnError, match="took longer than 0 seconds"):
            render("{% for n in range(9999) %}{{ range(999)|sum }}{% endfor %}")
    finally:
        current_budget.reset(budget)


def test_the_longest_text() -> None:
    assert len(render("{{ a }}", a="x" * SIZE_LIMIT)) == SIZE_LIMIT
    with pytest.raises(TurnError, match="the text is longer than 65536 characters"):
        render("{{ a }}{{ a }}", a="x" * (SIZE_LIMIT // 2 + 1))


@given(st.text() | JINJA_TEXTS)
def test_what_a_user_says_is_a_value_and_never_source(text: str) -> None:
    assert render("[{{ message.text }}]", message={"text": text}) == f"[{escape(text)}]"
    assert holds("message.text == said", message={"text": text}, said=text)


@pytest.mark.parametrize("text", ["wait()", "1|wait", "1 is wait", "[wait()]"])
def test_a_coroutine_is_refused_where_nobody_waits_for_it(text: str) -> None:
    async def wait(value: Any = 0) -> bool:
        return True

    templates = Templates()
    environment = templates.environment
    for known in (environment.globals, environment.filters, environment.tests):
        known["wait"] = wait
    with pytest.raises(BotError, match="coroutine"):
        templates.expression(source(text))
    template = templates.template(source("{{ wait() }} {{ 1|wait }}"))
    assert asyncio.run(template.render(templates.scope({}).names)) == "True True"


def test_undefined_is_an_empty_list_in_a_condition_too() -> None:
    assert not holds("nobody|join(', ')")
    assert not holds("nobody|sum")
    assert render("[{{ nobody|join(', ') }}{{ nobody|sum }}]") == "[0]"


@pytest.mark.parametrize("value", ["1", "none", "true", "[1]", "{}"])
def test_nl2br_of_something_else_than_a_text_is_an_error(value: str) -> None:
    with pytest.raises(TurnError, match="nl2br wants a text"):
        render(f"{{{{ {value}|nl2br }}}}")


def test_control_characters_around_a_text_are_left_to_the_markup() -> None:
    assert render(" \n\x0b \t") == "\x0b"
    assert render("{{ '\x0b' }} ") == "\x0b"


def test_a_template_may_ask_whether_there_is_a_filter() -> None:
    asking = "{% if 'sparkle' is filter %}{{ 1|sparkle }}{% else %}plain{% endif %}"
    assert render(asking) == "plain"
    with pytest.raises(BotError, match="no filter 'sparkle'"):
        render("{% if false %}{{ 1|sparkle }}{% endif %}")
