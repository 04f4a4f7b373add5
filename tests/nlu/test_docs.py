"""docs/reference/recognition.md tells what is so."""

import re
from pathlib import Path

import pytest
import yaml

from maxbot.nlu.recogniser import Recogniser
from tests.nlu.test_recogniser import NOW
from tests.nlu.test_recorded import answer, recogniser_of

PAGE = (Path(__file__).parents[2] / "docs/reference/recognition.md").read_text()
ROWS = re.findall(r"^\| `(number|email|url|date|time|latent_date)` \|.*\| (.*) \|$", PAGE, re.M)


@pytest.mark.parametrize(("name", "examples"), ROWS, ids=[name for name, _ in ROWS])
def test_built_in_entities_are_found_in_their_examples(name: str, examples: str) -> None:
    for text in re.findall(r"`(.*?)`", examples):
        _, entities = Recogniser([], []).recognise({"text": text}, NOW)
        assert [find.literal for find in entities[name].all_objects] == [text]


def test_there_is_a_row_for_each() -> None:
    assert len(ROWS) == 6


def test_the_bot_of_the_page_answers() -> None:
    [written] = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    bot = yaml.load(written, yaml.BaseLoader)
    recogniser = recogniser_of(bot)
    assert answer(bot, recogniser, {"text": "opening hours"}, NOW) == "From nine to six."
    assert answer(bot, recogniser, {"text": "t-123 tomorrow"}, NOW) == "A order for 2024-05-15."


def test_the_code_of_the_page_runs() -> None:
    *_, code = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, object] = {}
    exec(code, names)
    assert callable(names["recognise"])
