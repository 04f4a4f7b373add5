"""The reference lists every key as the code has it."""

from pathlib import Path

import maxbot
from maxbot.bot.read.tables import page

PAGE = Path(maxbot.__file__).parent.parent / "docs" / "reference" / "keys.md"


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "python -m maxbot.bot.read.tables > docs/reference/keys.md"
