"""What the keys of a bot's files become."""

from collections.abc import Sequence
from typing import Any

import pytest

from maxbot import conversions
from maxbot.bot.read.bot import Options, read_inline
from maxbot.dialog.definitions import BotDefinition, ExtensionDefinition, NodeDefinition, RpcParameter
from maxbot.errors import BotError
from maxbot.extensions import registry


def read(text: str, own: Sequence[str] = ()) -> BotDefinition:
    return read_inline(text, lambda extensions: None, Options(own_extensions=own))


def config(text: str) -> dict[str, Any]:
    (extension,) = read(f"extensions: {text}\n").extensions
    return extension.config


def test_a_node_has_all_its_keys() -> None:
    bot = read(
        "dialog:\n"
        "  - condition: true\n"
        "    label: a\n"
        "    settings: {after_digression_followup: never_return}\n"
        "    slot_filling:\n"
        "      - {name: s, check_for: x, value: v, condition: c, prompt: p, found: f, not_found: n}\n"
        "    slot_handlers: [{condition: h, response: r}]\n"
        "    response:\n"
        "    followup: [{condition: 42, response: ~}]\n"
    )
    node = bot.dialog[0]
    assert isinstance(node, NodeDefinition)
    assert (node.label, node.response.text, node.settings.after_digression_followup) == ("a", "", "never_return")
    assert (node.place.line, node.label_place and node.label_place.column) == (2, 12)
    (slot,) = node.slot_filling or ()
    texts = [getattr(slot, key).text for key in ("check_for", "value", "condition", "prompt", "found", "not_found")]
    assert texts == ["x", "v", "c", "p", "f", "n"]
    assert node.slot_handlers[0].response.text == "r"
    (followup,) = node.followup or ()
    assert isinstance(followup, NodeDefinition)
    assert (followup.condition.text, followup.response.text) == ("42", "~")


def test_what_is_not_written_is_none() -> None:
    node = read("dialog: [{condition: true, response: x}]\n").dialog[0]
    assert isinstance(node, NodeDefinition)
    assert (node.label, node.followup, node.slot_filling, node.slot_handlers) == (None, None, None, ())
    assert read("dialog:\n") == read("dialog: []\n") == read("{}\n") == BotDefinition()


def test_of_two_parameters_of_one_name_the_last_counts() -> None:
    (method,) = read("rpc: [{method: a, params: [{name: b}, {name: c}, {name: b, required: 'Yes'}]}]\n").rpc
    assert sorted(method.params, key=lambda parameter: parameter.name) == [
        RpcParameter(name="b", required=True),
        RpcParameter(name="c"),
    ]


def test_a_node_may_stand_twice_as_an_alias() -> None:
    bot = read("dialog:\n  - &a {condition: x, response: y}\n  - *a\n")
    assert len(bot.dialog) == 2
    with pytest.raises(BotError, match="label 'l' is used already"):
        read("dialog:\n  - &a {condition: x, response: y, label: l}\n  - *a\n")


def test_a_deep_dialog_can_be_read() -> None:
    text = "x"
    for number in range(90):
        text = f"x, label: l{number}, followup: [{{condition: c, response: {text}}}]"
    assert read(f"dialog: [{{condition: c, response: {text}}}]\n").dialog


def test_extensions_come_in_the_order_in_which_they_are_applied() -> None:
    bot = read("extensions: {mine: {a: [1]}, babel: {}, datetime: {}, rest: {}}\n", own=["mine"])
    assert [extension.name for extension in bot.extensions] == ["rest", "datetime", "babel", "mine"]
    assert bot.extensions[-1].config == {"a": ["1"]}
    assert bot.extensions[-1].places["a", 0].column == 25


def test_extensions_of_installed_packages_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "installed", lambda: ["weather"])
    assert config("{weather: {city: Bonn}}") == {"city": "Bonn"}
    with pytest.raises(BotError, match="did you mean 'weather'"):
        config("{wether: {}}")


def test_the_configuration_of_extensions_is_converted() -> None:
    (service,) = config(
        "{rest: {services: [{name: s, method: put, base_url: 'http://x.org', headers: {a: 1}, cache: {minutes: 2},"
        " auth: {user: u, password: 1}, timeout: {default: 3, read: 1.5}, limits: {max_connections: 7}}]}}"
    )["services"]
    assert service == {
        "name": "s",
        "method": "put",
        "base_url": "http://x.org",
        "headers": {"a": "1"},
        "cache": 120.0,
        "auth": {"user": "u", "password": "1"},
        "timeout": {"connect": 3.0, "read": 1.5, "write": 3.0, "pool": 3.0},
        "limits": {"max_connections": 7},
    }
    assert config("{rest: {timeout: 2, garbage_collector_timeout: 60}}") == {
        "timeout": dict.fromkeys(("connect", "read", "write", "pool"), 2.0),
        "garbage_collector_timeout": 60.0,
    }
    assert config("{rasa: {url: 'http://nlu:5005/', threshold: {entity: .5}}}")["threshold"] == {"entity": 0.5}


def test_templates_are_checked_with_what_the_extensions_added() -> None:
    given: list[ExtensionDefinition] = []

    def prepare(extensions: tuple[ExtensionDefinition, ...]) -> None:
        given.extend(extensions)
        raise extensions[0].place.error("this extension cannot be used here")

    with pytest.raises(BotError, match="cannot be used here") as caught:
        read_inline("extensions: {babel: {locale: de_DE}}\n", prepare)
    assert (caught.value.line, caught.value.column) == (1, 14)
    assert given[0].config == {"locale": "de_DE"}


@pytest.mark.parametrize(("text", "value"), [("3", 3), (" 3 ", 3), ("+2", 2), ("-2", -2), ("1_000", 1000)])
def test_an_integer(text: str, value: int) -> None:
    assert conversions.integer(text) == value


@pytest.mark.parametrize("text", ["3.0", "1e3", "", " ", "0x1", "1__0", "٣", "9" * 5000])
def test_no_integer(text: str) -> None:
    with pytest.raises(ValueError, match="a whole number"):
        conversions.integer(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "x", ""])
def test_no_number(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        conversions.number(text)


def test_flags() -> None:
    assert [conversions.flag(text) for text in ("true", "Yes", "ON", "t", "Y", "1")] == [True] * 6
    assert [conversions.flag(text) for text in ("false", "No", "OFF", "F", "n", "0")] == [False] * 6
    for text in ("perhaps", "tRuE", "", "2", " true"):
        with pytest.raises(ValueError, match="true or false"):
            conversions.flag(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://a.bc",
        "HTTPS://A.BC:80/x?y#z",
        "ftp://u:p@localhost",
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "ftps://x.co",
        "http://a.b1/",
        "http://12.34",
    ],
)
def test_a_url(text: str) -> None:
    assert conversions.url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "http://shop",
        "/x",
        "x.org",
        "http://a b.org",
        "mailto:a@b.cd",
        "http://",
        "http://x.o",
        "http://x.org:99999",
        "",
    ],
)
def test_no_url(text: str) -> None:
    with pytest.raises(ValueError, match="a URL"):
        conversions.url(text)


@pytest.mark.parametrize("pattern", ["(", "(?P<a>x)(?P<a>y)", "a{2,1}", "(" * 500 + ")" * 500, "[z-a]", "(?<=a+)b"])
def test_a_broken_regular_expression_has_its_place(pattern: str) -> None:
    with pytest.raises(BotError, match="this is no regular expression") as caught:
        read(f"entities: [{{name: a, values: [{{name: b, regexps: ['{pattern}']}}]}}]\n")
    assert caught.value.column == 51
