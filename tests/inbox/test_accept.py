"""Who got something new is woken, and nobody before it is stored."""

from maxbot.inbox.accept import Inbox
from maxbot.storage.store import Store
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
