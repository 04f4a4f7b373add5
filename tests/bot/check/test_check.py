"""What `maxbot check` warns of."""

from pathlib import Path

import pytest

from maxbot.bot.check import check_bot, doubts
from maxbot.bot.check.files import check_files
from maxbot.bot.load import load_bot
from maxbot.bot.read.bot import read_files, read_inline
from maxbot.bot.read.files import find_files
from maxbot.dialog.templates import Templates
from maxbot.maxml import CommandSchema, Field


def warnings(bot_yaml: str, closed: bool = True) -> list[tuple[int | None, str]]:
    templates = Templates()
    bot = read_inline(bot_yaml, lambda extensions: templates)
    return [(found.line, found.message) for found in check_bot(bot, templates.environment, closed=closed)]


def of_response(response: str, more: str = "") -> list[str]:
    return [
        message for _, message in warnings(f"{more}dialog:\n  - condition: true\n    response: |\n      {response}\n")
    ]


def of_condition(condition: str, more: str = "") -> list[str]:
    node = f'{more}dialog:\n  - condition: "{condition}"\n    response: x\n'
    return [message for _, message in warnings(node)]


INTENTS = "intents: [{name: greeting, examples: [hello]}]\n"
RPC = "rpc: [{method: call, params: [{name: x}]}, {method: 'left open', params: [{name: door}]}, {method: else}]\n"
ENTITIES = "entities: [{name: tool, values: [{name: hammer}]}]\n"


@pytest.mark.parametrize(
    ("condition", "warning"),
    [
        ("mesage.text", "nobody defines the name 'mesage', did you mean 'message'?"),
        ("yes", "nobody defines the name 'yes': expressions have true, false and none"),
        ("slot_in_focus", "nobody defines the name 'slot_in_focus' here: only 'check_for' has it"),
        ("intents.greting", "there is no intent 'greting', did you mean 'greeting'?"),
        ("intents['other thing']", "there is no intent 'other thing'"),
        ("entities.tol", "there is no entity 'tol', did you mean 'tool'?"),
        ("entities.tool.hamer", "the entity 'tool' has no value 'hamer', did you mean 'hammer'?"),
    ],
)
def test_a_name_that_nobody_defines_is_told_with_what_was_meant(condition: str, warning: str) -> None:
    assert of_condition(condition, INTENTS + ENTITIES) == [warning]


@pytest.mark.parametrize(
    "condition",
    [
        "nobody is defined and nobody",
        "nobody|default('x') == 'x'",
        "digressing or rpc.call or rpc['left open'] or params.x or utc_today",
        "rpc.method == 'else' or rpc.params.x or params.get('y') or rpc.request or rpc.other is defined",
        "rpc.call and params.x or rpc['left open'] and params.door or message.text and params.door",
        "entities.number.value in [1, 2] or entities.tool.value == 'hammer' or intents.top == none",
        "intents.greeting == slots.x or message.text == 'a' or 'text' in message or user.x == 1 or slots['y'] > 2",
        "intents.ranking != [] or intents.irrelevant == true or entities.all_objects == [] or 'a' in user.x",
        "intents.top.name == 'x' or intents.irrelevant or intents.greeting",
        "entities.number.value > 3 or entities.tool.hammer or entities.tool.first or entities.latent_date",
        "entities.garden is defined",
        "user.anything and slots.anything and range(3)",
    ],
)
def test_what_may_be_meant_is_not_told(condition: str) -> None:
    assert of_condition(condition, INTENTS + ENTITIES + RPC) == []


@pytest.mark.parametrize(
    ("condition", "warning"),
    [
        ("rpc.cal", "no request is called 'cal', did you mean 'call'?: `rpc` does not declare it"),
        ("rpc['left']", "no request is called 'left', did you mean 'left open'?: `rpc` does not declare it"),
        ("params.dor", "no request has a parameter 'dor', did you mean 'door'?"),
        ("rpc.params['dor']", "no request has a parameter 'dor', did you mean 'door'?"),
        ("rpc.call and params.door", "the request 'call' has no parameter 'door'"),
        ("message.text and rpc.call and params.door", "the request 'call' has no parameter 'door'"),
    ],
)
def test_what_no_request_brings_is_told(condition: str, warning: str) -> None:
    assert of_condition(condition, RPC) == [warning]


@pytest.mark.parametrize(
    ("condition", "warning"),
    [
        ("intents == 'greeting'", "'intents' itself is never equal to a value: compare intents.NAME"),
        ("'greeting' == intents.top", "an intent is never equal to a value: compare intents.top.name"),
        (
            "intents.greeting == true",
            "an intent is never equal to a value: intents.greeting alone says whether it is meant",
        ),
        ("entities.tool == 'hammer'", "an entity is never equal to a value: compare entities.tool.value"),
        ("entities['tool'] in ['hammer']", "an entity is never equal to a value: compare entities.tool.value"),
        ("entities.tool.first == 'hammer'", "a find is never equal to a value: compare entities.tool.value"),
        ("entities.number > 3", "an entity is never equal to a value: compare entities.number.value"),
        (
            "entities.number.value == '3'",
            "entities.number.value is a number, which no text is equal to: leave the quotes out",
        ),
        ("message == 'hi'", "'message' itself is never equal to a value: compare message.text"),
        ("rpc == 'call'", "'rpc' itself is never equal to a value: compare rpc.method"),
        ("utc_today == '2024-05-14'", "'utc_today' itself is never equal to a value: compare utc_today|string"),
        ("'name' in user", "'user' holds no list: ask whether user.NAME is defined"),
    ],
)
def test_a_comparison_that_is_never_true_is_told(condition: str, warning: str) -> None:
    assert of_condition(condition, INTENTS + ENTITIES + RPC) == [warning]


def circle(*responses: str, more: str = "") -> list[str]:
    nodes = "".join(
        f"  - {{condition: 'true and {number}', label: n{number}, response: '{response}'{more}}}\n"
        for number, response in enumerate(responses)
    )
    return [message for _, message in warnings("dialog:\n" + nodes)]


def to(number: int, transition: str = "response") -> str:
    return f'<jump_to node="n{number}" transition="{transition}"/>'


def test_jumps_that_never_end_are_told() -> None:
    assert circle(to(0)) == ["this never ends: n0 → n0"]
    assert circle("Hm. " + to(1), to(2) + "<end/>", "{{ 1 }}{% set slots.x = 1 %}" + to(1), "x") == [
        "this never ends: n1 → n2 → n1"
    ]
    true = "dialog: [{condition: true, label: n0, response: '" + to(0, "condition") + "'}]\n"
    assert warnings(true) == [(1, "this never ends: n0 → n0")]
    followups = (
        "dialog:\n  - condition: message.text\n    label: n0\n    response: <followup/>\n"
        "    followup: [{condition: true, response: '" + to(0) + "'}]\n"
    )
    assert warnings(followups) == [(2, "this never ends: n0 → true → n0")]


@pytest.mark.parametrize(
    "responses",
    [
        (to(1), "x"),
        (to(0, "listen"),),
        (to(0, "condition"),),
        ("{% if user.x %}<end/>{% endif %}" + to(0),),
        ("{% if user.x %}" + to(0) + "{% endif %}",),
        ("<end/>" + to(0),),
        ("{{ user.x|safe }}" + to(0),),
        ("<text>" + to(0) + "</text>",),
        (to(1), "<listen/>" + to(0)),
    ],
)
def test_jumps_that_may_end_are_not_told(responses: tuple[str, ...]) -> None:
    assert circle(*responses) == []


def test_jumps_over_a_node_that_asks_may_end() -> None:
    slots = ", slot_filling: [{name: s, check_for: message.text, prompt: s?}]"
    assert circle(to(0), more=slots) == []


def test_what_is_defined_twice_in_a_file_is_told() -> None:
    twice = (
        "intents:\n  - {name: a, examples: [x]}\n  - {name: a, examples: [y]}\n"
        "entities:\n  - {name: a}\n  - {name: a}\ndialog: [{condition: true, response: x}]\n"
    )
    intent, entity = warnings(twice)
    assert intent == (3, "the intent 'a' is in line 2 already: their examples are put together")
    assert entity[0] == 6
    assert "the entity 'a' is in line 5 already" in entity[1]


def test_names_that_a_template_sets_itself_are_known() -> None:
    assert of_response("{% set a, b = 1, 2 %}{% for c in [a, b] %}{{ c }}{{ loop.index }}{% endfor %}") == []
    assert (
        of_response("{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call m(1) %}{{ self }}{% endcall %}") == []
    )
    assert of_response("{% set slots.a = returning %}{% delete user.b %}{% if digressing %}{% endif %}") == []
    (missing,) = of_response("{% import 'x' as y %}{% from 'x' import z, u as v %}{{ y }}{{ z }}{{ v }}")
    assert "there is no file 'x'" in missing


def test_names_that_python_code_may_define_are_not_told() -> None:
    assert warnings("dialog: [{condition: mesage, response: x}]\n", closed=False) == []


def test_each_name_is_told_once_a_template_with_its_line() -> None:
    found = warnings(
        "dialog:\n  - condition: true\n    response: |\n      hello\n      {{ usr.x }}\n      {{ usr.y }}\n"
    )
    assert found == [(5, "nobody defines the name 'usr', did you mean 'user'?")]


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ('<imagee url="http://x/{{ user.x }}"/>', ["there is no command <imagee>, did you mean <image>?"]),
        ("<b>Hello</b>", ["there is no command <b>"]),
        (
            '<text>a</text><promt_again/><end/><image url="http://x/y"/>',
            ["there is no command <promt_again>, did you mean <prompt_again>?"],
        ),
    ],
)
def test_a_command_that_nobody_defines_is_told(response: str, told: list[str]) -> None:
    assert of_response(response) == told


def test_the_line_of_a_command_that_nobody_defines_is_told() -> None:
    found = warnings(
        "dialog:\n  - condition: true\n    response: |\n      hello {{ 1 }}\n      {{ 2 }}\n      <nothing/>\n"
    )
    assert found == [(6, "there is no command <nothing>")]


@pytest.mark.parametrize(
    "response",
    [
        "Hello<br/>you &lt;b> 1 < 2",
        "<text>Hello {{ user.name }}, <b>how</b> are {% if user.x %}<x>you</x>{% endif %}?</text>",
        '<image url="http://x/y"><caption>An {{ 1 }} <i>image</i></caption></image>',
        "<!-- <nothing/> {{ 1 }} <nothing/> --><![CDATA[<nothing/>]]>",
        "{% macro row() %}<b>x</b>{% endmacro %}<text>{{ row() }}</text>",
        '<quick_replies><text>x</text><button title="a"/></quick_replies>',
    ],
)
def test_elements_of_commands_and_texts_are_not_told(response: str) -> None:
    assert of_response(response) == []


def test_commands_of_the_author_are_known() -> None:
    templates = Templates()
    bot = read_inline(
        "dialog: [{condition: true, response: '<card at=\"x\"><note>a {{ 1 }} <b>b</b></note></card><crad/>'}]\n",
        lambda extensions: templates,
    )
    card = CommandSchema("card", (Field(name="at"), Field(name="note", type="markup")))
    found = check_bot(bot, templates.environment, schemas=lambda: [card])
    assert [warning.message for warning in found] == ["there is no command <crad>, did you mean <card>?"]


JUMP = '<jump_to node="{}" transition="{}"/>'


def test_a_jump_to_nowhere_is_told() -> None:
    bot = "dialog:\n  - {{condition: message.text, label: start, response: '{}'}}\n"
    assert warnings(bot.format(JUMP.format("start", "listen"))) == []
    (nowhere,) = warnings(bot.format(JUMP.format("strat", "listen")))
    assert nowhere == (2, "the jump goes nowhere: there is no node with the label 'strat', did you mean 'start'?")
    (wrong,) = warnings(bot.format(JUMP.format("start", "jump")))
    assert "a jump has a node and a transition" in wrong[1]
    assert warnings(bot.format(JUMP.format("{{ user.where }}", "listen"))) == []
    assert (
        warnings(bot.format(f"<!-- {JUMP.format('nowhere', 'x')} --><text>{JUMP.format('nowhere', 'x')}</text>")) == []
    )


def test_a_command_in_the_wrong_place_is_told() -> None:
    slot = "{{name: s, check_for: slot_in_focus, prompt: '{}', found: '{}'}}"
    bot = "dialog:\n  - {{condition: message.text, label: a, response: x, slot_filling: [" + slot + "]}}\n"
    assert warnings(bot.format("<listen_again/>", "<move_on/>")) == []
    (found,) = warnings(bot.format("<end/>", "<response/>"))
    assert "<end/> cannot stand in a 'prompt', only <listen_again/>, <response/> can" in found[1]


def test_nodes_behind_a_true_are_told() -> None:
    assert warnings("dialog:\n  - {condition: true, response: x}\n  - {condition: rpc, response: y}\n") == [
        (3, "nothing reaches this: the condition of the node in line 2 is always true")
    ]


@pytest.mark.parametrize(
    "dialog",
    [
        "[{condition: true, response: x}]",
        "[{condition: 'true and rpc', response: x}, {condition: rpc, response: x}]",
        # While it waits, a digression goes on behind it.
        "[{condition: true, label: a, response: x, followup: [{condition: rpc, response: y}]},"
        " {condition: rpc, response: x}]",
        # A jump comes there.
        "[{condition: true, response: '"
        + JUMP.format("a", "response")
        + "'}, {condition: rpc, label: a, response: x}]",
        "[{condition: true, response: '" + JUMP.format("{{ user.x }}", "listen") + "'},"
        " {condition: rpc, label: a, response: x}, {condition: rpc, response: x}]",
    ],
)
def test_nodes_that_can_be_reached_are_not_told(dialog: str) -> None:
    assert warnings(f"dialog: {dialog}\n") == []


def test_odd_slots_are_told() -> None:
    found = warnings(
        "dialog:\n"
        "  - condition: true\n"
        "    label: a\n"
        "    response: x\n"
        "    slot_filling:\n"
        "      - {name: a, check_for: message.text}\n"
        "      - {name: a, check_for: message.text}\n"
        "    followup:\n"
        "      - condition: true\n"
        "        response: x\n"
        "        slot_handlers: [{condition: true, response: x}]\n"
    )
    assert found == [
        (7, "another slot of this node is called 'a' too: both fill one variable"),
        (11, "slot_handlers have no effect in a node without slots"),
    ]


def test_a_bot_without_answers_is_told() -> None:
    assert warnings("{}\n") == [(None, "the dialog has no nodes: this bot never answers")]


def test_a_kind_that_a_channel_cannot_send_is_told() -> None:
    templates = Templates()
    bot = read_inline(
        "dialog: [{condition: true, response: '<location at=\"x\"/><text>y</text>'}]\n", lambda extensions: templates
    )
    found = check_bot(bot, templates.environment, cannot_send=lambda kind: ["web"] if kind == "location" else [])
    assert [warning.message for warning in found] == ["web cannot send <location>"]


def test_what_a_directory_holds_and_nobody_uses_is_told(tmp_path: Path) -> None:
    label = JUMP.format("inside", "response")
    (tmp_path / "bot.yaml").write_text(f"dialog: [{{condition: true, response: '{label}'}}]\n")
    (tmp_path / "dialog").mkdir()
    (tmp_path / "dialog" / "a.yaml").write_text("name: a\nnodes: [{condition: true, label: inside, response: x}]\n")
    (tmp_path / "dialog" / "b.yml").touch()
    (tmp_path / "rpc.yml").touch()
    templates = Templates()
    files = find_files(tmp_path)
    bot = read_files(files, lambda extensions: templates)
    jump, subtree = check_bot(bot, templates.environment)
    assert "the jump goes nowhere" in jump.message
    assert (subtree.file, subtree.line, subtree.message) == (
        str(tmp_path / "dialog" / "a.yaml"),
        1,
        "nobody uses the subtree 'a'",
    )
    unread = [Path(warning.file or "").name for warning in check_files(files.all)]
    assert unread == ["rpc.yml", "b.yml"]


INCLUDING = """
extensions: {jinja_loader: {}}
dialog:
  - condition: message.text == 'menu'
    response: "{% set soup = 'tomato' %}{% include 'menu.j2' %}"
  - condition: message.text
    label: ask
    response: ok
    slot_filling:
      - {name: s, check_for: message.text, prompt: "{% from 'parts/macros.j2' import row %}{{ row() }}"}
  - {condition: true, response: "{% include [NAMES] ignore missing %}"}
  - {condition: rpc, label: behind, response: x}
""".replace("NAMES", "'none.j2', 'broken.j2'")


def of_files(
    folder: Path, files: dict[str, str], bot_yaml: str = INCLUDING
) -> list[tuple[str | None, int | None, str]]:
    for name, text in {"bot.yaml": bot_yaml, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [
        (found.file and Path(found.file).name, found.line, found.message) for found in doubts(load_bot(str(folder)))
    ]


def test_files_that_templates_load_are_looked_through(tmp_path: Path) -> None:
    found = of_files(
        tmp_path,
        {
            "menu.j2": "{{ soup }}\n{{ sop }} {{ returning }}\n<move_on/>{% include 'more.j2' %}",
            "more.j2": JUMP.format("ak", "response") + JUMP.format("behind", "listen") + "{{ soup }}",
            "parts/macros.j2": "{% macro row() %}{{ mesage.text }}<end/><listen_again/>{% endmacro %}",
            "broken.j2": "\n{% if %}",
        },
    )
    assert found == [
        ("menu.j2", 2, "nobody defines the name 'sop', did you mean 'soup'?"),
        (
            "menu.j2",
            3,
            "<move_on/> cannot stand in a 'response', only <end/>, <followup/>, <jump_to/>, <listen/> can",
        ),
        ("more.j2", 1, "the jump goes nowhere: there is no node with the label 'ak', did you mean 'ask'?"),
        ("macros.j2", 1, "nobody defines the name 'mesage', did you mean 'message'?"),
        ("broken.j2", 2, "Expected an expression, got 'end of statement block'"),
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    dialog = "dialog:\n  - condition: true\n    response: |\n      x\n      {% include 'a' %}\n"
    bot = "extensions: {jinja_loader: {}}\n" + dialog
    assert of_files(tmp_path, {}, bot) == [("bot.yaml", 6, "there is no file 'a'")]
    assert of_files(tmp_path, {}, bot.replace("{% include 'a' %}", "{% include ['a', '../b'] %}")) == [
        ("bot.yaml", 6, "there is no file 'a' or '../b'")
    ]
    assert of_files(tmp_path, {}, bot.replace("include 'a'", "include user.file")) == []
    assert of_files(tmp_path, {}, dialog) == [
        ("bot.yaml", 5, "there is no file 'a': templates find files with the extension jinja_loader")
    ]


def test_files_that_include_one_another_are_looked_at_once(tmp_path: Path) -> None:
    bot = "extensions: {jinja_loader: {}}\ndialog: [{condition: true, response: \"{% include 'a' %}\"}]\n"
    found = of_files(tmp_path, {"a": "{% include 'b' %}{{ oops }}", "b": "{% include 'a' %}"}, bot)
    assert found == [("a", 1, "nobody defines the name 'oops'")]
