"""The page to talk to the bot, in a real browser."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from maxbot.channels.base import Services
from maxbot.channels.web import WebChannel
from maxbot.testing.channels import MemoryMailbox
from maxbot.types import Command, Dialog, Update
from tests.channels.browser import Browser, Tab, browser, missing
from tests.channels.support import MemoryInbox, eventually, serving

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")

NOWHERE = "http://127.0.0.1:9/a"  # nothing of the tests is fetched from elsewhere

EVERY_KIND: list[dict[str, Any]] = [
    {"text": "See https://example.com/a?b=1. <b>not bold</b>"},
    {"text": "bold and link 😀 code", "formats": [
        {"style": "bold", "start": 0, "end": 4},
        {"style": "link", "start": 9, "end": 13, "url": "https://example.com/"},
        {"style": "code", "start": 16, "end": 20},
    ]},
    {"text": "שלום"},
    {"image": {"url": NOWHERE + ".png", "caption": "a picture"}},
    {"image": {"url": "javascript:alert(1)"}},
    {"file": {"url": "https://example.com/a.pdf", "name": "a.pdf", "caption": "to keep"}},
    {"audio": {"url": NOWHERE + ".ogg", "voice": True}},
    {"video": {"url": NOWHERE + ".mp4", "caption": "moving"}},
    {"location": {"latitude": 48.1, "longitude": 17.1, "name": "Castle", "address": "Hill 1"}},
    {"contact": {"name": "Ada", "phone": "+421 900"}},
    {"buttons": {"text": "Which?", "buttons": [{"title": "Red", "payload": "r"}, {"title": "More", "url": "https://a.b/"}]}},
    {"native": {"web": {"a": 1}}},
    {"poster": {"own": True}},
    {"notice": "The bot failed: bot.yaml:5: no"},
    {"quick_replies": {"text": "Sure?", "replies": [{"title": "Yes", "payload": "y"}, {"title": "No"}]}},
]  # fmt: skip


class Site:
    """A server with the channel and a bot that a test plays."""

    def __init__(self, channel: WebChannel, inbox: MemoryInbox, url: str) -> None:
        self.channel = channel
        self.inbox = inbox
        self.url = f"{url}/web"
        self._sent = 0

    async def heard(self, count: int) -> Update:
        """Wait for a user's message, and return it."""
        await eventually(lambda: len(self.inbox.updates) >= count, 60.0)
        return self.inbox.updates[count - 1]

    async def reply(self, dialog: Dialog, content: dict[str, Any]) -> None:
        self._sent += 1
        await self.channel.send(Command(content, f"key-{self._sent}"), dialog)


def run(scenario: Callable[[Site, Browser], Coroutine[Any, Any, None]], token: str | None = None) -> None:
    async def main() -> None:
        channel, inbox = WebChannel(token=token), MemoryInbox()
        await channel.start(Services(mailbox=MemoryMailbox(), private=True))
        async with serving(channel, inbox) as url:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                async with browser(Path(folder)) as opened:
                    await scenario(Site(channel, inbox, url), opened)
            await channel.drain()
        await channel.close()

    asyncio.run(main())


async def greet(site: Site, tab: Tab, words: str = "hello") -> Dialog:
    """Open the page, say something, and return who said it."""
    count = len(site.inbox.updates)
    await tab.open(site.url)
    await tab.run("document.getElementById('text').focus()")
    await tab.type(words)
    await tab.enter()
    return (await site.heard(count + 1)).dialog


def texts(selector: str) -> str:
    return f"Array.from(document.querySelectorAll('{selector}'), one => one.textContent)"


def test_typing_is_shown_when_the_server_says_so_and_gone_with_the_answer() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            user = await greet(site, tab)
            await site.reply(user, {"text": "first"})
            await tab.until("document.querySelectorAll('.line').length === 2")
            # Nobody has written since: another program, or a timer, makes the bot speak.
            assert await tab.run("document.getElementById('typing').textContent") == ""
            await eventually(lambda: len(site.channel._waiting or ()) == 1)
            await site.channel.typing(user)
            await tab.until("document.getElementById('typing').textContent === 'The bot is typing …'")
            await eventually(lambda: len(site.channel._waiting or ()) == 1)
            await site.channel.draft("half of", user, "k")
            await tab.until("(document.querySelector('.draft') || document.head).textContent.includes('half of')")
            assert await tab.run("document.getElementById('typing').textContent") == ""
            await site.reply(user, {"text": "half of it"})
            await tab.until("document.querySelector('.draft') === null")
            await tab.until("document.querySelectorAll('.line').length === 3")
            assert tab.problems == []

    run(scenario)


def test_a_conversation_of_every_kind() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            user = await greet(site, tab)
            assert user.user.startswith("visitor-")
            await tab.until("document.getElementById('typing').textContent === 'The bot is typing …'")
            for content in EVERY_KIND:
                await site.reply(user, content)
            await tab.until(f"document.querySelectorAll('.line').length === {len(EVERY_KIND) + 1}")
            assert await tab.run("document.getElementById('typing').textContent") == ""

            lines = await tab.run(texts(".line"))
            assert lines[0] == "You: hello"
            assert lines[1] == "Bot: See https://example.com/a?b=1. <b>not bold</b>"
            assert lines[14] == "Notice: The bot failed: bot.yaml:5: no"
            links = await tab.run("Array.from(document.querySelectorAll('.line a'), one => one.href)")
            assert links == [
                "https://example.com/a?b=1",
                "https://example.com/",
                "https://example.com/a.pdf",
                "https://www.openstreetmap.org/?mlat=48.1&mlon=17.1#map=16/48.1/17.1",
                "tel:+421900",
                "https://a.b/",
            ]
            assert await tab.run(texts(".line strong, .line code")) == ["bold", "code"]
            assert await tab.run("Array.from(document.querySelectorAll('.line img'), one => one.alt)") == ["a picture"]
            assert await tab.run("document.querySelectorAll('.line audio, .line video').length") == 2
            assert await tab.run("getComputedStyle(document.querySelectorAll('.text')[3]).direction") == "rtl"

            # The mouse presses a button, the keyboard a quick reply.
            await tab.click(".choices button")
            assert (await site.heard(2)).message == {"button": {"payload": "r", "title": "Red"}}
            await site.reply(user, EVERY_KIND[-1])
            await tab.until("document.querySelectorAll('[data-once] button').length === 2")
            await tab.run("document.querySelector('[data-once] button').focus()")
            await tab.enter()
            assert (await site.heard(3)).message == {"button": {"payload": "y", "title": "Yes"}, "text": "Yes"}
            assert await tab.run("document.querySelector('[data-once]')") is None
            assert [one for one in tab.problems if "127.0.0.1:9" not in one and "ERR_" not in one] == []

    run(scenario)


def test_everybody_can_use_it() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            user = await greet(site, tab)
            for content in EVERY_KIND:
                await site.reply(user, content)
            await tab.until(f"document.querySelectorAll('.line').length === {len(EVERY_KIND) + 1}")
            for width in (320, 1280):
                for dark in (False, True):
                    await tab.look(width, dark=dark)
                    assert await tab.violations() == [], (width, dark)
                    assert await tab.run("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"

    run(scenario)


def test_a_visitor_cannot_read_what_the_bot_told_another_one() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as one, opened.tab() as other:
            users = [await greet(site, one), await greet(site, other)]
            assert len(set(users)) == 2, "each tab is a user of its own"
            await site.reply(users[0], {"text": "for one"})
            await site.reply(users[1], {"text": "for the other"})
            await one.until("document.querySelectorAll('.line').length === 2")
            await other.until("document.querySelectorAll('.line').length === 2")
            assert (await one.run(texts(".line")))[1] == "Bot: for one"
            assert (await other.run(texts(".line")))[1] == "Bot: for the other"
            assert await one.run("document.cookie") == "", "no script can read who we are"
            known = await other.run("JSON.parse(sessionStorage.getItem('maxbot')).tab")
            # Knowing the tab is not enough without the browser's cookie, nor is the user's name.
            status = "fetch('/web/replies?wait=0&{}', {{credentials: '{}'}}).then(answer => answer.status)"
            assert await one.run(status.format(f"tab={known}", "omit")) == 401
            assert await one.run(status.format(f"user_id={users[1].user}", "include")) == 400

    run(scenario)


def test_it_is_comfortable() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            await tab.look(320, dark=False)
            user = await greet(site, tab)
            height = "document.getElementById('text').offsetHeight"
            low = await tab.run(height)
            await tab.type("\n".join("line" for _ in range(6)))
            assert await tab.run(height) > low * 2, "the input grows"
            await tab.enter()
            await site.heard(2)
            assert await tab.run(height) == low

            for number in range(30):
                await site.reply(user, {"text": f"reply {number}"})
            await tab.until("document.querySelectorAll('.line').length === 32")
            scroll = "document.getElementById('lines').scrollTop"
            assert await tab.run(scroll) > 0, "it follows the conversation"
            await tab.run(f"{scroll} = 0")
            await site.reply(user, {"text": "one more"})
            await tab.until("!document.getElementById('newer').hidden")
            assert await tab.run(scroll) == 0, "it does not jump while somebody reads above"
            await tab.click("#newer")
            await tab.until(f"{scroll} > 0")

            # The conversation survives a reload, and ends where the user wants it to.
            await tab.open(site.url)
            await tab.until("document.querySelectorAll('.line').length === 33")
            await tab.click("#again")
            await tab.until("document.querySelectorAll('.line').length === 0")
            await tab.run("document.getElementById('text').focus()")
            await tab.type("who am I?")
            await tab.enter()
            assert (await site.heard(3)).dialog != user

    run(scenario)


def test_nothing_fails_silently_on_ones_own_machine() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            user = await greet(site, tab)
            await site.channel.unanswered(user, "1", "bot.yaml:5: 'nme' is undefined")
            await site.channel.unanswered(user, "2", None)
            await tab.until("document.querySelectorAll('.notice').length === 2")
            assert await tab.run(texts(".notice")) == [
                "Notice: The bot failed: bot.yaml:5: 'nme' is undefined",
                "Notice: The bot has nothing to say to this.",
            ]

    run(scenario)


def test_a_token_is_asked_for() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            await tab.open(site.url)
            await tab.until("!document.getElementById('login').hidden")
            for token in ("wrong", "a-token"):
                await tab.run("document.getElementById('token').focus()")
                await tab.type(token)
                await tab.enter()
                refused = "document.getElementById('state').textContent === 'This token is not right.'"
                await tab.until(refused if token == "wrong" else "document.getElementById('login').hidden")
            await tab.run("document.getElementById('text').focus()")
            await tab.type("hello")
            await tab.enter()
            assert (await site.heard(1)).message == {"text": "hello"}

    run(scenario, token="a-token")


def test_a_reply_is_seen_while_it_is_written_and_is_one_line_in_the_end() -> None:
    async def scenario(site: Site, opened: Browser) -> None:
        async with opened.tab() as tab:
            user = await greet(site, tab)
            for text in ("One", "One <b>two</b>"):
                draft = f"{texts('.draft')}.join() === 'Bot: {text}'"
                async with asyncio.timeout(60):
                    # Who waits is between two requests for a moment.
                    while not await tab.run(draft):
                        await site.channel.draft(text, user, "1.0.begun")
                        await asyncio.sleep(0.05)
            await site.reply(user, {"text": "One <b>two</b> three"})
            await tab.until("document.querySelector('.draft') === null")
            assert await tab.run(texts(".line")) == ["You: hello", "Bot: One <b>two</b> three"]
            assert tab.problems == []

    run(scenario)
