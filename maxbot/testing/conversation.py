"""`Conversation`: a user who talks to a bot, for the tests of its author."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any

from maxbot.bot import MaxBot
from maxbot.bot.messages import FROM_CHANNELS, checked_message
from maxbot.bot.tryout import Run, Tryout
from maxbot.channels.media import Bounds, Media
from maxbot.errors import CannotFetch
from maxbot.journal.console import lines
from maxbot.journal.record import FinishedTurn, make_record
from maxbot.maxml import MaxMLError
from maxbot.testing.replies import Replies, difference, fits, wanted
from maxbot.types import Dialog, Message, State, Timer, TimerChanges, TurnResult

PAUSE = timedelta(seconds=10)
"""Between two turns, once a test has said what time it is."""

_users = count(1)


class Conversation:
    """A user of a bot. What the bot remembers of them is kept here, and by nobody else.

        ada = Conversation(bot)
        ada.says("lunch").expects("Soup or salad?")
        ada.says("soup").expects("Tomato soup.", "Anything else?")

    Args:
        bot: Runs the turns.
        user: The user's name; None is a new one.
        channel: The name of their channel.
        utc_time: When the first turn happens; one without a zone is UTC. None: turns happen at the real time.
        files: What the bot gets when it fetches a file that was sent, by `file_id` or `url`; nothing is asked for it.
    """

    def __init__(
        self,
        bot: MaxBot,
        user: str | None = None,
        channel: str = "test",
        *,
        utc_time: datetime | None = None,
        files: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self.dialog = Dialog(channel, user or f"user-{next(_users)}")
        self.turns: list[FinishedTurn] = []
        """What has happened, failed turns included."""
        self._bot = bot
        self._files = files
        self._tryout = Tryout(bot.after_failure)
        self._clock: datetime | None = None
        self._timers: list[tuple[datetime, Timer]] = []
        if utc_time is not None:
            self.at(utc_time)

    # -- the clock

    def at(self, utc_time: datetime) -> "Conversation":
        """Say when the next turn happens; from then on each is 10 seconds after the one before.

        Timers that are due by then ring first, and the turns of their requests are turns of the conversation.

        Raises:
            TurnError: The bot failed at one of them.
        """
        zoned = utc_time if utc_time.tzinfo is not None else utc_time.replace(tzinfo=UTC)
        then = zoned.astimezone(UTC)
        self._ring(then)
        self._clock = then
        return self

    def waits(self, **duration: float) -> "Conversation":
        """Let time go by before the next turn: `waits(hours=3)`, with the arguments of `timedelta`. See `at`."""
        return self.at((self._clock or datetime.now(UTC)) + timedelta(**duration))

    def _ring_before(self) -> None:
        """Let all ring that are due before the next turn."""
        clock = self._clock
        self._ring(clock or datetime.now(UTC))
        self._clock = clock

    def _ring(self, until: datetime) -> None:
        while self._timers and self._timers[0][0] <= until:
            due, timer = self._timers.pop(0)
            self._clock = due
            self._request({"method": timer.name, "params": timer.params})

    def _set(self, changes: TimerChanges, time: datetime) -> None:
        gone = set(changes.cancelled)
        kept = [one for one in self._timers if gone.isdisjoint((one[1].id, one[1].name))]
        new = [(time + timedelta(seconds=timer.seconds), timer) for timer in changes.set]
        self._timers = sorted(kept + new, key=lambda one: one[0])

    # -- what happens

    def says(self, message: Message | str) -> "Conversation":
        """Say something, a text or a message.

        Raises:
            TurnError: The bot failed; it remembers what it did before.
        """
        said = message if isinstance(message, dict) and self._is_for_the_bot(message) else checked_message(message)
        self._ring_before()
        run = self._bot.run_turn
        return self._run(lambda time: lambda who, state: run(said, who, state, time, fetch=self._fetch), message=said)

    async def _fetch(self, file: Mapping[str, Any], bounds: Bounds) -> Media:
        known = str(file.get("file_id") or file.get("url"))
        if known not in self._files:
            raise CannotFetch(f"this test has no file {known!r}: Conversation(bot, files={{{known!r}: b'...'}})")
        body = self._files[known]
        if len(body) > bounds.size:
            raise CannotFetch(f"it is larger than {bounds.size} bytes")
        return Media(body, str(file.get("name") or ""))

    def _is_for_the_bot(self, message: Message) -> bool:
        """Whether a message is what a channel makes, or for a bot that takes whatever its channels make."""
        return self._bot.definition is None or any(kind in message for kind in FROM_CHANNELS)

    def presses(self, title: str) -> "Conversation":
        """Press a button, or take a quick reply, of the last turn's replies.

        Raises:
            AssertionError: There is none with this title.
            TurnError: The bot failed.
        """
        __tracebackhide__ = True
        for reply in self.replies:
            for button in reply.get("buttons", {}).get("buttons", ()):
                if button["title"] == title and "url" not in button:
                    return self.says({"button": {"payload": button.get("payload", title), "title": title}})
            if any(offer["title"] == title for offer in reply.get("quick_replies", {}).get("replies", ())):
                return self.says(title)
        raise AssertionError(f"The bot offered no button {title!r}.\n\n{self}")

    def calls(self, method: str, **params: Any) -> "Conversation":
        """Let another program ask the bot to speak to this user.

        Raises:
            RpcError: The request is refused.
            TurnError: The bot failed.
        """
        return self.requests({"method": method, "params": params})

    def requests(self, request: dict[str, Any]) -> "Conversation":
        """Do what `calls` does with a whole request: `{"method": ..., "params": {...}}`."""
        self._ring_before()
        return self._request(request)

    def _request(self, request: dict[str, Any]) -> "Conversation":
        return self._run(lambda time: lambda who, state: self._bot.run_request(request, who, state, time), rpc=request)

    def _run(self, at: Callable[[datetime], Run], **given: Any) -> "Conversation":
        time = self._clock or datetime.now(UTC)
        run, came = at(time), list[TurnResult]()
        given["before"] = self._tryout.state(self.dialog)

        async def watched(who: Dialog, state: State) -> TurnResult:
            came.append(await run(who, state))
            return came[0]

        try:
            commands = self._tryout.process(watched, self.dialog)
        except Exception as error:
            visited = getattr(error, "visited", None)
            self._note(FinishedTurn(dialog=self.dialog, utc_time=time, visited=visited, error=error, **given))
            raise
        self._set(came[0].timers, time)
        state, visited = came[0].state, came[0].visited
        self._note(
            FinishedTurn(
                dialog=self.dialog, utc_time=time, commands=commands, state=state, visited=visited, **deepcopy(given)
            )
        )
        return self

    def _note(self, turn: FinishedTurn) -> None:
        self.turns.append(turn)
        if self._clock is not None:
            self._clock += PAUSE

    # -- what came of it

    @property
    def replies(self) -> Replies:
        """The replies of the last turn; none before the first, and where it failed."""
        return list(self.turns[-1].commands) if self.turns else []

    @property
    def state(self) -> State:
        """A copy of all that the bot remembers of this user."""
        return deepcopy(self._tryout.state(self.dialog))

    @property
    def user(self) -> dict[str, Any]:
        """A copy of the variables of `user` in a YAML bot."""
        return dict(self.state.get("user", {}))

    @property
    def slots(self) -> dict[str, Any]:
        """A copy of the variables of `slots` in a YAML bot."""
        return dict(self.state.get("slots", {}))

    def expects(self, *replies: str | dict[str, Any]) -> "Conversation":
        """Assert that the last turn said exactly this, nothing if nothing is given.

        Args:
            replies: In their order; each as a response would say it (`"Good day! <image url='...'/>"`), or as
                `{"text": ...}`. White space and the markup inside texts are no matter.

        Raises:
            AssertionError: It said something else. The text has the conversation so far and the difference.
        """
        __tracebackhide__ = True
        return self.expects_one_of(replies)

    def expects_one_of(self, *alternatives: str | dict[str, Any] | Sequence[str | dict[str, Any]]) -> "Conversation":
        """Assert that the last turn said one of these; several replies of one alternative are a list.

        Raises:
            AssertionError: It did not.
        """
        __tracebackhide__ = True
        given = [[item] if isinstance(item, str | dict) else item for item in alternatives]
        try:
            expected = [wanted(item, self._bot.markup) for item in given]
        except MaxMLError as error:
            raise ValueError(f"this expectation is no reply: {error}") from None
        if not any(fits(one, self.replies) for one in expected):
            raise AssertionError(
                f"The bot said something else.\n\n{self}\n\n{difference(expected, self.replies, self._bot.markup)}"
            )
        return self

    def __str__(self) -> str:
        return "\n".join(line for turn in self.turns for line in lines(make_record(turn)))

    def __repr__(self) -> str:
        return f"<Conversation of {self.dialog}, {len(self.turns)} turns>"
