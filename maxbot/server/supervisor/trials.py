"""Which updates are suspected of a worker's death, which are tried next, and which are guilty.

    died of it     its turn, or a command of it, was on the event loop at a death: suspected alone. None was: all turns
                   that were under way are
    tried          in the quarantine, up to 8 at once; when that dies without one on its loop, in two halves
    guilty         on the event loop at two deaths, or tried alone when the quarantine died
    not guilty     whatever was run to its end, and whatever was not under way when somebody died

Knows nothing of processes.
"""

from collections import Counter, deque
from collections.abc import Iterable

from maxbot.board import SuspectList, Suspicion, UnderWay
from maxbot.types import Dialog

GROUP = 8
"""Suspects tried at once: one of them is found after four deaths, and 100 innocents after a death are through in 13
times the time of a turn."""

ALONE = 2
"""Attempts of an update in the inbox from which on it is tried alone."""


class Trials:
    """The suspects of a run.

    Args:
        known: Where the workers see them.
    """

    def __init__(self, known: SuspectList) -> None:
        self._known = known
        self._dialogs: dict[int, Dialog] = {}
        """Of the suspects that wait or are tried."""
        self._on_the_loop: Counter[int] = Counter()
        self._guilty: set[int] = set()
        self._waiting: deque[list[int]] = deque()
        """Groups: updates that may be tried together."""
        self._growing: list[int] = []
        """One of them that takes more, or none."""
        self._trying: list[int] = []

    @property
    def waiting(self) -> bool:
        """Whether there is somebody to be tried."""
        return bool(self._waiting)

    @property
    def trying(self) -> bool:
        """Whether a trial is on."""
        return bool(self._trying)

    def suspect(self, updates: Iterable[int]) -> None:
        """Have nobody run these until it is known how their worker ended."""
        for update in updates:
            if update not in self._guilty:
                self._known.put(update)

    def clear(self, updates: Iterable[int]) -> None:
        """Their worker ended well, or the turn did."""
        for update in updates:
            self._known.remove(update)
            self._guilty.discard(update)
            self._dialogs.pop(update, None)
            del self._on_the_loop[update]

    def died(self, found: UnderWay) -> None:
        """A worker died with these under way."""
        self.suspect(found.suspects)
        if found.on_the_loop is not None:
            self._found_on_the_loop(found.on_the_loop)

    def report(self, dialog: Dialog, update: int, attempts: int) -> None:
        """A suspect is the next one of its dialog: it can be tried."""
        if update in self._dialogs or update in self._guilty:
            return
        self._known.put(update)
        self._dialogs[update] = dialog
        if attempts >= ALONE:
            self._waiting.append([update])
            return
        if not self._growing or len(self._growing) == GROUP:
            self._growing = []
            self._waiting.append(self._growing)
        self._growing.append(update)

    def next(self) -> list[tuple[Dialog, int]]:
        """Begin the next trial, once the last one is over; return what to run, all at once."""
        if not self._trying and self._waiting:
            self._trying = self._waiting.popleft()
            if self._trying is self._growing:
                self._growing = []
            return [(self._dialogs[update], update) for update in self._trying]
        return []

    def done(self, update: int, *, ran: bool) -> None:
        """A suspect was run to its end or set aside; or it was not, and will be reported again."""
        if update in self._trying:
            self._trying.remove(update)
        if ran:
            self.clear([update])
        else:
            self._dialogs.pop(update, None)

    def quarantine_ended(self, found: UnderWay | None) -> list[Dialog]:
        """The quarantine is gone; what it had not finished is tried again.

        Args:
            found: What it had under way when it died; None where it only ended.

        Returns:
            The dialogs in which a guilty update is to be set aside.
        """
        group, self._trying = self._trying, []
        at_work = [update for update in group if found is not None and update in found.turns]
        if found is not None and found.on_the_loop in group:
            at_work = [found.on_the_loop]
            self._found_on_the_loop(found.on_the_loop)
        elif found is not None and found.on_the_loop is not None:  # a command: its update has been run
            self.died(found)
        if at_work and len(group) == 1:
            self._condemn(group[0])
        unblamed = [update for update in group if update not in at_work]
        suspects = [update for update in at_work if update not in self._guilty]
        middle = (len(suspects) + 1) // 2
        self._waiting.extendleft(part for part in (unblamed, suspects[middle:], suspects[:middle]) if part)
        return [self._dialogs[update] for update in at_work if update in self._guilty]

    def _found_on_the_loop(self, update: int) -> None:
        self._on_the_loop[update] += 1
        if self._on_the_loop[update] > 1:
            self._condemn(update)

    def _condemn(self, update: int) -> None:
        self._guilty.add(update)
        self._known.put(update, Suspicion.GUILTY)
