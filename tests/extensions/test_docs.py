"""docs/reference/extensions.md names every extension and key, and its code runs."""

import re
from pathlib import Path
from typing import Any

from maxbot.extensions.registry import BUILT_IN, load
from tests.extensions.support import built

PAGE = (Path(__file__).parents[2] / "docs/reference/extensions.md").read_text()


def test_every_extension_has_its_heading() -> None:
    headings = re.findall(r"^## (\w+)$", PAGE, re.M)
    assert set(headings) == {*BUILT_IN, "language"}


def test_the_extension_of_the_page_works() -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Any] = {}
    exec(code, names)
    assert built(names["shouting"]).render("{{ 'hi'|shout }}") == "HI"


def test_the_statement_of_the_page_is_one() -> None:
    [template] = re.findall(r"```jinja\n(.*?)```", PAGE, re.S)
    built(load("rest")).jinja_env.parse(template)
