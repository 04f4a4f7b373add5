import asyncio
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from maxbot.errors import UsageError
from maxbot.locks import UserLocks
from maxbot.locks.custom import load_user_locks, running
from maxbot.locks.memory import MemoryLocks
from maxbot.types import Dialog

MODULE = """
from maxbot.locks.memory import MemoryLocks

number = 7

class Factories:
    make = MemoryLocks

def fails():
    raise ConnectionError("no route to host")

def makes_nothing():
    return None

async def is_async():
    return MemoryLocks()
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "custom_locks.py").write_text(MODULE)
    (tmp_path / "custom_locks_broken.py").write_text("1 / 0")
    (tmp_path / "custom_locks_needy.py").write_text("import not_installed_anywhere")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))


@pytest.mark.parametrize("spec", ["custom_locks:MemoryLocks", "custom_locks:Factories.make"])
def test_a_factory_makes_the_locks(spec: str) -> None:
    assert isinstance(load_user_locks(spec), MemoryLocks)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "--user-locks is module:factory"),
        ("custom_locks", "--user-locks is module:factory"),
        ("custom_locks:", "--user-locks is module:factory"),
        (":make", "--user-locks is module:factory"),
        ("custom_locks.py:make", "there is no module 'custom_locks.py'"),
        ("../custom_locks:make", "--user-locks is module:factory"),
        ("custom_locks:make:more", "--user-locks is module:factory"),
        ("no_such_module:make", "there is no module 'no_such_module' here or among the installed packages"),
        ("no_such_package.locks:make", "there is no module 'no_such_package' here"),
        ("custom_locks_needy:make", "importing custom_locks_needy failed: .*not_installed_anywhere"),
        ("custom_locks_broken:make", "importing custom_locks_broken failed: ZeroDivisionError: division by zero"),
        ("custom_locks:make", "there is no make in module custom_locks"),
        ("custom_locks:Factories.other", "there is no Factories.other in module custom_locks"),
        ("custom_locks:number", "number is of type int; expected a function"),
        ("custom_locks:fails", r"fails\(\) failed: ConnectionError: no route to host"),
        (
            "custom_locks:makes_nothing",
            r"makes_nothing\(\) made something of type NoneType; expected something to call",
        ),
        ("custom_locks:is_async", "is_async is an async function"),
    ],
)
def test_what_is_wrong_with_a_spec_is_said(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        load_user_locks(spec)
    assert repr(spec) in str(caught.value)


class Recorded:
    def __init__(self, calls: list[str], fails: bool = False) -> None:
        self.calls = calls
        self.fails = fails

    def __call__(self, dialog: Dialog) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError

    async def start(self) -> None:
        self.calls.append("start")
        if self.fails:
            raise ConnectionError

    async def close(self) -> None:
        self.calls.append("close")


def test_start_and_close_are_awaited_around_the_body() -> None:
    calls: list[str] = []

    async def scenario(locks: UserLocks) -> None:
        async with running(locks) as same:
            assert same is locks
            calls.append("body")

    asyncio.run(scenario(Recorded(calls)))
    assert calls == ["start", "body", "close"]

    calls.clear()
    with pytest.raises(ConnectionError):
        asyncio.run(scenario(Recorded(calls, fails=True)))
    assert calls == ["start"]

    calls.clear()
    asyncio.run(scenario(MemoryLocks()))
    assert calls == ["body"]
