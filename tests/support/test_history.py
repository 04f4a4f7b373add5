"""The checker finds each broken promise, and nothing where all are kept.

First histories by hand, one for each way to break a promise; then random ones from a small model of a server that keeps
them all, and the same ones with one thing spoilt.
"""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.history import Bot, Verdict, check
from tests.support.records import Call, Delivery, Outcome, Sent


def sent(text: str, *deliveries: tuple[float, float | None]) -> Sent:
    """An update with deliveries `(sent, acknowledged)`; None: no answer came."""
    return Sent(
        0,
        text.split("/")[0],
        text,
        0.0,
        [
            Delivery(start, end, 200) if end is not None else Delivery(start, start + 0.5, None, "reset")
            for start, end in deliveries
        ],
    )


def history(*calls: tuple[str, float] | tuple[str, float, Outcome]) -> list[Call]:
    """Calls `(text, arrived, outcome)`, each answered 0.1 s after it arrived."""
    result = []
    for n, (text, arrived, *rest) in enumerate(calls):
        outcome: Outcome = rest[0] if rest else "ok"
        answered = None if outcome == "stall" else arrived + 0.1
        result.append(Call(n, "sendMessage", text.split("/")[0], text, arrived, arrived, outcome, answered))
    return result


A, B = sent("1/1", (0, 0.1)), sent("1/2", (0.2, 0.3))
TWO = Bot(replies=2)
COUNTING = Bot(counter=True)


def kinds(verdict: Verdict) -> set[str]:
    return set(verdict.kinds)


def test_a_plain_run_is_kept_and_counted() -> None:
    verdict = check([A, B], history(("1/1", 1), ("1/2", 2)))
    assert verdict.ok, verdict
    assert (verdict.chats, verdict.updates, verdict.acknowledged, verdict.answered) == (1, 2, 2, 2)
    assert (verdict.pairs_in_order, verdict.delivered, verdict.uncertain, verdict.repeated) == (1, 2, 0, 0)
    assert str(verdict).startswith("kept: ")


def test_an_acknowledged_update_without_a_reply_is_lost() -> None:
    verdict = check([A, B], history(("1/1", 1)))
    assert kinds(verdict) == {"lost"}
    assert "1/2 was acknowledged at 0.300 and never answered" in str(verdict)


def test_a_reply_that_was_only_tried_is_lost_as_well() -> None:
    assert kinds(check([A], history(("1/1", 1, "500")))) == {"lost"}


def test_the_second_of_two_replies_can_be_lost() -> None:
    assert kinds(check([A], history(("1/1#1", 1)), TWO)) == {"lost"}


def test_what_was_never_acknowledged_need_not_be_answered() -> None:
    assert check([sent("1/1", (0, None))], []).ok


def test_dead_letters_and_blocked_chats_need_no_replies() -> None:
    assert check([A], [], set_aside={"1/1"}).ok
    assert check([A], history(("1/1", 1, "403")), blocked={"1"}).ok


def test_acknowledged_before_the_other_was_delivered_means_answered_before_it() -> None:
    verdict = check([A, B], history(("1/2", 1), ("1/1", 2)))
    assert kinds(verdict) == {"order"}
    assert "1/2 was answered before 1/1" in str(verdict)


def test_updates_delivered_at_the_same_time_may_be_answered_in_any_order() -> None:
    overlapping = sent("1/2", (0.05, 0.3))
    for order in (("1/1", "1/2"), ("1/2", "1/1")):
        assert check([A, overlapping], history((order[0], 1), (order[1], 2))).ok


def test_a_second_delivery_does_not_change_the_order_of_the_first() -> None:
    again = sent("1/2", (0.05, None), (5, 5.1))
    assert check([A, again], history(("1/2", 1), ("1/1", 2))).ok


def test_order_is_checked_against_all_earlier_turns_not_just_the_neighbour() -> None:
    third = sent("1/3", (0.4, 0.5))
    verdict = check([A, B, third], history(("1/2", 1), ("1/3", 2), ("1/1", 3)))
    assert verdict.kinds["order"] == 2


def test_chats_have_no_order_among_each_other() -> None:
    assert check([A, sent("2/1", (0.2, 0.3))], history(("2/1", 1), ("1/1", 2))).ok


def test_replies_of_a_turn_in_the_wrong_order() -> None:
    assert "turns" in kinds(check([A], history(("1/1#2", 1), ("1/1#1", 2)), TWO))


def test_replies_of_two_turns_interleaved() -> None:
    overlapping = sent("1/2", (0.05, 0.3))
    mixed = history(("1/1#1", 1), ("1/2#1", 2), ("1/1#2", 3), ("1/2#2", 4))
    assert "turns" in kinds(check([A, overlapping], mixed, TWO))


def test_a_turn_begins_while_the_last_reply_of_the_one_before_waits_for_its_answer() -> None:
    verdict = check([A, B], history(("1/1", 1), ("1/2", 1.05)))
    assert kinds(verdict) == {"turns"}
    assert "'1/2' was sent while '1/1' was still waiting" in str(verdict)


def test_a_later_reply_overtakes_one_that_failed() -> None:
    verdict = check([A, B], history(("1/1", 1, "500"), ("1/2", 2), ("1/1", 3)))
    assert {"turns", "stray", "order"} == kinds(verdict)


def test_a_reply_tried_again_after_a_later_one_is_a_stray() -> None:
    calls = history(("1/1", 1, "lost"), ("1/2", 2), ("1/1", 3))
    verdict = check([A, B], calls)
    assert kinds(verdict) == {"stray"}
    assert "'1/1' was tried again after '1/2'" in str(verdict)
    assert check([A, B], calls, allowed_strays=1).ok


def test_a_confirmed_reply_comes_again() -> None:
    calls = history(("1/1", 1), ("1/1", 2))
    verdict = check([A], calls)
    assert kinds(verdict) == {"repeated"}
    assert check([A], calls, allowed_repeats=1).ok
    assert not check([A], history(("1/1", 1), ("1/1", 2), ("1/1", 3)), allowed_repeats=1).ok


def test_a_confirmed_reply_stays_confirmed_whatever_comes_after() -> None:
    verdict = check([A], history(("1/1", 1), ("1/1", 2, "lost"), ("1/1", 3)))
    assert (verdict.repeated, verdict.uncertain) == (2, 0)


@pytest.mark.parametrize("outcome", ["lost", "500_after", "stall"])
def test_a_reply_may_come_again_after_an_unknown_outcome_and_is_counted(outcome: Outcome) -> None:
    verdict = check([A], history(("1/1", 1, outcome), ("1/1", 2)))
    assert verdict.ok, verdict
    assert (verdict.uncertain, verdict.repeated) == (1, 0)


def test_a_reply_may_come_again_when_its_sender_was_gone_before_the_answer() -> None:
    calls = history(("1/1", 1), ("1/1", 2))
    calls[0].answered = None
    verdict = check([A], calls)
    assert verdict.ok
    assert verdict.uncertain == 1


@pytest.mark.parametrize("outcome", ["429", "500"])
def test_a_reply_that_was_not_delivered_is_no_repetition(outcome: Outcome) -> None:
    verdict = check([A], history(("1/1", 1, outcome), ("1/1", 2)))
    assert verdict.ok
    assert verdict.uncertain == verdict.repeated == 0


def test_a_send_before_its_time() -> None:
    calls = history(("1/1", 1, "429"), ("1/1", 1.5, "early"), ("1/1", 2))
    assert kinds(check([A], calls)) == {"early"}
    assert check([A], calls, allowed_early=1).ok


def test_an_answer_to_nothing() -> None:
    assert kinds(check([A], history(("1/1", 1), ("1/7", 2)))) == {"unknown"}
    assert "unknown" in kinds(check([A], history(("1/1#3", 1)), TWO))
    assert "unknown" in kinds(check([A, sent("2/1", (0, 1))], [*history(("1/1", 1)), _to("2", "1/1")]))


def _to(chat: str, text: str) -> Call:
    return Call(9, "sendMessage", chat, text, 9, 9, "ok", 9.1)


def test_the_state_counts_every_turn_once() -> None:
    assert check([A, B], history(("1/1 1", 1), ("1/2 2", 2)), COUNTING).ok
    assert check([A], history(("1/1#1 1", 1), ("1/1#2 1", 2)), Bot(replies=2, counter=True)).ok


@pytest.mark.parametrize("counts", [(1, 1), (1, 3), (2, 3), (2, 1), (0, 1)])
def test_a_state_with_a_gap_or_a_repeat(counts: tuple[int, int]) -> None:
    calls = history((f"1/1 {counts[0]}", 1), (f"1/2 {counts[1]}", 2))
    assert kinds(check([A, B], calls, COUNTING)) == {"state"}


def test_a_turn_that_ran_twice_shows_in_its_count() -> None:
    verdict = check([A], history(("1/1 1", 1, "lost"), ("1/1 2", 2)), COUNTING)
    assert kinds(verdict) == {"state"}
    assert "ran more than once" in str(verdict)


def test_calls_of_other_methods_are_nobody_s_replies() -> None:
    assert check([A], [Call(0, "setWebhook", "", "", 0, 0, "ok", 0.1), *history(("1/1", 1))]).ok


# Random histories.


ENDS: list[Outcome] = ["ok", "429", "500", "500_after", "lost", "stall"]


class Model:
    """A server that keeps its promises, under a platform that does not make it easy. Times are made up."""

    def __init__(self, seed: int, replies: int, counter: bool, faults: bool) -> None:
        self.chance = random.Random(seed)
        self.bot = Bot(replies=replies, counter=counter)
        self.faults = faults
        self.updates: list[Sent] = []
        self.calls: list[Call] = []
        per_chat = [self._chat(str(chat)) for chat in range(1, self.chance.randint(2, 5))]
        merged = sorted((call for calls in per_chat for call in calls), key=lambda call: call.arrived)
        for n, call in enumerate(merged):
            call.n = n
        self.calls = merged

    def _chat(self, chat: str) -> list[Call]:
        accepted = self._deliver(chat)
        calls: list[Call] = []
        now = 0.0
        for count, (accepted_at, update) in enumerate(accepted, start=1):
            now = max(now, accepted_at)
            for index in range(1, self.bot.replies + 1):
                text = update.text + (f"#{index}" if self.bot.replies > 1 else "")
                now = self._send(calls, chat, text + (f" {count}" if self.bot.counter else ""), now)
        return calls

    def _deliver(self, chat: str) -> list[tuple[float, Sent]]:
        """Deliver a chat's updates, some twice, some at the same time; return them as the inbox has them."""
        accepted: list[tuple[float, Sent]] = []
        now = 0.0
        for number in range(1, self.chance.randint(2, 8)):
            update = Sent(number, chat, f"{chat}/{number}", now, [])
            start = now + self.chance.random()
            taken = start + self.chance.random()
            answer = taken + self.chance.random()
            accepted.append((taken, update))
            if self.chance.random() < 0.2:  # taken, and the answer did not arrive
                update.deliveries.append(Delivery(start, answer, None, "reset"))
                start, answer = answer + 0.1, answer + 0.2
            update.deliveries.append(Delivery(start, answer, 200))
            if self.chance.random() < 0.2:
                update.deliveries.append(Delivery(start, answer, 200))
            self.updates.append(update)
            now = answer if self.chance.random() < 0.7 else start
        return sorted(accepted, key=lambda pair: pair[0])

    def _send(self, calls: list[Call], chat: str, text: str, now: float) -> float:
        while True:
            outcome: Outcome = "ok"
            if self.faults:
                outcome = self.chance.choices(ENDS, [10, 1, 1, 1, 1, 1])[0]
            arrived = now + self.chance.random()
            answered = arrived + self.chance.random()
            calls.append(
                Call(0, "sendMessage", chat, text, arrived, 0, outcome, None if outcome == "stall" else answered)
            )
            now = answered + (1 if outcome == "429" else 0)
            if outcome == "ok":
                return now

    def check(self) -> Verdict:
        return check(self.updates, self.calls, self.bot)


models = st.builds(
    Model,
    seed=st.integers(0, 2**32),
    replies=st.integers(1, 3),
    counter=st.booleans(),
    faults=st.booleans(),
)


@given(model=models)
def test_a_server_that_keeps_its_promises_is_never_blamed(model: Model) -> None:
    verdict = model.check()
    assert verdict.ok, verdict
    assert verdict.answered == verdict.updates == len(model.updates)


@given(model=models, data=st.data())
def test_a_lost_reply_is_always_found(model: Model, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(sorted({call.text for call in model.calls})))
    model.calls = [call for call in model.calls if call.text != text]
    assert "lost" in model.check().kinds


@given(model=models, data=st.data())
def test_a_confirmed_reply_sent_again_is_always_found(model: Model, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([n for n, call in enumerate(model.calls) if call.outcome == "ok"]))
    first = model.calls[place]
    assert first.answered is not None
    again = Call(0, "sendMessage", first.chat, first.text, first.answered, 0, "ok", first.answered)
    model.calls.insert(place + 1, again)
    assert "repeated" in model.check().kinds


@given(model=models, data=st.data())
def test_two_replies_of_a_chat_exchanged_are_always_found(model: Model, data: st.DataObject) -> None:
    """The one exception: turns that were delivered at the same time and have nothing in them to tell their order."""
    chat = data.draw(st.sampled_from(sorted({call.chat for call in model.calls})))
    texts = list(dict.fromkeys(call.text for call in model.calls if call.chat == chat))
    place = data.draw(st.integers(0, len(texts) - 1))
    if place + 1 == len(texts):
        return
    exchanged: dict[str, Any] = {texts[place]: texts[place + 1], texts[place + 1]: texts[place]}
    first, second = (model.bot.parse(text).turn for text in (texts[place], texts[place + 1]))
    by_text = {update.text: update for update in model.updates}
    acknowledged = by_text[first].acknowledged
    assert acknowledged is not None
    free = first != second and acknowledged >= by_text[second].first_sent
    for call in model.calls:
        call.text = exchanged.get(call.text, call.text)
    verdict = model.check()
    if free and model.bot.replies == 1 and not model.bot.counter:
        assert verdict.ok, verdict
    else:
        assert not verdict.ok
