"""German and Russian, with the libraries of the extra `languages`."""

import re
from datetime import UTC, datetime

import pytest

from maxbot.errors import BotError
from maxbot.extensions.language import extension
from maxbot.nlu.language import Language
from maxbot.nlu.recogniser import Recogniser
from tests.extensions.support import FakeBuilder, built
from tests.nlu.support import entity, intent, value

pytest.importorskip("spacy", reason="pip install 'maxbot[languages]'")
pytest.importorskip("dateparser", reason="pip install 'maxbot[languages]'")

NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)
LANGUAGES: dict[str, Language] = {code: built(extension, {"language": code}).language for code in ("de", "ru")}


def found(code: str, text: str) -> list[tuple[str, object, str]]:
    _, entities = Recogniser([], [], LANGUAGES[code]).recognise({"text": text}, NOW)
    return [(find.name, find.value, find.literal) for find in entities.all_objects]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "übermorgen", [("date", "2024-05-16", "übermorgen")]),
        ("de", "am 29. Mai 2025", [("date", "2025-05-29", "am 29. Mai 2025")]),
        ("de", "in 3 Tagen", [("date", "2024-05-17", "in 3 Tagen")]),
        ("de", "vor zwei Wochen", [("date", "2024-04-30", "vor zwei Wochen")]),
        ("de", "Freitag", [("latent_date", "2024-05-17", "Freitag")]),
        ("de", "um 17:30", [("time", "17:30:00", "um 17:30")]),
        (
            "de",
            "morgen um 19:00 Uhr für 4 Personen",
            [
                ("date", "2024-05-15", "morgen um 19:00 Uhr"),
                ("time", "19:00:00", "morgen um 19:00 Uhr"),
                ("number", 4, "4"),
            ],
        ),
        ("ru", "послезавтра", [("date", "2024-05-16", "послезавтра")]),
        ("ru", "29 мая 2025", [("date", "2025-05-29", "29 мая 2025")]),
        ("ru", "неделю назад", [("date", "2024-05-07", "неделю назад")]),
        ("ru", "в пятницу", [("latent_date", "2024-05-17", "в пятницу")]),
        (
            "ru",
            "сегодня в 17:30",
            [("date", "2024-05-14", "сегодня в 17:30"), ("time", "17:30:00", "сегодня в 17:30")],
        ),
        ("ru", "столик на 4 человек", [("number", 4, "4")]),
        ("de", "hallo", []),
    ],
)
def test_dates_and_times(code: str, text: str, expected: list[tuple[str, object, str]]) -> None:
    assert found(code, text) == expected


@pytest.mark.parametrize(
    ("text", "printed"), [("1.234,50", "1234.50"), ("3,5", "3.5"), ("1.000", "1000"), ("-7", "-7")]
)
def test_numbers_have_the_marks_of_the_language(text: str, printed: str) -> None:
    assert [str(number) for name, number, _ in found("de", f"{text} Euro") if name == "number"] == [printed]


def test_tokens_are_those_of_the_language() -> None:
    tokens = LANGUAGES["de"].tokenise("Das geht z.B. am 5. Mai, oder?")
    assert [token.text for token in tokens] == ["Das", "geht", "z.B.", "am", "5.", "Mai", ",", "oder", "?"]
    recogniser = Recogniser(
        [intent("hallo", "Guten Tag")], [entity("ding", value("säge", "Handsäge"))], LANGUAGES["de"]
    )
    intents, entities = recogniser.recognise({"text": "guten tag, Handsäge!"}, NOW)
    assert entities.ding.säge is True
    assert intents.hallo is None
    assert recogniser.recognise({"text": "GUTEN TAG"}, NOW)[0].hallo is not None


@pytest.mark.parametrize("text", ["\ud800 5", "", "\0" * 50, "9" * 5000, "1 Tag " * 500, "😀" * 50])
def test_whatever_a_user_writes_is_only_a_value(text: str) -> None:
    for code in LANGUAGES:
        for _, _, literal in found(code, text):
            assert literal in text


@pytest.mark.parametrize(
    ("config", "message"), [({}, "one key"), ({"language": "xx"}, "xx"), ({"language": "de", "tz": "x"}, "one key")]
)
def test_a_wrong_configuration_is_an_error_at_load(config: dict[str, str], message: str) -> None:
    with pytest.raises(BotError, match=re.escape(message)):
        extension(FakeBuilder(), config)
