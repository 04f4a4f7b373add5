"""What a response says with markup reaches channels that can show it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import maxbot
from maxbot.bot import MaxBot
from maxbot.bot.markup import print_replies, read_replies, schemas
from maxbot.channels.telegram import TelegramChannel
from maxbot.commands import KINDS, check, kind_of
from maxbot.maxml import MaxMLError
from maxbot.types import Dialog
from tests.support import examples

BOLD = {"style": "bold", "start": 2, "end": 3}


def said(response: str) -> list[dict[str, Any]]:
    bot = MaxBot.inline(f"dialog: [{{condition: true, response: '{response}'}}]")
    turn = asyncio.run(bot.run_turn({"text": "x"}, Dialog("web", "ada"), {}))
    return [command.content for command in turn.commands]


@pytest.mark.parametrize(
    ("response", "contents"),
    [
        ("plain<br/>text", [{"text": "plain\ntext"}]),
        ("<text>a <b>b</b></text>", [{"text": "a b", "formats": [BOLD]}]),
        (
            '<text><a href="http://a.b/">see</a></text>',
            [{"text": "see", "formats": [{"style": "link", "start": 0, "end": 3, "url": "http://a.b/"}]}],
        ),
        (
            '<image url="https://example.org/c"><caption>a <b>b</b></caption></image>',
            [{"image": {"url": "https://example.org/c", "caption": "a b", "formats": [BOLD]}}],
        ),
        ('<image url="https://example.org/c"/>', [{"image": {"url": "https://example.org/c"}}]),
    ],
)
def test_markup_becomes_formats(response: str, contents: list[dict[str, Any]]) -> None:
    assert said(response) == contents
    for content in contents:
        assert check(content) == content


@pytest.mark.parametrize(
    ("response", "contents"),
    [
        ("<text></text><text>a</text>", [{"text": "a"}]),
        ("<br/>", []),
        ('<image url="https://example.org/c"><caption/></image>', [{"image": {"url": "https://example.org/c"}}]),
    ],
)
def test_what_has_no_character_is_not_sent(response: str, contents: list[dict[str, Any]]) -> None:
    assert said(response) == contents


def test_a_channel_shows_them() -> None:
    [content] = said("<text>a <b>b</b></text>")
    assert TelegramChannel(api_token="1:a").expand(content) == [content]


BUTTONS = '<button payload="s">Soup</button><button url="https://a.io/">Menu</button>'


@pytest.mark.parametrize(
    ("document", "content"),
    [
        (
            f"<buttons><text>What?</text>{BUTTONS}</buttons>",
            {
                "buttons": {
                    "text": "What?",
                    "buttons": [{"title": "Soup", "payload": "s"}, {"title": "Menu", "url": "https://a.io/"}],
                }
            },
        ),
        (
            '<buttons><text>What <b>now</b></text><image url="https://a.io/c"/><button>Soup</button></buttons>',
            {
                "buttons": {
                    "text": "What now",
                    "formats": [{"style": "bold", "start": 5, "end": 8}],
                    "image": {"url": "https://a.io/c"},
                    "buttons": [{"title": "Soup"}],
                }
            },
        ),
        (
            '<quick_replies><text>Hungry?</text><reply>Yes</reply><reply payload="n">No</reply></quick_replies>',
            {"quick_replies": {"text": "Hungry?", "replies": [{"title": "Yes"}, {"title": "No", "payload": "n"}]}},
        ),
        (
            '<file url="https://a.io/c" name="menu.pdf" size="12"><caption>All of it</caption></file>',
            {"file": {"url": "https://a.io/c", "caption": "All of it", "name": "menu.pdf", "size": 12}},
        ),
        ('<audio url="https://a.io/c" voice="yes"/>', {"audio": {"url": "https://a.io/c", "voice": True}}),
        ('<video url="https://a.io/c" duration="1.5"/>', {"video": {"url": "https://a.io/c", "duration": 1.5}}),
        (
            '<location latitude="50.7" longitude="7.1" name="Here"/>',
            {"location": {"latitude": 50.7, "longitude": 7.1, "name": "Here"}},
        ),
        ('<contact name="Ada" phone="+49 228"/>', {"contact": {"name": "Ada", "phone": "+49 228"}}),
    ],
)
def test_every_kind_of_reply_is_written_in_markup(document: str, content: dict[str, Any]) -> None:
    assert said(document) == [content]
    assert check(content) == content
    replies = read_replies(document)
    assert read_replies(print_replies(replies)) == replies


def test_every_kind_has_its_case() -> None:
    written = {schema.name for schema in schemas()}
    assert written == set(KINDS) - {"native"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("<buttons><text>What?</text></buttons>", "<button>"),
        ("<buttons><text/><button>x</button></buttons>", "text of a message with buttons is empty"),
        ("<quick_replies><text>What?</text><reply></reply></quick_replies>", "empty"),
        ('<location latitude="91" longitude="0"/>', "latitude of a location"),
        ('<location latitude="north" longitude="0"/>', "a number"),
        ('<contact name="Ada"/>', "phone"),
        ('<file url="menu.pdf"/>', "a URL"),
        ('<audio url="https://a.io/c" volume="11"/>', "no attribute volume"),
        ("<native/>", "no command"),
    ],
)
def test_what_a_kind_does_not_take_is_refused(document: str, says: str) -> None:
    with pytest.raises(MaxMLError, match=says):
        read_replies(document)


# Whatever a kind may hold ───────────────────────────────────────────────────────────────────────────────────────────

words = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")).filter(str.strip)
texts = words.map(lambda text: "\n".join(" ".join(line.split()) for line in text.splitlines())).filter(bool)
urls = st.sampled_from(["https://example.org/a?b=1&c='2'", 'http://localhost:80/"<x>'])
numbers = st.floats(-90, 90)
titles = words.filter(str.strip)  # a blank between two tags is nothing
buttons = st.lists(st.fixed_dictionaries({"title": titles}, optional={"payload": words, "url": urls}), min_size=1)
captioned = {"url": urls}
replies = st.one_of(
    st.fixed_dictionaries({"text": texts}),
    *(
        st.fixed_dictionaries({name: st.fixed_dictionaries(required, optional=optional)})
        for name, required, optional in (
            ("image", captioned, {"caption": texts}),
            ("file", captioned, {"caption": texts, "name": words, "mime_type": words, "size": st.integers(0, 2**53)}),
            ("audio", captioned, {"caption": texts, "voice": st.booleans(), "duration": st.floats(0, 1e6)}),
            ("video", captioned, {"caption": texts, "duration": st.floats(0, 1e6)}),
            ("location", {"latitude": numbers, "longitude": numbers}, {"name": words, "address": words}),
            ("contact", {"name": words, "phone": words}, {}),
            ("buttons", {"text": texts, "buttons": buttons}, {"image": st.fixed_dictionaries({"url": urls})}),
            ("quick_replies", {"text": texts, "replies": buttons}, {}),
        )
    ),
)


@given(st.lists(replies, max_size=3))
@settings(max_examples=examples(200), deadline=None)
def test_what_is_printed_is_read_again_as_the_same(contents: list[dict[str, Any]]) -> None:
    assert read_replies(print_replies(contents)) == contents


def test_the_examples_of_the_page_are_read() -> None:
    page = (Path(maxbot.__file__).parent.parent / "docs" / "reference" / "markup.md").read_text()
    first, others = (part.split("```")[0] for part in page.split("```xml\n")[1:])
    assert [*map(kind_of, read_replies(first))] == ["text", "image", "text"]
    assert [*map(kind_of, read_replies(others))] == [name for name in KINDS if name not in ("text", "native")]
    table = {line.split("`")[1] for line in page.split("| Element |")[1].split("\n\n")[0].split("\n")[2:]}
    assert table == {schema.name for schema in schemas()}
