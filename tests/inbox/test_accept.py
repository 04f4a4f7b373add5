"""Who got something new is woken, and nobody before it is stored."""

import pytest

from maxbot.errors import BadRequest
from maxbot.inbox.accept import Inbox
from maxbot.storage.store import Store
from maxbot.types import Dialog, Update
from tests.inbox.support import updates
from tests.support.engine import run_with_store


def test_who_got_something_new_is_woken_once_it_is_stored() -> None:
    async def scenario(store: Store) -> None:
        woken: list[str] = []
        inbox = Inbox(store, lambda dialog: woken.append(dialog.user))
        assert await inbox.accept([]) == []
        assert await inbox.accept(updates(0, 2)) == [True, True]
        assert woken == ["0000", "0001"]
        assert await inbox.accept(updates(1, 2)) == [False, True]
        assert woken == ["0000", "0001", "0002"], "a redelivery wakes nobody"

    run_with_store(scenario)


@pytest.mark.parametrize("name", ["nul\0", "half \ud800"])
def test_a_name_that_not_every_database_takes_is_refused_on_all(name: str) -> None:
    async def scenario(store: Store) -> None:
        inbox = Inbox(store, lambda dialog: None)
        for update in (Update(Dialog("test", name), "1", {}), Update(Dialog("test", "anna"), name, {})):
            with pytest.raises(BadRequest, match="cannot be stored"):
                await inbox.accept([Update(Dialog("test", "bob"), "2", {}), update])
        assert await inbox.accept([Update(Dialog("test", "bob"), "2", {})]) == [True], "nothing of it was stored"

    run_with_store(scenario)
