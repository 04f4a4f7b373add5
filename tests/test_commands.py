"""The kinds of replies: what they hold, what takes their place, and how they are written."""

from typing import Any

import pytest

from maxbot.commands import KINDS, cannot_send, check, kind_of, markup, read

GOOD: list[dict[str, Any]] = [
    {"text": "hello"},
    {"text": "hello", "formats": [{"style": "bold", "start": 0, "end": 4}]},
    {"text": "hello", "formats": [{"style": "link", "start": 0, "end": 5, "url": "https://example.com"}]},
    {"image": {"url": "https://example.com/a.png"}},
    {"image": {"url": "https://example.com/a.png", "caption": "see"}},
    {"file": {"url": "https://example.com/a.pdf", "name": "a.pdf", "mime_type": "application/pdf", "size": 9}},
    {"audio": {"url": "https://example.com/a.ogg", "voice": True, "duration": 2.5}},
    {"video": {"url": "https://example.com/a.mp4", "caption": "see"}},
    {"location": {"latitude": 48.1, "longitude": 17.1, "name": "Castle"}},
    {"contact": {"name": "Ada", "phone": "+421"}},
    {
        "buttons": {
            "text": "Which?",
            "buttons": [{"title": "Red", "payload": "r"}, {"title": "More", "url": "https://a.b"}],
        }
    },
    {"buttons": {"text": "Which?", "image": {"url": "https://a.b/c.png"}, "buttons": [{"title": "Red"}]}},
    {"quick_replies": {"text": "Which?", "replies": [{"title": "Red"}]}},
    {"native": {"telegram": {"sendDice": {}}}},
]


@pytest.mark.parametrize("content", GOOD, ids=str)
def test_a_reply_is_stored_as_it_was_written(content: dict[str, Any]) -> None:
    assert check(content) == content
    reply = read(content)
    assert reply is not None
    assert reply.content() == content


def test_each_kind_is_among_the_good_ones() -> None:
    assert {kind_of(content) for content in GOOD} == set(KINDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"text": ""}, "the text of a reply is empty"),
        ({"text": None}, "the text of a reply is a str, not None"),
        ({"text": "a", "image": {"url": "b"}}, "nothing else beside it; here there is 'image'"),
        ({"image": {"url": "a"}, "sound": 1}, "nothing else beside it; here there is 'sound'"),
        ({"text": "abc", "formats": [{"style": "bold", "start": 1, "end": 4}]}, "outside of its text"),
        ({"text": "abc", "formats": [{"style": "bold", "start": 2, "end": 2}]}, "outside of its text"),
        ({"text": "abc", "formats": [{"style": "link", "start": 0, "end": 2}]}, "has a url if it is a link"),
        ({"text": "abc", "formats": [{"style": "blink", "start": 0, "end": 2}]}, "blink"),
        ({"image": "a"}, 'an image is a dict like {"url": …}, not str'),
        ({"file": {"name": "a"}}, "a file has a url"),
        ({"audio": {"url": "a", "voice": "yes"}}, "the voice of an audio is a bool, not str"),
        ({"video": {"url": "a", "width": 1}}, "and no width"),
        ({"location": {"latitude": 91, "longitude": 1}}, "the latitude of a location: expected `float` <= 90"),
        ({"contact": {"name": "Ada"}}, "a contact has a phone"),
        ({"buttons": {"text": "a", "buttons": []}}, "the buttons of a message with buttons is empty"),
        ({"buttons": {"text": "a", "buttons": [{"title": ""}]}}, r"the buttons\[0\].title of a message .* is empty"),
        ({"buttons": {"text": "a", "buttons": [{"payload": "a"}]}}, r"the buttons\[0\] of .* has a title"),
        ({"buttons": {"text": "a", "buttons": [{"title": "a"}] * 101}}, "more than 100"),
        ({"quick_replies": {"text": "a", "replies": ["Red"]}}, r"the replies\[0\] of .* is a dict, not str"),
        ({"native": {}}, "length >= 1"),
        ({"native": {"telegram": 1}}, "of a native reply is a dict, not int"),
    ],
)
def test_what_is_wrong_is_said(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check(content)


def test_kinds_of_ones_own_are_left_alone() -> None:
    content = {"poster": {"anything": [1]}, "sound": "off"}
    assert check(content) is content
    assert kind_of(content) == "poster"


@pytest.mark.parametrize("content", GOOD, ids=str)
def test_each_kind_ends_as_a_text(content: dict[str, Any]) -> None:
    replies = [reply for reply in [read(content)] if reply is not None]
    seen: list[str] = []
    while replies:
        reply = replies.pop()
        seen.append(reply.kind)
        replies += () if reply.kind == "text" else reply.simpler()
    assert ("text" in seen) == ("native" not in content)
    assert len(seen) < 10


def test_an_author_is_told_what_a_channel_cannot_send() -> None:
    assert cannot_send("telegram", ["text", "native"], ["text", "poster", "buttons", "native", "poster"]) == [
        "telegram cannot send 'poster'"
    ]
    assert cannot_send("acme", ["text"], ["native"]) == ["acme cannot send 'native'"]


def test_how_a_kind_is_written_follows_from_its_struct() -> None:
    written = {
        name: [(field.element, field.type, field.place, field.many) for field in markup(name) or ()] for name in KINDS
    }
    assert written["text"] == [("text", "markup", "content", False)]
    assert written["image"] == [("url", "url", "attribute", False), ("caption", "markup", "element", False)]
    assert written["buttons"] == [
        ("text", "markup", "element", False),
        ("image", "nested", "element", False),
        ("button", "nested", "element", True),
    ]
    assert written["native"] == []
