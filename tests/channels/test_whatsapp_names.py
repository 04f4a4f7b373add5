"""One user of WhatsApp is one dialog, whether the number is shown or hidden, in every worker, after every restart."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.channels.base import Request, Services
from maxbot.channels.notes import MemoryNotes
from maxbot.channels.whatsapp.names import MOST_KNOWN, Names
from maxbot.errors import StorageUnavailable
from maxbot.testing.channels import MemoryMailbox
from tests.channels.test_platforms import make_whatsapp
from tests.support.facebook import signed
from tests.support.whatsapp import delivery, said, value


async def dialogs(notes: Any, *users: dict[str, str]) -> list[str]:
    """Return whose each of several deliveries is, each in a worker that has just started."""
    found = []
    for number, user in enumerate(users):
        channel = make_whatsapp()
        await channel.start(Services(MemoryMailbox(), notes))
        message = {**said(f"wamid.{number}", text={"body": "hi"}), **user}
        if "from" not in user:
            del message["from"]
        body = delivery(value(message))
        [update] = (await channel.receive(Request(body, signed(body)))).updates
        found.append(update.dialog.user)
        await channel.close()
    return found


BOTH, HIDDEN, SHOWN = {"from": "49170", "from_user_id": "US.1"}, {"from_user_id": "US.1"}, {"from": "49170"}


@pytest.mark.parametrize(
    ("users", "wanted"),
    [
        ((SHOWN, BOTH, HIDDEN, BOTH), "49170"),
        ((BOTH, HIDDEN, HIDDEN), "49170"),
        ((HIDDEN, BOTH, HIDDEN), "US.1"),
    ],
)
def test_who_hides_a_number_or_shows_it_goes_on_with_the_same_dialog(
    users: tuple[dict[str, str], ...], wanted: str
) -> None:
    assert asyncio.run(dialogs(MemoryNotes(), *users)) == [wanted] * len(users)


def test_others_are_others() -> None:
    users = (BOTH, {"from_user_id": "US.2"}, {"from": "49171", "from_user_id": "US.3"}, {"from": "1"})
    assert asyncio.run(dialogs(MemoryNotes(), *users)) == ["49170", "US.2", "49171", "1"]


def test_where_nobody_knows_who_it_is_nothing_is_accepted() -> None:
    class Down(MemoryNotes):
        async def noted(self, channel: str, key: str) -> str | None:
            raise StorageUnavailable("locked")

    with pytest.raises(StorageUnavailable):
        asyncio.run(dialogs(Down(), HIDDEN))
    assert asyncio.run(dialogs(Down(), SHOWN)) == ["49170"], "a number is enough"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30))
def test_a_user_has_one_name_in_any_order_of_updates(seen: list[tuple[int, bool]]) -> None:
    async def run() -> None:
        notes, names = MemoryNotes(), dict[int, str]()
        for user, hidden in seen:
            name = await Names(notes, "w").of(f"US.{user}", None if hidden else f"{user}")
            assert names.setdefault(user, name) == name

    asyncio.run(run())


def test_no_more_names_are_remembered_than_it_says() -> None:
    async def run() -> int:
        names = Names(MemoryNotes(), "w")
        for number in range(MOST_KNOWN + 10):
            await names.of(f"US.{number}", None)
        return len(names._known)

    assert asyncio.run(run()) == MOST_KNOWN
