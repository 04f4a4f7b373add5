from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.dates.find import find_dates
from tests.nlu.test_tokens import work

NOW = datetime(2024, 5, 14, 9, 30, tzinfo=UTC)  # a Tuesday

WORDS = "in 3 5 12 2024 May 29 29th , and at on of the day days week ago before tomorrow friday 17:30 5/6 am pm noon"
PIECES = [
    *WORDS.split(),
    "2025-05-29",
    "2025-05-29T10:00",
    "31/12/24",
    "a",
    "one",
    "999999",
    "years",
    ".",
    "-",
    "\ud800",
]


def found(text: str, now: datetime = NOW) -> list[tuple[str, str, str]]:
    return [(find.name, find.value, find.literal) for find in find_dates(text, now)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", "2024-05-14"),
        ("TODAY", "2024-05-14"),
        ("just now", "2024-05-14"),
        ("tomorrow", "2024-05-15"),
        ("yesterday", "2024-05-13"),
        ("on tomorrow", "2024-05-15"),
        ("3 days ago", "2024-05-11"),
        ("a week ago", "2024-05-07"),
        ("an hour ago", "2024-05-14"),
        ("in 15 hours", "2024-05-15"),
        ("3 days before", "2024-05-11"),
        ("3 days later", "2024-05-17"),
        ("2 weeks after", "2024-05-28"),
        ("5 days", "2024-05-19"),
        ("one week", "2024-05-21"),
        ("in two months", "2024-07-14"),
        ("in thirteen days", "2024-05-27"),
        ("a fortnight ago", "2024-04-30"),
        ("in 2 decades", "2044-05-14"),
        ("1 year 2 months ago", "2023-03-14"),
        ("1 year, 2 months and 3 days ago", "2023-03-11"),
        ("in 3 days and 20 hours", "2024-05-18"),
        ("next week", "2024-05-21"),
        ("next month", "2024-06-14"),
        ("last year", "2023-05-14"),
        ("this month", "2024-05-14"),
        ("the day after tomorrow", "2024-05-16"),
        ("day before yesterday", "2024-05-12"),
        ("May 29, 2025", "2025-05-29"),
        ("may 29th 2025", "2025-05-29"),
        ("29 May 2025", "2025-05-29"),
        ("the 29th of May 2025", "2025-05-29"),
        ("29-May-2025", "2025-05-29"),
        ("29. May 2025", "2025-05-29"),
        ("sept 5, 1990", "1990-09-05"),
        ("Sept. 5, 1990", "1990-09-05"),
        ("29 May 25", "2025-05-29"),
        ("Thursday, May 29, 2025", "2025-05-29"),
        ("thu 29 may 2025", "2025-05-29"),
        ("2025-05-29", "2025-05-29"),
        ("2025/5/29", "2025-05-29"),
        ("05/29/2025", "2025-05-29"),
        ("29/05/2025", "2025-05-29"),
        ("5-6-2025", "2025-05-06"),
        ("31/12/24", "2024-12-31"),
        ("1/2/24", "2024-01-02"),
        ("24.12.2024", "2024-12-24"),
        ("today and tomorrow", "2024-05-15"),
    ],
)
def test_a_complete_day(text: str, day: str) -> None:
    assert found(text) == [("date", day, text)]
    assert found(f"we come {text}, bye") == [("date", day, text)]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("17:30", "17:30:00"),
        ("at 9:15", "09:15:00"),
        ("at 9:15 pm", "21:15:00"),
        ("12:00:30", "12:00:30"),
        ("00:00", "00:00:00"),
        ("at 5 pm", "17:00:00"),
        ("5pm", "17:00:00"),
        ("7 a.m.", "07:00:00"),
        ("at 10 am", "10:00:00"),
        ("12 am", "00:00:00"),
        ("12:30 am", "00:30:00"),
        ("12 pm", "12:00:00"),
        ("noon", "12:00:00"),
        ("at midnight", "00:00:00"),
        ("Friday at 5 pm", "17:00:00"),
        ("17:30 on Friday", "17:30:00"),
    ],
)
def test_a_time_of_day(text: str, time: str) -> None:
    assert found(text) == [("time", time, text)]


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("tomorrow at 19:00", "2024-05-15", "19:00:00"),
        ("15:45 tomorrow", "2024-05-15", "15:45:00"),
        ("tomorrow, at 5 pm", "2024-05-15", "17:00:00"),
        ("on May 29, 2025 at 5 pm", "2025-05-29", "17:00:00"),
        ("at noon on 29 May 2025", "2025-05-29", "12:00:00"),
        ("2024-07-01 12:00", "2024-07-01", "12:00:00"),
        ("2025-05-29T10:00", "2025-05-29", "10:00:00"),
        ("2025-05-29T10:00:05Z", "2025-05-29", "10:00:05"),
        ("in 3 days at 8:00", "2024-05-17", "08:00:00"),
    ],
)
def test_a_day_and_a_time_share_their_literal(text: str, day: str, time: str) -> None:
    assert found(f"come {text} please") == [("date", day, text), ("time", time, text)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Friday", "2024-05-17"),
        ("tuesday", "2024-05-21"),
        ("on Mon", "2024-05-20"),
        ("May 8", "2025-05-08"),
        ("8 May", "2025-05-08"),
        ("14 May", "2025-05-14"),
        ("15 May", "2024-05-15"),
        ("the 8th of May", "2025-05-08"),
        ("fri 29 may", "2024-05-29"),
        ("feb 29", "2028-02-29"),
        ("May", "2025-05-14"),
        ("in June", "2024-06-14"),
        ("May 2025", "2025-05-14"),
        ("May of 2025", "2025-05-14"),
        ("2025", "2025-05-14"),
        ("12/2025", "2025-12-14"),
        ("5 2026", "2026-05-14"),
        ("5/6", "2025-05-06"),
        ("13/6", "2024-06-13"),
        ("5, 6", "2025-05-06"),
        ("5 6", "2025-05-06"),
        ("5 and 6", "2025-05-06"),
        ("one of two", "2025-01-02"),
        ("5 40", "2040-05-14"),
        ("20 and 40", "2040-05-20"),
        ("20 and 30", "2030-05-20"),
    ],
)
def test_an_incomplete_day_is_latent(text: str, day: str) -> None:
    assert found(text) == [("latent_date", day, text)]


@pytest.mark.parametrize(
    "text",
    [
        "hello there",
        "12",
        "room 101",
        "good morning",
        "maybe",
        "you may go",
        "the sun",
        "20 or 30",
        "20 to 30",
        "20 - 30",
        "1, 2, 3",
        "1 2 3 4",
        "1,234",
        "$2024",
        "2024!",
        "2024x",
        "x2024",
        "12345",
        "40 50",
        "a day's work",
        "24:00",
        "2024-02-30",
        "v1.2.2024",
        "5h",
        "999999 years",
        "half",
        "day",
        "3rd",
        "",
    ],
)
def test_something_else_is_no_date(text: str) -> None:
    assert found(text) == []


def test_latent_dates_count_only_where_nothing_is_complete() -> None:
    assert found("tomorrow or 8 May") == [("date", "2024-05-15", "tomorrow")]
    assert found("3 or 4 May 2025") == [("date", "2025-05-04", "4 May 2025")]
    assert found("8 May at 10:00") == [
        ("latent_date", "2025-05-08", "8 May at 10:00"),
        ("time", "10:00:00", "8 May at 10:00"),
    ]


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("5/6 at 10:00", "2025-05-06", "10:00:00"),
        ("at 10:00 on 5/6", "2025-05-06", "10:00:00"),
        ("5 and 6 at 10:00", "2025-05-06", "10:00:00"),
        ("on 5-6, at noon", "2025-05-06", "12:00:00"),
    ],
)
def test_two_numbers_and_a_time_belong_together(text: str, day: str, time: str) -> None:
    assert found(f"come {text}") == [("latent_date", day, text), ("time", time, text)]


@pytest.mark.parametrize("text", ["in June at 8 pm", "by May 2025 at 8 pm", "2026 at 8 pm", "Friday at 8 pm"])
def test_a_month_year_or_weekday_with_a_time_is_only_the_time(text: str) -> None:
    assert found(f"come {text}") == [("time", "20:00:00", text)]


@pytest.mark.parametrize("text", ["on 5/6?", "on 5/6!", "8 and 9?", "in 2024?"])
def test_the_mark_behind_a_sentence_does_not_matter(text: str) -> None:
    assert [name for name, *_ in found(text)] == ["latent_date"]


def test_may_is_a_month_where_something_says_so() -> None:
    for text in ("see you in may", "see you on may", "come May"):
        assert "may" in found(text)[-1][2].lower(), text
    for text in ("may I come", "May I come", "you may go", "it may be"):
        assert found(text) == [], text


def test_words_that_separate() -> None:
    for word in ("or", "to", "until", "from", "for", "around"):
        assert found(f"today {word} tomorrow") == [
            ("date", "2024-05-14", "today"),
            ("date", "2024-05-15", "tomorrow"),
        ]
    assert found("between 20 and 30 or 25") == [("latent_date", "2030-05-20", "20 and 30")]


def test_two_times_and_two_whole_dates_are_two_expressions() -> None:
    assert [value for _, value, _ in found("17:30 and 18:30")] == ["17:30:00", "18:30:00"]
    assert [value for _, value, _ in found("2024-12-24 and 2024-12-26")] == ["2024-12-24", "2024-12-26"]


@pytest.mark.parametrize(
    ("now", "text", "day"),
    [
        (datetime(2023, 12, 31, 22), "tomorrow", "2024-01-01"),
        (datetime(2023, 12, 31, 22), "in 3 hours", "2024-01-01"),
        (datetime(2024, 1, 31), "next month", "2024-02-29"),
        (datetime(2024, 2, 29), "next year", "2025-02-28"),
        (datetime(2024, 2, 29), "in a week", "2024-03-07"),
        (datetime(2024, 5, 31), "June", "2024-06-30"),
        (datetime(2024, 2, 29), "2025", "2025-02-28"),
    ],
)
def test_the_ends_of_months_and_years(now: datetime, text: str, day: str) -> None:
    assert [value for _, value, _ in found(text, now)] == [day]


def test_the_time_of_another_zone_is_taken_in_utc() -> None:
    assert found("today", datetime.fromisoformat("2024-05-14T23:30:00-03:00")) == [("date", "2024-05-15", "today")]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.text(st.characters(codec=None)))
def test_whatever_is_written_the_finds_are_pieces_of_it_in_order(text: str) -> None:
    last = 0
    for find in find_dates(text, NOW):
        assert last <= find.end_char
        assert text[find.start_char : find.end_char] == find.literal
        if find.name == "time":
            datetime.strptime(find.value, "%H:%M:%S")
        else:
            datetime.strptime(find.value, "%Y-%m-%d")
        last = find.start_char


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_is_read_back(day: date) -> None:
    for form in ("%Y-%m-%d", "%B %d, %Y", "%d %b %Y", "%m/%d/%Y"):
        assert [value for _, value, _ in found(day.strftime(form))] == [day.isoformat()]


@pytest.mark.parametrize("piece", [*PIECES, "1 day ", "999999 years ", "and 5 ", "may ", "1,", "1:", "5/6 "])
def test_the_work_grows_with_the_length_of_a_text(piece: str) -> None:
    def read(text: str) -> None:
        find_dates(text, NOW)

    assert work(read, f"{piece} " * 1000) < 2.5 * work(read, f"{piece} " * 500)
