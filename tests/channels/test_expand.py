"""What a reply becomes on a channel."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels.expand import MOST_PARTS, Abilities, expand
from maxbot.channels.split import Limit, utf16
from maxbot.commands import KINDS
from maxbot.errors import TurnError

TEXT = Abilities(text=Limit(20))
ALL = Abilities(sends=(*KINDS,), text=Limit(20), caption=Limit(10), buttons=3, quick_replies=5, title=Limit(8))
RED = {"title": "Red", "payload": "r"}


def test_what_fits_stays_as_it_is() -> None:
    content = {"text": "hello"}
    assert expand(content, "acme", ALL) == [content]
    assert expand(content, "acme", ALL)[0] is content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"image": {"url": "u", "caption": "c"}}, [{"text": "c\nu"}]),
        ({"image": {"url": "u"}}, [{"text": "u"}]),
        ({"video": {"url": "u", "caption": "c"}}, [{"text": "c\nu"}]),
        ({"contact": {"name": "Ada", "phone": "+1"}}, [{"text": "Ada: +1"}]),
        ({"buttons": {"text": "Which?", "buttons": [RED, {"title": "Blue"}]}},
            [{"text": "Which?\n1. Red"}, {"text": "2. Blue"}]),
        ({"buttons": {"text": "a", "buttons": [{"title": "B", "url": "http://c"}]}}, [{"text": "a\n1. B: http://c"}]),
        ({"buttons": {"text": "a", "image": {"url": "u"}, "buttons": [RED]}}, [{"text": "u"}, {"text": "a\n1. Red"}]),
        ({"quick_replies": {"text": "a", "replies": [RED]}}, [{"text": "a\n1. Red"}]),
        ({"native": {"acme": {"a": 1}}}, []),
        ({"poster": {"a": 1}}, [{"poster": {"a": 1}}]),
        ({"image": {"wrong": 1}}, [{"image": {"wrong": 1}}]),
    ],
)  # fmt: skip
def test_what_a_platform_lacks_is_replaced(content: dict[str, Any], expected: list[Any]) -> None:
    abilities = Abilities(text=Limit(20 if "Which?" in str(content) else 100))
    assert expand(content, "telegram", abilities) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"image": {"url": "u", "caption": "short"}}, [{"image": {"url": "u", "caption": "short"}}]),
        ({"image": {"url": "u", "caption": "twelve chars"}}, [{"image": {"url": "u"}}, {"text": "twelve chars"}]),
        ({"buttons": {"text": "One two three four five", "buttons": [RED]}},
            [{"text": "One two three four"}, {"buttons": {"text": "five", "buttons": [RED]}}]),
        ({"buttons": {"text": "a", "buttons": [{"title": str(n)} for n in range(4)]}},
            [{"quick_replies": {"text": "a", "replies": [{"title": str(n)} for n in range(4)]}}]),
        ({"buttons": {"text": "a", "buttons": [{"title": str(n)} for n in range(6)]}},
            [{"text": "a\n1. 0\n2. 1\n3. 2"}, {"text": "4. 3\n5. 4\n6. 5"}]),
        ({"buttons": {"text": "a", "buttons": [{"title": "much too long"}]}},
            [{"buttons": {"text": "a", "buttons": [{"title": "much to…", "payload": "much too long"}]}}]),
        ({"buttons": {"text": "a", "buttons": [{"title": "much too long"}, {"title": "much too loud"}]}},
            [{"text": "a\n1. much too long"}, {"text": "2. much too loud"}]),
        ({"buttons": {"text": "a", "buttons": [RED, RED]}}, [{"text": "a\n1. Red\n2. Red"}]),
        ({"buttons": {"text": "eleven char", "image": {"url": "u"}, "buttons": [RED]}},
            [{"image": {"url": "u"}}, {"buttons": {"text": "eleven char", "buttons": [RED]}}]),
        ({"native": {"acme": {"a": 1}, "vk": {}}}, [{"native": {"acme": {"a": 1}, "vk": {}}}]),
        ({"native": {"vk": {}}}, []),
    ],
)  # fmt: skip
def test_what_is_too_much_is_divided(content: dict[str, Any], expected: list[Any]) -> None:
    assert expand(content, "acme", ALL) == expected


def test_without_captions_the_words_come_first() -> None:
    abilities = Abilities(sends=("text", "image"), text=Limit(20), caption=Limit(0))
    content = {"image": {"url": "u", "caption": "see"}}
    assert expand(content, "acme", abilities) == [{"text": "see"}, {"image": {"url": "u"}}]


def test_formats_are_opened_and_closed_in_each_part() -> None:
    formats = [{"style": "bold", "start": 4, "end": 23}, {"style": "code", "start": 19, "end": 23}]
    assert expand({"text": "One two three four five six", "formats": formats}, "acme", TEXT) == [
        {"text": "One two three four", "formats": [{"style": "bold", "start": 4, "end": 18}]},
        {
            "text": "five six",
            "formats": [{"style": "bold", "start": 0, "end": 4}, {"style": "code", "start": 0, "end": 4}],
        },
    ]


def test_a_text_without_an_end_is_the_bots_fault() -> None:
    assert len(expand({"text": "word " * 4 * MOST_PARTS}, "acme", TEXT)) == MOST_PARTS
    with pytest.raises(TurnError, match="more than 10 messages"):
        expand({"text": "word " * 1_000_000}, "acme", TEXT)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=150), st.integers(0, 100), st.integers(1, 60))
def test_formatted_letters_are_the_same_ones_in_the_parts(text: str, start: int, length: int) -> None:
    first = min(start, len(text) - 1)
    last = min(first + length, len(text))
    one = {"style": "bold", "start": first, "end": last}
    parts = expand({"text": text, "formats": [one]}, "acme", Abilities(text=Limit(40, utf16)))
    bold = "".join(part["text"][found["start"] : found["end"]] for part in parts for found in part.get("formats", ()))
    assert "".join(bold.split()) == "".join(text[first:last].split())


PLAIN = Abilities(
    sends=("text", "image", "audio", "buttons", "quick_replies"), text=Limit(40), caption=Limit(10), links=False,
    captions=("image",), buttons=3, buttons_below_image=2, link_buttons="alone", offer=Limit(10), quick_replies=5,
    payload=Limit(4), reply_payload=Limit(4),
)  # fmt: skip
SITE = {"title": "Site", "url": "http://a.b"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "see here.", "formats": [{"style": "link", "start": 4, "end": 8, "url": "http://a.b"},
                                          {"style": "bold", "start": 0, "end": 9}]},
            [{"text": "see here (http://a.b).", "formats": [{"style": "bold", "start": 0, "end": 22}]}]),
        ({"text": "http://a.b", "formats": [{"style": "link", "start": 0, "end": 10, "url": "http://a.b"}]},
            [{"text": "http://a.b"}]),
        ({"audio": {"url": "u", "caption": "c"}}, [{"text": "c"}, {"audio": {"url": "u"}}]),
        ({"buttons": {"text": "a", "buttons": [SITE]}}, [{"buttons": {"text": "a", "buttons": [SITE]}}]),
        ({"buttons": {"text": "a", "buttons": [RED, SITE]}},
            [{"text": "a\nSite:"}, {"buttons": {"text": "http://a.b", "buttons": [RED]}}]),
        ({"buttons": {"text": "a", "buttons": [SITE, {"title": "B", "url": "u"}]}},
            [{"text": "a\nSite: http://a.b\nB: u"}]),
        ({"buttons": {"text": "a", "image": {"url": "u"}, "buttons": [RED, {"title": "1"}, {"title": "2"}]}},
            [{"image": {"url": "u"}}, {"buttons": {"text": "a", "buttons": [RED, {"title": "1"}, {"title": "2"}]}}]),
        ({"buttons": {"text": "a", "buttons": [{"title": "B", "payload": "12345"}]}}, [{"text": "a\n1. B"}]),
    ],
)  # fmt: skip
def test_what_a_platform_of_texts_lacks_is_written(content: dict[str, Any], expected: list[Any]) -> None:
    assert expand(content, "acme", PLAIN) == expected
