"""Each bug of `tests/planted` can still be planted, and has tests that exist."""

import pytest

from tests.planted import BUGS
from tests.planted.bug import ROOT, Bug


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_has_its_place_and_its_tests(bug: Bug) -> None:
    assert (ROOT / bug.file).read_text().count(bug.old) == 1
    assert bug.new != bug.old
    assert all((ROOT / path.partition("::")[0]).exists() for path in bug.tests)
