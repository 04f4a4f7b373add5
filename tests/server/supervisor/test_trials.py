"""The culprit is found in a few deaths, whoever it is, and nobody else is condemned."""

from hypothesis import given
from hypothesis import strategies as st

from maxbot.board import SuspectList, Suspicion, UnderWay
from maxbot.server.supervisor.trials import GROUP, Trials
from maxbot.types import Dialog


def dialog(update: int) -> Dialog:
    return Dialog("test", str(update))


def reported(*updates: int, attempts: int = 0) -> tuple[Trials, SuspectList]:
    """Return trials in which these are suspects, and wait."""
    known = SuspectList.new()
    trials = Trials(known)
    for update in updates:
        trials.report(dialog(update), update, attempts)
    return trials, known


def run(trials: Trials, known: SuspectList, guilty: set[int], *, on_the_loop: bool) -> tuple[set[int], set[int], int]:
    """Try until nobody is left; return who was condemned, who ran, and the deaths that it took."""
    condemned: set[int] = set()
    ran: set[int] = set()
    deaths = 0
    while group := [update for _, update in trials.next()]:
        killers = [update for update in group if update in guilty]
        if killers:
            deaths += 1
            assert deaths < 100
            trials.quarantine_ended(UnderWay(killers[0] if on_the_loop else None, group))
            condemned |= {update for update in group if known.find(update) is Suspicion.GUILTY}
        else:
            ran |= set(group)
            for update in group:
                trials.done(update, ran=True)
                assert known.find(update) is None
    return condemned, ran, deaths


@given(count=st.integers(1, 60), guilty=st.sets(st.integers(1, 60), max_size=4), on_the_loop=st.booleans())
def test_the_guilty_and_nobody_else_are_condemned(count: int, guilty: set[int], on_the_loop: bool) -> None:
    updates = set(range(1, count + 1))
    trials, known = reported(*updates)
    condemned, ran, deaths = run(trials, known, guilty, on_the_loop=on_the_loop)
    assert condemned == guilty & updates
    assert ran == updates - guilty
    assert deaths <= 4 * len(guilty & updates)


def test_who_was_on_the_loop_at_two_deaths_is_guilty_whoever_is_tried_beside_it() -> None:
    trials, known = reported()
    trials.died(UnderWay(5, [4, 5, 6]))
    assert known.find(4) is None, "the others go on at once"
    assert known.find(5) is Suspicion.SUSPECTED
    for update in (5, 7, 8):
        trials.report(dialog(update), update, 0)
    assert len(trials.next()) == 3
    assert trials.quarantine_ended(UnderWay(5, [5, 7, 8])) == [dialog(5)]
    assert known.find(5) is Suspicion.GUILTY
    assert [update for _, update in trials.next()] == [7, 8]


def test_a_command_of_which_the_quarantine_died_after_its_turn_is_suspected_too() -> None:
    trials, known = reported(1)
    trials.next()
    trials.done(1, ran=True)
    trials.quarantine_ended(UnderWay(1, []))
    assert known.find(1) is Suspicion.SUSPECTED
    trials.report(dialog(1), 1, 0)
    trials.next()
    assert trials.quarantine_ended(UnderWay(1, [])) == [dialog(1)]
    assert known.find(1) is Suspicion.GUILTY


def test_a_quarantine_that_dies_before_it_began_condemns_nobody() -> None:
    trials, known = reported(1)
    for _ in range(5):
        assert trials.next() == [(dialog(1), 1)]
        assert trials.quarantine_ended(UnderWay(None, [])) == []
    assert known.find(1) is Suspicion.SUSPECTED


def test_a_quarantine_that_is_replaced_condemns_nobody() -> None:
    trials, known = reported(1)
    for _ in range(5):
        assert trials.next() == [(dialog(1), 1)]
        trials.quarantine_ended(None)
    assert known.find(1) is Suspicion.SUSPECTED


def test_groups_are_small_and_who_died_alone_with_the_whole_server_is_tried_alone() -> None:
    trials, _ = reported(*range(1, GROUP + 3))
    trials.report(dialog(99), 99, 2)
    sizes = []
    while group := trials.next():
        sizes.append(len(group))
        for _, update in group:
            trials.done(update, ran=True)
    assert sizes == [GROUP, 2, 1]


def test_a_suspect_that_has_to_wait_is_reported_again() -> None:
    trials, known = reported(1)
    trials.next()
    trials.done(1, ran=False)
    assert known.find(1) is Suspicion.SUSPECTED
    assert not trials.waiting
    trials.report(dialog(1), 1, 0)
    assert trials.next() == [(dialog(1), 1)]
