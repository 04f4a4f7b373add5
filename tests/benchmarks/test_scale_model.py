"""The model behind docs/howto/scale.md gives what was measured, and the page says what the model gives."""

from pathlib import Path

import pytest

import maxbot
from benchmarks.scale_model import (
    CLIENT,
    CLIENT_MEASURED,
    ONE_DATABASE,
    SERVER,
    SERVER_MEASURED,
    TOLERANCE,
    Cost,
    Measured,
    carry,
    gathered,
    lost,
    off,
    report,
)

PAGE = Path(maxbot.__file__).parent.parent / "docs" / "howto" / "scale.md"

POINTS = [*((CLIENT, point) for point in CLIENT_MEASURED), *((SERVER, point) for point in SERVER_MEASURED)]


@pytest.mark.parametrize(("cost", "point"), POINTS)
def test_the_model_is_near_what_was_measured(cost: Cost, point: Measured) -> None:
    assert off(cost, point) <= TOLERANCE


def test_what_is_far_off_is_seen() -> None:
    assert off(Cost(fixed=10.0, each=1.0), CLIENT_MEASURED[0]) > TOLERANCE
    assert off(Cost(fixed=900.0, each=1.0), CLIENT_MEASURED[0]) > TOLERANCE


def test_the_load_of_one_database_fits_on_the_two_cpus_on_which_it_was_measured() -> None:
    busy = ONE_DATABASE * (CLIENT.at(50) + SERVER.at(50)) / 1e6
    assert 1.0 < busy < 2.0


def test_more_load_takes_more_workers_and_larger_transactions_up_to_a_bound() -> None:
    setups = [carry(turns) for turns in (100, 1_000, 5_000, 10_000)]
    assert [setup.workers for setup in setups] == sorted(setup.workers for setup in setups)
    assert gathered(10, 4) == 1.0
    assert gathered(1e6, 4) == 50
    assert carry(50_000).cells == 5
    assert carry(1_000, bot=3_000.0).workers > carry(1_000).workers


def test_the_page_has_the_models_tables_and_what_a_failover_loses() -> None:
    page = PAGE.read_text()
    slow = carry(50_000, bot=3_000.0)
    assert f"take {slow.workers} workers" in page
    assert f"{slow.database_cpus:.0f} CPUs" in page
    for line in report().splitlines():
        assert line in page, f"docs/howto/scale.md lacks: {line}"
    assert f"{lost(1_000, 0.5):,.0f} messages" in page
