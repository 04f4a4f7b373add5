from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maxbot.nlu.numbers import MAX_DIGITS, find_numbers, read_number
from maxbot.nlu.tokens import tokenise


def found(text: str) -> list[tuple[object, str]]:
    return [(find.value, find.literal) for find in find_numbers(text, tokenise(text))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("007", 7),
        ("-5", -5),
        ("+7", 7),
        ("1,234", 1234),
        ("zero", 0),
        ("Twelve", 12),
        ("twenty one", 21),
        ("hundred", 100),
        ("one hundred", 100),
        ("twelve hundred", 1200),
        ("one hundred twenty", 120),
        ("two thousand five hundred", 2500),
        ("ninety nine thousand nine hundred ninety nine", 99_999),
        ("two million three", 2_000_003),
        ("one thousand million", 10**9),
        ("hundred thousand", 100_000),
        ("billion", 10**9),
    ],
)
def test_a_number_is_read(text: str, value: int) -> None:
    assert found(text) == [(value, text)]


@pytest.mark.parametrize("text", ["3.5", ".5", "3.50", "2.0"])
def test_a_decimal_number_prints_as_it_was_written(text: str) -> None:
    [(value, literal)] = found(text)
    assert (str(value).lstrip("0"), literal) == (text, text)
    assert isinstance(value, Decimal)


@pytest.mark.parametrize(
    "text",
    [
        "1/2",
        "10k",
        "3rd",
        "5th",
        "first",
        "a dozen",
        "half",
        "5 000",
        "one two",
        "1.2.3",
        "v1.2.3",
        "x2",
        "nineteen eighty four",
        "5 thousand",
        "thousand thousand",
        "twenty ten",
        "one second",
        "²",
        "none",
        "",
    ],
)
def test_something_else_is_no_number(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("three hundred and five", [300, 5]),
        ("fifty-five", [50, 5]),
        ("$20 or 50%", [20, 50]),
        ("5 kg, 5kg and 5pm", [5, 5, 5]),
        ("6 or seven", [6, 7]),
        ("20 - 30", [20, 30]),
    ],
)
def test_numbers_among_words(text: str, values: list[int]) -> None:
    assert [value for value, _ in found(text)] == values


@given(st.integers(-(10**MAX_DIGITS) + 1, 10**MAX_DIGITS - 1).filter(lambda number: len(str(number)) <= MAX_DIGITS))
def test_every_integer_is_read_back(number: int) -> None:
    assert read_number(str(number)) == number


@given(st.integers(1, 999_999_999))
def test_number_words_are_read_back(number: int) -> None:
    assert read_number(in_words(number)) == number


def test_a_long_row_of_digits_is_no_number() -> None:
    assert found("9" * 16_000) == []
    assert found("9" * 16_000 + "x" + "1," * 8_000) == []


def in_words(number: int) -> str:
    for scale, word in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            return f"{in_words(number // scale)} {word}" + (f" {in_words(rest)}" if rest else "")
    small = (
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen"
    )
    if number < 20:
        return small.split()[number - 1]
    tens = "twenty thirty forty fifty sixty seventy eighty ninety"
    return tens.split()[number // 10 - 2] + (f" {in_words(number % 10)}" if number % 10 else "")
