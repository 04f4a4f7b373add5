"""Decides from outside whether the promises were kept: from what was delivered to the webhook and what was sent back.

It knows nothing of the server: not its log, not its database. Of the bot it knows which replies a message gets: `Bot`.

The promises, and what breaks them:

lost        an acknowledged update has a reply that never was delivered
order       of two updates of a chat, the one acknowledged before the other was first delivered is answered later
turns       replies of a turn are out of order, or another turn's come between them, or two sends overlap in time
stray       a reply was tried again after a later one had begun
repeated    a reply was delivered again although the platform had confirmed the first
early       something was sent before the time that a 429 named
state       what the bot counts in its state has a gap or a repeat, or a turn ran twice
unknown     a reply to a message that nobody sent
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from tests.support.records import Call, Sent


@dataclass(frozen=True)
class Bot:
    """Which replies a message gets."""

    replies: int = 1
    """For each message: its own text, or for more than one `text#1`, `text#2`, …"""
    counter: bool = False
    """Whether each reply ends in a space and the number of the chat's turns so far, from the bot's state."""

    def parse(self, reply: str) -> "Reply":
        """Say which turn a reply belongs to.

        Raises:
            ValueError: This bot says nothing like it.
        """
        turn, count, index = reply, 0, 1
        if self.counter:
            turn, _, number = turn.rpartition(" ")
            count = int(number)
        if self.replies > 1:
            turn, _, number = turn.rpartition("#")
            index = int(number)
        if not 1 <= index <= self.replies:
            raise ValueError(f"this bot gives {self.replies} replies to a message")
        return Reply(turn, index, count)


@dataclass(frozen=True)
class Reply:
    turn: str
    """Text of the message that it answers."""
    index: int
    """From 1."""
    count: int
    """The state's number of turns; 0 without one."""


@dataclass
class Verdict:
    """What was found. `violations` is empty where all promises were kept; the counts say what they rest on."""

    violations: list[str] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    """The first thing of each kind that is allowed up to a number."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many violations of each kind, whether or not they are among the sentences."""
    chats: int = 0
    updates: int = 0
    acknowledged: int = 0
    answered: int = 0
    """Updates all of whose replies were delivered."""
    pairs_in_order: int = 0
    """Neighbouring turns of which the rule of order was able to say something."""
    delivered: int = 0
    """Replies that users saw, repetitions counted."""
    uncertain: int = 0
    """Repetitions after an attempt of unknown outcome: allowed, each of them."""
    repeated: int = 0
    """Repetitions of a reply whose delivery was confirmed."""
    strays: int = 0
    """Attempts at a reply after a later one had begun."""
    early: int = 0
    """Attempts before the time that a 429 named."""

    @property
    def ok(self) -> bool:
        return not self.kinds

    def __str__(self) -> str:
        facts = (
            f"{self.chats} chats, {self.updates} updates, {self.acknowledged} acknowledged, {self.answered} answered, "
            f"{self.pairs_in_order} pairs in order, {self.delivered} replies delivered, {self.uncertain} of them again "
            f"after an unknown outcome, {self.repeated} after a confirmed one, {self.strays} strays, {self.early} early"
        )
        if self.ok:
            return f"kept: {facts}"
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kinds.items()))
        return "\n  ".join([f"broken ({kinds}): {facts}", *self.violations])

    def broken(self, kind: str, sentence: str) -> None:
        """Note a violation. More than twenty sentences of a kind help nobody."""
        self.kinds[kind] += 1
        if self.kinds[kind] <= 20:
            self.violations.append(f"{kind}: {sentence}")


@dataclass
class Turn:
    """What the history shows of one update."""

    sent: Sent
    first: dict[int, int] = field(default_factory=dict)
    """For each reply's index, the place in the history of its first delivery."""
    counts: set[int] = field(default_factory=set)
    """What its replies say of the state."""


def check(
    updates: Iterable[Sent],
    calls: Iterable[Call],
    bot: Bot | None = None,
    *,
    set_aside: Collection[str] = (),
    blocked: Collection[str] = (),
    allowed_repeats: int = 0,
    allowed_strays: int = 0,
    allowed_early: int = 0,
) -> Verdict:
    """Judge a run that is over: everything was acknowledged or given up, and nothing more is being sent.

    Args:
        updates: What the load generator delivered.
        calls: The stand-in's history, whole and in order of arrival.
        bot: Default: a bot that echoes.
        set_aside: Texts of messages known to be among the dead letters: they need no replies.
        blocked: Chats that refuse messages: theirs need not arrive.
        allowed_repeats: A kill between the platform's answer and the note of it makes one repetition for each send that
            the killed process had under way.
        allowed_strays: A process that was paused and lost its lock may still do the one send it was about to do.
        allowed_early: A kill may forget a 429.
    """
    bot = bot or Bot()
    verdict = Verdict()
    turns: dict[str, dict[str, Turn]] = defaultdict(dict)
    for update in updates:
        turns[update.chat][update.text] = Turn(update)
    attempts: dict[str, list[tuple[Call, Reply]]] = defaultdict(list)
    for place, call in enumerate(calls):
        if not call.chat:
            continue
        try:
            reply = bot.parse(call.text)
            turn = turns[call.chat][reply.turn]
        except (ValueError, KeyError):
            verdict.broken("unknown", f"chat {call.chat} was sent {call.text!r}, an answer to nothing")
            continue
        attempts[call.chat].append((call, reply))
        if call.delivered:
            turn.first.setdefault(reply.index, place)
            turn.counts.add(reply.count)
    for chat, of_chat in turns.items():
        everything = list(of_chat.values())
        _check_lost(verdict, everything, bot, set_aside, chat in blocked)
        _check_order(verdict, everything)
        _check_turns(verdict, attempts[chat], bot)
        _count_repeats(verdict, attempts[chat])
        if bot.counter and chat not in blocked:
            _check_state(verdict, chat, everything)
    verdict.chats = len(turns)
    for kind, found, allowed in (
        ("repeated", verdict.repeated, allowed_repeats),
        ("stray", verdict.strays, allowed_strays),
        ("early", verdict.early, allowed_early),
    ):
        if found > allowed:
            verdict.broken(kind, f"{found} where {allowed} are allowed; the first: {verdict.examples[kind]}")
    return verdict


def _check_lost(
    verdict: Verdict, turns: Iterable[Turn], bot: Bot, set_aside: Collection[str], is_blocked: bool
) -> None:
    for turn in turns:
        verdict.updates += 1
        missing = [index for index in range(1, bot.replies + 1) if index not in turn.first]
        verdict.answered += not missing
        acknowledged = turn.sent.acknowledged
        if acknowledged is None:
            continue
        verdict.acknowledged += 1
        if missing and not is_blocked and turn.sent.text not in set_aside:
            replies = f" (replies {missing} of {bot.replies})" if bot.replies > 1 else ""
            verdict.broken(
                "lost", f"{turn.sent.text} was acknowledged at {acknowledged:.3f} and never answered{replies}"
            )


def _check_order(verdict: Verdict, turns: Iterable[Turn]) -> None:
    """Compare each turn with the latest reply to anything acknowledged before it was first delivered."""
    answered = [turn for turn in turns if turn.first]
    by_acknowledgement = sorted(
        ((at, turn) for turn in answered if (at := turn.sent.acknowledged) is not None), key=lambda pair: pair[0]
    )
    latest: Turn | None = None
    seen = 0
    for turn in sorted(answered, key=lambda turn: turn.sent.first_sent):
        while seen < len(by_acknowledgement) and by_acknowledgement[seen][0] < turn.sent.first_sent:
            earlier = by_acknowledgement[seen][1]
            if latest is None or max(earlier.first.values()) > max(latest.first.values()):
                latest = earlier
            seen += 1
        if latest is None:
            continue
        if min(turn.first.values()) < max(latest.first.values()):
            verdict.broken(
                "order",
                f"{turn.sent.text} was answered before {latest.sent.text}, which was acknowledged "
                f"{turn.sent.first_sent - (latest.sent.acknowledged or 0):.3f} s before the other was first delivered",
            )
        else:
            verdict.pairs_in_order += 1


def _check_turns(verdict: Verdict, attempts: Sequence[tuple[Call, Reply]], bot: Bot) -> None:
    """All attempts at sending, failed ones too: one reply after the other, to its end, then the next turn."""
    begun: set[tuple[str, int]] = set()
    ended: set[tuple[str, int]] = set()
    last: tuple[Call, Reply] | None = None
    for call, reply in attempts:
        item = (reply.turn, reply.index)
        if last is not None:
            last_call, last_reply = last
            last_item = (last_reply.turn, last_reply.index)
            if item in begun and item != last_item:
                verdict.strays += 1
                verdict.examples.setdefault("stray", f"{call.text!r} was tried again after {last_call.text!r}")
                continue
            if last_call.answered is not None and call.arrived < last_call.answered:
                verdict.broken(
                    "turns", f"{call.text!r} was sent while {last_call.text!r} was still waiting for its answer"
                )
            if item != last_item and last_item not in ended:
                verdict.broken("turns", f"{call.text!r} was sent before {last_call.text!r} had arrived")
            if reply.turn != last_reply.turn and last_reply.index != bot.replies:
                verdict.broken("turns", f"{call.text!r} came between the replies of {last_reply.turn}")
        in_turn = last[1].index if last is not None and last[1].turn == reply.turn else 0
        if reply.index > in_turn + 1:
            verdict.broken("turns", f"{call.text!r} was sent before reply {in_turn + 1} of its turn")
        begun.add(item)
        if call.delivered or call.outcome in ("400", "403"):
            ended.add(item)
        last = (call, reply)


def _count_repeats(verdict: Verdict, attempts: Sequence[tuple[Call, Reply]]) -> None:
    confirmed: dict[tuple[str, int], bool] = {}
    for call, reply in attempts:
        if call.outcome == "early":
            verdict.early += 1
            verdict.examples.setdefault(
                "early", f"{call.text!r} was sent {call.retry_after} s or less before its time, at {call.arrived:.3f}"
            )
        if not call.delivered:
            continue
        verdict.delivered += 1
        item = (reply.turn, reply.index)
        if confirmed.get(item):
            verdict.repeated += 1
            verdict.examples.setdefault("repeated", f"{call.text!r} came again after it was confirmed")
        elif item in confirmed:
            verdict.uncertain += 1
        confirmed[item] = confirmed.get(item, False) or (call.outcome == "ok" and call.answered is not None)


def _check_state(verdict: Verdict, chat: str, turns: Iterable[Turn]) -> None:
    """In the order of their first replies, the turns count 1, 2, 3, …, whatever else was repeated."""
    in_order = sorted((turn for turn in turns if turn.first), key=lambda turn: min(turn.first.values()))
    for expected, turn in enumerate(in_order, start=1):
        if len(turn.counts) > 1:
            verdict.broken("state", f"{turn.sent.text} ran more than once: it counted {sorted(turn.counts)}")
        elif turn.counts != {expected}:
            verdict.broken(
                "state", f"{turn.sent.text}, turn {expected} of chat {chat}, counted {next(iter(turn.counts))}"
            )
            return  # all later ones are shifted as well
