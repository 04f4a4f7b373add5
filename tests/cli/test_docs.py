"""The documentation of the command line tells every option as the code has it."""

from pathlib import Path

import pytest

import maxbot
from maxbot.settings import Option, options

PAGE = Path(maxbot.__file__).parent.parent / "docs" / "reference" / "cli.md"


def row(option: Option) -> str:
    """Return the row of an option in the table; what a failing test shows belongs into the page."""
    default = "" if option.default is None else f"`{option.default}`".replace("`False`", "off")
    names = f"`{option.env}`" if option.env_only else f"`--{option.name}` | `{option.env}`"
    return f"| {names} | {default} | {option.help} |"


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_every_option_has_its_row(option: Option) -> None:
    assert row(option) in PAGE.read_text().splitlines()


def test_no_row_is_left_over() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if "`MAXBOT_" in line and line.startswith("|")]
    assert len(rows) == len(options())
