"""What several tests of bots use."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

import msgspec
import pytest

from maxbot.channels import registry
from maxbot.channels.base import Channel


class StubTelegram(Channel):
    """Takes the options that the real channel takes, and does nothing."""

    name = "telegram"

    class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
        api_token: str
        api_url: str = "https://api.telegram.org"
        secret_token: str | None = None
        timeout: float = 30.0

    def __init__(self, **options: Any) -> None:
        self.options = options
        if not options.get("api_token", "x"):
            raise ValueError("api_token is empty")

    @property
    def secrets(self) -> list[str]:
        return [self.options["api_token"]]


class StubWeb(Channel):
    name = "web"

    class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
        token: str | None = None

    def __init__(self, token: str | None = None) -> None:
        self.token = token


@contextmanager
def stub_channels() -> Iterator[None]:
    """Let `channels:` of YAML files make stubs, so that no test needs a platform."""
    module = ModuleType("stub_channels")
    module.__dict__.update(StubTelegram=StubTelegram, StubWeb=StubWeb)
    names = {"telegram": "stub_channels:StubTelegram", "web": "stub_channels:StubWeb"}
    stubs = mock.patch.multiple(registry, TYPES=names, known_types=lambda: names)
    with mock.patch.dict("sys.modules", stub_channels=module), stubs:
        yield


@pytest.fixture
def channels() -> Iterator[None]:
    with stub_channels():
        yield
