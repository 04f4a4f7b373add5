"""What no platform takes: said with the bot's line, or sent in parts that it takes; nothing is lost and nothing cut in
two."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from maxbot import MaxBot, Turn
from maxbot.channels.base import Channel, Services
from maxbot.channels.split import is_boundary, utf16
from maxbot.commands import Content, kind_of
from maxbot.delivery.suspects import Origin, Suspects
from maxbot.delivery.turns import Turns
from maxbot.errors import RetryLater, SendError, TurnError
from maxbot.storage.inspect import find_letters
from maxbot.storage.sqlite.backend import SQLite
from maxbot.testing.channels import ApiStandIn, MemoryMailbox
from maxbot.types import Command, Dialog, Update
from tests.channels.every import CALLED, EVERY
from tests.storage.support import opened

every_channel = pytest.mark.parametrize("name", EVERY)
every_platform = pytest.mark.parametrize("name", CALLED)

FAMILY = "👨‍👩‍👧‍👦"
MANY = [{"title": f"Button {number}"} for number in range(200)]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a button without a title": ({"buttons": {"text": "a", "buttons": [{"title": ""}]}}, "title .* is empty"),
    "a button with a blank title": ({"buttons": {"text": "a", "buttons": [{"title": " "}]}}, "title .* is empty"),
    "a button with nothing": ({"buttons": {"text": "a", "buttons": [{}]}}, "has a title"),
    "no buttons": ({"buttons": {"text": "a", "buttons": []}}, "is empty"),
    "200 buttons": ({"buttons": {"text": "a", "buttons": MANY}}, "more than 100"),
    "200 quick replies": ({"quick_replies": {"text": "a", "replies": MANY}}, "more than 100"),
    "buttons below nothing": ({"buttons": {"text": "", "buttons": [{"title": "a"}]}}, "text .* is empty"),
    "a text without end": ({"text": "x " * 1_000_000}, "more than 10 messages"),
    "a caption without end": ({"image": {"url": "https://a.example/", "caption": "x " * 1_000_000}}, "10 messages"),
}


def of_python(content: dict[str, Any]) -> tuple[MaxBot, int]:
    """Return a bot that says something, and the line where it does."""
    bot = MaxBot()

    @bot.handler
    async def answer(turn: Turn) -> None:
        turn.add(content)  # type: ignore[arg-type]

    return bot, answer.__code__.co_firstlineno + 2


@every_platform
@pytest.mark.parametrize("what", WRONG)
def test_what_no_platform_takes_is_said_with_the_bots_line_and_the_message_is_kept(
    name: str, what: str, tmp_path: Path
) -> None:
    content, said = WRONG[what]
    bot, line = of_python(content)

    async def run() -> None:
        async with opened(tmp_path / "bot.db") as store:
            dialog = Dialog(name, EVERY[name].user)
            await store.accept([Update(dialog, "1", {"text": "hi"})])
            work = await store.load(str(dialog))
            assert work.update is not None
            turns = Turns(store, bot, {name: EVERY[name].make()}, 20.0, Suspects())
            assert await turns.run(dialog, work, work.update, Origin(False)) == []

    asyncio.run(run())
    [letter] = find_letters(SQLite(tmp_path / "bot.db"))
    assert letter.content == {"text": "hi"}
    assert letter.reason.partition(": ")[0].endswith(f"test_bad_input.py:{line}")
    with pytest.raises(TurnError, match=said):
        raise TurnError(letter.reason)
    assert len(letter.reason) < 300, "nothing of the text is repeated"


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ("<buttons><text>a</text><button></button></buttons>", r"title .* is empty"),
        ("<buttons><text>a</text><button>  </button></buttons>", r"title .* is empty"),
        ("<buttons><text>a</text></buttons>", r"lacks <button>"),
        (
            "<buttons><text>a</text>{% for n in range(200) %}<button>{{n}}</button>{% endfor %}</buttons>",
            "more than 100",
        ),
    ],
)
def test_a_file_is_told_its_line(response: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(f"channels: {{web: {{}}}}\ndialog:\n  - condition: true\n    response: |\n      {response}\n")
    with pytest.raises(TurnError, match=rf"bot\.yaml:[45]: .*{said}"):
        asyncio.run(MaxBot.from_file(file).run_turn({"text": "hi"}, Dialog("web", "1"), {}))


# What is too long is sent in parts


def words(parts: list[Content]) -> str:
    """Return all that a user reads."""
    found = []
    for part in parts:
        value = part if "text" in part else part[kind_of(part)]
        found.append(value.get("text") or value.get("caption") or "")
    return "".join("".join(found).split())


@every_channel
@pytest.mark.parametrize("letter", ["x", "ü", FAMILY, "🇩🇪", "e\u0301", "word "])
@pytest.mark.parametrize("kind", ["text", "image", "buttons"])
def test_ten_thousand_characters_arrive_whole_and_no_letter_is_cut(name: str, letter: str, kind: str) -> None:
    text = letter * (10_000 // utf16(letter))
    contents: dict[str, Content] = {
        "text": {"text": text},
        "image": {"image": {"url": "https://a.example/a.png", "caption": text}},
        "buttons": {"buttons": {"text": text, "buttons": [{"title": "Red"}]}},
    }
    channel = EVERY[name].make()
    parts = channel.expand(contents[kind])
    assert words(parts) == "".join(text.split())
    assert 1 <= len(parts) <= 10
    limit = channel.abilities.text
    for part in parts:
        read = words([part])
        assert limit is None or limit.fits(read) or kind_of(part) == "image"
        assert not read or len(read) % len(letter.strip()) == 0, "a letter was cut in two"
    assert kind_of(parts[-1]) == kind or kind != "buttons"
    assert [kind_of(part) for part in parts].count("image") == (kind == "image")


@every_channel
@pytest.mark.parametrize("letter", [FAMILY, "🇩🇪", "e\u0301"])
def test_a_title_is_cut_between_letters(name: str, letter: str) -> None:
    title = "Red" + letter * 60
    [part] = EVERY[name].make().expand({"buttons": {"text": "Which?", "buttons": [{"title": title}]}})
    [button] = part["buttons"]["buttons"]
    cut = button["title"].removesuffix("…")
    assert title.startswith(cut)
    assert cut == title or is_boundary(title, len(cut))
    limit = EVERY[name].make().abilities.title
    assert limit is None or limit.fits(button["title"])


# What is the operator's to mend


@every_platform
def test_a_platform_that_cannot_be_reached_loses_nothing(name: str) -> None:
    async def run() -> SendError:
        async with ApiStandIn() as api:
            api.refuse()
            return await failure(name, EVERY[name].make(api_url=api.url))

    error = asyncio.run(run())
    assert type(error) is RetryLater
    assert "No connection" in error.reason


@every_platform
def test_a_page_of_somebody_on_the_way_loses_nothing(name: str) -> None:
    async def run() -> None:
        async with ApiStandIn() as api:
            for status in (301, 400, 401, 403, 404, 407, 451):
                api.answer(status, b"<html>Please log in</html>", {"Content-Type": "text/html"})
                assert type(await failure(name, EVERY[name].make(api_url=api.url))) is RetryLater, status

    asyncio.run(run())


async def failure(name: str, channel: Channel) -> SendError:
    await channel.start(Services(MemoryMailbox()))
    try:
        with pytest.raises(SendError) as caught:
            await channel.send(Command({"text": "hello"}, "k"), Dialog(name, EVERY[name].user))
    finally:
        await channel.close()
    for secret in channel.secrets:
        assert secret not in caught.value.reason
    return caught.value
