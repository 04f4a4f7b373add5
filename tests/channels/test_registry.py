"""Types of channels, ours and those of installed packages."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import msgspec
import pytest

from maxbot.channels import registry
from maxbot.channels.base import Channel, Request
from maxbot.channels.telegram import TelegramChannel
from maxbot.channels.web import WebChannel
from maxbot.errors import UsageError


class Acme(Channel):
    type = "acme"

    class Options(msgspec.Struct):
        pass


class WithoutOptions(Channel):
    type = "other"


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that brings channels."""
    module = ModuleType("acme_package")
    module.__dict__.update(Acme=Acme, WithoutOptions=WithoutOptions)
    monkeypatch.setitem(sys.modules, "acme_package", module)
    names = {"acme": "Acme", "bare": "WithoutOptions", "gone": "Nothing", "web": "Acme"}
    found = [EntryPoint(name, f"acme_package:{attribute}", registry.GROUP) for name, attribute in names.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == registry.GROUP else [])
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


def test_types_are_ours_and_those_of_packages() -> None:
    assert registry.channel_class("telegram") is TelegramChannel
    assert registry.channel_class("acme") is Acme
    assert registry.channel_class("web") is WebChannel, "a package takes nothing away from us"
    assert set(registry.known_types()) == {*registry.TYPES, "acme", "bare", "gone"}
    assert len(registry.known_types()) == len({*registry.known_types()})


def test_packages_are_looked_at_only_for_what_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(group: str) -> Any:
        raise AssertionError("looked at")

    monkeypatch.setattr(registry, "entry_points", never)
    assert registry.channel_class("web") is WebChannel
    assert "telegram" in registry.known_types()


@pytest.mark.parametrize(
    ("name", "reason"), [("bare", "no class of a channel with Options"), ("gone", "cannot be loaded")]
)
def test_a_package_that_brings_no_channel_is_named(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        registry.channel_class(name)


def test_an_unknown_type() -> None:
    with pytest.raises(KeyError):
        registry.channel_class("pigeon")


def test_one_word_is_enough_for_type_and_name() -> None:
    class Named(Channel):
        name = "named"

    class Both(Channel):
        type = "platform"
        name = "account"

    assert (Acme.type, Acme.name) == ("acme", "acme")
    assert (Named.type, Named.name) == ("named", "named")
    assert (Both.type, Both.name) == ("platform", "account")


def test_what_an_operator_is_told() -> None:
    channel = Acme()
    channel.name = "support"
    assert channel.greeting("http://localhost:1", registers=True) is None
    greeting = channel.greeting("http://localhost:1", registers=False)
    assert greeting is not None
    assert "https://YOUR-HOST/support" in greeting
    assert WebChannel().greeting("http://localhost:1", registers=True) == "Talk to the bot at http://localhost:1/web"


def test_a_token_is_known_by_its_form() -> None:
    pattern = TelegramChannel.token_pattern
    assert pattern is not None
    assert pattern.search("https://api.telegram.org/bot123456:AAH-not_a_real_token_of_anybody_x/getMe")
    assert not pattern.search(str(Request()))
