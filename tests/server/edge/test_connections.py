"""The door is never shut: a new connection finds room as long as some client takes its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.server.descriptors import FEWEST, RESERVE, budget
from maxbot.server.edge.connections import Connections


class Fake:
    def __init__(self, address: str = "127.0.0.1", works: bool = False) -> None:
        self.client: tuple[str, int] | None = (address, 1)
        self.works = works
        self.is_cut = False

    @property
    def is_waited_for(self) -> bool:
        return not self.works

    def cut(self) -> None:
        self.is_cut = True


def test_the_one_longest_without_a_request_makes_room() -> None:
    known = Connections(3)
    first, second, third, fourth = (Fake() for _ in range(4))
    for connection in (first, second, third):
        known.add(connection)
    known.used(first)
    known.add(fourth)
    assert [connection.is_cut for connection in (first, second, third, fourth)] == [False, True, False, False]
    known.remove(second)
    assert len(known) == 3


def test_a_request_under_way_is_never_cut() -> None:
    known = Connections(2)
    working = [Fake(works=True), Fake(works=True)]
    for connection in working:
        known.add(connection)
    known.add(newest := Fake())
    assert newest.is_cut
    assert not any(connection.is_cut for connection in working)


def test_one_address_cannot_take_everybodys_place() -> None:
    known = Connections(10)
    others = [Fake(f"8.8.8.{number}") for number in range(5)]
    for connection in others:
        known.add(connection)
    greedy = [Fake("2a00:1450::1") if number % 2 else Fake("2a00:1450::2") for number in range(50)]
    for connection in greedy:
        known.add(connection)
    assert not any(connection.is_cut for connection in others)
    assert sum(not connection.is_cut for connection in greedy) == 5


def test_a_proxy_may_have_all() -> None:
    known = Connections(10)
    behind = [Fake("10.0.0.1") for _ in range(10)]
    for connection in behind:
        known.add(connection)
    assert not any(connection.is_cut for connection in behind)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "use", "remove", "work", "idle"]), st.integers(0, 20), st.sampled_from("1234")
        ),
        max_size=200,
    )
)
def test_there_are_never_too_many_whatever_happens(steps: list[tuple[str, int, str]]) -> None:
    known = Connections(6)
    everybody: list[Fake] = []
    for what, which, address in steps:
        open_ones = [connection for connection in everybody if not connection.is_cut]
        if what == "add" or not open_ones:
            everybody.append(Fake(f"8.8.8.{address}"))
            known.add(everybody[-1])
        else:
            connection = open_ones[which % len(open_ones)]
            if what == "use":
                known.used(connection)
            elif what == "remove":
                known.remove(connection)
                connection.is_cut = True
            else:
                connection.works = what == "work"
        left = [connection for connection in everybody if not connection.is_cut]
        assert len(left) == len(known) <= 6
        for address in "1234":
            assert sum(connection.client == (f"8.8.8.{address}", 1) for connection in left) <= 3


@pytest.mark.parametrize("limit", [16, 64, 256, 1024, 4096, 65536, 10**9])
def test_a_budget_is_no_more_than_there_is(limit: int) -> None:
    shares = budget(limit)
    assert min(shares) >= FEWEST
    if limit > 2 * RESERVE:
        assert RESERVE + shares.backlog + shares.calls + shares.clients <= limit
