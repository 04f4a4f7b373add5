from maxbot.events import DatabaseUnavailable
from maxbot.server.worker.outage import HOPELESS, PAUSE, Outage


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_hopeless_when_it_lasts_and_over_when_nobody_complains() -> None:
    clock = Clock()
    outage = Outage(clock)
    assert not outage.is_hopeless()
    for _ in range(4):
        outage(DatabaseUnavailable("full", damaged=False))
        assert not outage.is_hopeless()
        clock.now += HOPELESS / 4
    outage(DatabaseUnavailable("full", damaged=False))
    assert outage.is_hopeless()
    clock.now += PAUSE + 1
    assert not outage.is_hopeless()
    outage(DatabaseUnavailable("locked", damaged=False))
    assert not outage.is_hopeless(), "another one begins"


def test_a_damaged_part_is_no_outage() -> None:
    clock = Clock()
    outage = Outage(clock)
    for _ in range(10):
        outage(DatabaseUnavailable("malformed", damaged=True))
        clock.now += 1
    assert not outage.is_hopeless()
