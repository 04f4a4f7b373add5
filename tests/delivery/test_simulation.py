"""The whole engine under drawn faults, in virtual time: what it promises holds from the outside, whatever happens.

A normal run draws the same few hundred plans each time. The full count, with other plans at each run:
`MAXBOT_TEST_FULL=1 python -m pytest tests/delivery/test_simulation.py`. A plan that fails is shrunk and printed, and
`simulate(plan)` repeats it.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maxbot.outbox.send import Sender
from tests.support import FULL
from tests.support.engine import simulate
from tests.support.simulation.parts import TURN_TIMEOUT, SharedLocks
from tests.support.simulation.plan import Attempt, Conduct, Delivered, History, Outcome, Plan

pytestmark = pytest.mark.faults

simulated = settings(
    max_examples=20_000 if FULL else 200,
    derandomize=not FULL,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

delays = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.1, 1.0]), min_size=1, max_size=6)
outcomes = st.lists(st.sampled_from(Outcome), max_size=25)
deaths = st.lists(st.integers(0, 40), max_size=8)
database_faults = st.frozensets(st.integers(1, 120), max_size=8)


@st.composite
def deliveries(draw: st.DrawFn) -> list[Delivered]:
    return draw(
        st.lists(
            st.builds(
                Delivered,
                user=st.integers(0, 2),
                wait=st.sampled_from([0.0, 0.0, 0.002, 0.05, 2.0, 20.0]),
                worker=st.integers(0, 2),
                again=st.sampled_from([None, None, None, 0.0, 0.01, 5.0]),
                conduct=st.sampled_from([Conduct.ANSWERS] * 6 + [Conduct.THINKS] * 3 + [Conduct.RAISES, Conduct.HANGS]),
                replies=st.sampled_from([(True,), (True, True), (True, False, True), (False,), ()]),
                early=st.sampled_from([0, 0, 1, 2]),
            ),
            min_size=1,
            max_size=14,
        )
    )


plans = st.builds(
    Plan,
    updates=deliveries(),
    outcomes=outcomes,
    delays=delays,
    database_fails_at=database_faults,
    deaths=deaths,
    workers=st.integers(1, 3),
    seed=st.integers(0, 1000),
)


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


# What must hold ──────────────────────────────────────────────────────────────────────────────────────────────────


def check_nothing_is_lost(history: History) -> None:
    """What was acknowledged was run or is a dead letter, and so is each command that a turn produced."""
    ran = Counter(number for numbers in history.states.values() for number in numbers)
    assert not history.left, f"{history.left} rows are left in inbox and outbox"
    assert set(history.acknowledged) == set(range(len(history.plan.updates)))
    assert all(count == 1 for count in ran.values()), f"run twice: {ran}"
    assert set(ran) | history.dead_updates == set(history.acknowledged)
    assert not set(ran) & history.dead_updates
    delivered = {(attempt.turn, attempt.position) for attempt in history.attempts if attempt.delivered}
    assert len(set(history.dead_commands)) == len(history.dead_commands), "one command, two dead letters"
    for number in ran:
        for position in range(len(history.plan.updates[number].replies)):
            assert (number, position) in delivered or (number, position) in history.dead_commands
    last = {attempt.turn for attempt in history.attempts if not is_early(history, attempt)}
    assert last <= set(ran), "a reply of a turn that was never committed"


def is_early(history: History, attempt: Attempt) -> bool:
    return attempt.position < history.plan.updates[attempt.turn].early


def check_early_replies(history: History) -> None:
    """The n-th of a later run takes the place of the n-th of the first: one of them is sent, and no other."""
    made_by: dict[str, int] = {}
    for attempt in history.attempts:
        assert attempt.key.endswith(f".{attempt.position}"), f"{attempt.key} is reply {attempt.position} of its turn"
        assert made_by.setdefault(attempt.key, attempt.run) == attempt.run, f"{attempt.key} was said by two runs"


def check_only_the_guilty_are_set_aside(history: History) -> None:
    """A worker's death is no update's fault before it happened again and again during its turn."""
    for number in history.dead_updates:
        guilty = history.plan.updates[number].conduct in (Conduct.RAISES, Conduct.HANGS)
        assert guilty or history.deaths >= 4, f"update {number} is set aside"


def check_order_of_turns(history: History) -> None:
    """Of two updates of a dialog, the one acknowledged before the other was delivered is run first."""
    for numbers in history.states.values():
        for index, later in enumerate(numbers):
            for earlier in numbers[:index]:
                began = history.acknowledged[earlier][0]
                assert history.acknowledged[later][1] >= began, f"{later} was acknowledged before {earlier} came"


def by_dialog(history: History) -> dict[str, list[tuple[int, Attempt]]]:
    """Return the attempts of each dialog with the place of their turn in it."""
    place = {number: index for numbers in history.states.values() for index, number in enumerate(numbers)}
    attempts = defaultdict(list)
    for attempt in history.attempts:
        if attempt.turn in place:  # else its turn failed after it was sent
            attempts[attempt.dialog].append((place[attempt.turn], attempt))
    return attempts


def check_order_of_replies(history: History) -> None:
    """No attempt at a command before all earlier ones of the dialog are through, and none at one of them after."""
    for attempts in by_dialog(history).values():
        order = [(place, attempt.position) for place, attempt in attempts]
        assert order == sorted(order), f"replies out of order: {order}"
    assert history.overlaps == 0, "two workers sent to one dialog at the same moment"


def repeated(history: History) -> Counter[str]:
    """Return how often each command was delivered beyond the first time."""
    deliveries = Counter(attempt.key for attempt in history.attempts if attempt.delivered)
    return Counter({key: count - 1 for key, count in deliveries.items() if count > 1})


def check_repetitions(history: History, *, exact: bool) -> None:
    """A command repeats only where nobody knew its fate; each time is counted; one not to be repeated never does."""
    lost = Counter(attempt.key for attempt in history.attempts if attempt.outcome is Outcome.ANSWER_LOST)
    total = repeated(history)
    assert total.total() <= history.counters.get("uncertain", 0)
    if exact:
        assert total.total() <= lost.total() + history.deaths
        if not history.deaths:
            assert all(count <= lost[key] for key, count in total.items())
    for attempt in history.attempts:
        assert attempt.resend or attempt.key not in total, f"{attempt.key} must not be repeated"


def check_platforms_wish(history: History) -> None:
    """Where the platform named a time, nothing is sent before it."""
    wait_until: dict[str, float] = {}
    for attempt in history.attempts:
        assert attempt.at >= wait_until.get(attempt.key, 0.0) - 1e-6, f"{attempt.key} was sent too early"
        if attempt.outcome is Outcome.BUSY_FOR_30:
            wait_until[attempt.key] = attempt.at + 30.0


# Tests ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@simulated
@given(plan=plans)
def test_the_promises_hold_whatever_fails(plan: Plan) -> None:
    history = simulate(plan)
    check_nothing_is_lost(history)
    check_only_the_guilty_are_set_aside(history)
    check_order_of_turns(history)
    check_order_of_replies(history)
    check_early_replies(history)
    check_repetitions(history, exact=True)
    if not plan.deaths:  # who dies between the platform's wish and its note has nobody to tell
        check_platforms_wish(history)


@simulated
@given(plan=plans)
def test_with_locks_that_exclude_nobody_the_database_keeps_turns_single_and_counts_what_repeats(plan: Plan) -> None:
    history = simulate(replace(plan, locks_work=False))
    check_nothing_is_lost(history)
    check_order_of_turns(history)
    check_early_replies(history)
    check_repetitions(history, exact=False)


@simulated
@given(plan=st.builds(Plan, updates=deliveries(), delays=delays, workers=st.integers(1, 3)))
def test_without_faults_each_reply_arrives_once_and_soon(plan: Plan) -> None:
    history = simulate(plan, drained_within=len(plan.updates) * (TURN_TIMEOUT + 30.0))
    check_nothing_is_lost(history)
    check_only_the_guilty_are_set_aside(history)
    check_order_of_replies(history)
    assert not repeated(history)
    assert history.counters.get("uncertain", 0) == 0
    assert history.dead_commands == []


def test_a_plan_repeats_to_the_last_attempt() -> None:
    plan = Plan(
        [Delivered(user=number % 2, wait=0.05, worker=number, replies=(True, False)) for number in range(8)],
        outcomes=[Outcome.ANSWER_LOST, Outcome.BUSY, Outcome.SENT, Outcome.REQUEST_LOST],
        delays=(0.01, 0.0, 0.3),
        deaths=(7, 19, 23),
        workers=3,
        seed=5,
    )
    first, second = simulate(plan), simulate(plan)
    assert first == second
    assert first.deaths == 3
    assert repeated(first), "the faults of this plan are meant to hit"


# The checks are able to fail ─────────────────────────────────────────────────────────────────────────────────────


def _fails_in_some_run(check_of: str) -> None:
    updates = [Delivered(user=0, worker=number % 3, replies=(True, True)) for number in range(10)]
    for seed in range(40):
        plan = Plan(
            updates,
            outcomes=[Outcome.BUSY, Outcome.SENT, Outcome.ANSWER_LOST, Outcome.SENT] * 3,
            delays=(0.01, 0.001, 0.3, 0.0, 0.05)[seed % 4 :],
            deaths=(seed, 11, 2 * seed),
            workers=3,
            seed=seed,
        )
        try:
            history = simulate(plan, drained_within=120.0)
            check_nothing_is_lost(history)
            check_order_of_turns(history)
            check_order_of_replies(history)
            check_repetitions(history, exact=True)
        except AssertionError:
            return
    pytest.fail(f"40 runs with a seeded bug ({check_of}), and no check saw it")


def test_a_retry_behind_a_newer_command_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    postpone = Sender._postpone

    async def postpone_and_go_on(self: Sender, *arguments: object) -> None:
        try:
            await postpone(self, *arguments)  # type: ignore[arg-type]
        except Exception:
            return

    monkeypatch.setattr(Sender, "_postpone", postpone_and_go_on)
    _fails_in_some_run("order of replies")


def test_an_uncounted_repetition_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def say_nothing(self: Sender, *arguments: object) -> bool:
        return True

    monkeypatch.setattr(Sender, "_take_up", say_nothing)
    _fails_in_some_run("uncertain")


def test_a_turn_committed_on_another_state_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SharedLocks, "join", lambda self, lock: lock.granted.set_result(None))
    _fails_in_some_run("no lock")
