"""The web channel over a real server: messages, replies that are waited for, event streams, the page."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maxbot.channels.base import Channel, Request, Services
from maxbot.channels.web import channel as web
from maxbot.channels.web import waiting
from maxbot.channels.web.channel import WebChannel
from maxbot.channels.web.waiting import Waiting
from maxbot.errors import BadRequest, RetryLater, StorageUnavailable, Unauthorized
from maxbot.testing.channels import ChannelContract, MemoryMailbox, Webhook
from maxbot.types import Command, Dialog
from tests.channels.support import MemoryInbox, eventually, serving

ALICE, BOB = Dialog("web", "alice"), Dialog("web", "bob")


class TestContract(ChannelContract):
    def channel(self, api_url: str) -> Channel:
        return WebChannel(token="a-token")

    def webhooks(self) -> Sequence[Webhook]:
        headers = {"authorization": "Bearer a-token", "content-type": "application/json"}
        return [
            (headers, b'{"user_id": "alice", "text": "hello", "id": "1"}'),
            (headers, b'{"user_id": "bob", "text": "hello", "id": "1"}'),
            (headers, b'{"user_id": 5, "text": "hello", "id": "1"}'),
        ]

    def forged(self) -> Sequence[Webhook]:
        tokens = ("", "a-token", "Bearer", "Bearer a-tokeN", "Basic a-token", "Bearer a-token\xff")
        return [({}, b"")] + [({"authorization": token}, b"") for token in tokens]

    def dialog(self) -> Dialog:
        return ALICE


class TestPublicContract(TestContract):
    """The page for everybody, without a token: who writes is in the cookie."""

    def channel(self, api_url: str) -> Channel:
        return WebChannel(public=True)

    def webhooks(self) -> Sequence[Webhook]:
        headers = {"cookie": f"a=b; {COOKIE}", "content-type": "application/json"}
        return [
            (headers, b'{"tab": "1", "text": "hello", "id": "1"}'),
            (headers, b'{"tab": "2", "button": {"payload": "r", "title": "Red"}, "id": "1"}'),
        ]

    def forged(self) -> Sequence[Webhook]:
        return [
            ({"cookie": cookie}, b"") for cookie in ("", "maxbot_visitor=", COOKIE[:-1], COOKIE + "é", f"x{COOKIE}")
        ]


COOKIE = "maxbot_visitor=" + "c" * 43

# Options and messages


@pytest.mark.parametrize("token", ["", "with space", "grün", "line\n"])
def test_a_token_that_no_header_can_have_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"^token ") as caught:
        WebChannel(token=token)
    assert not token or token not in str(caught.value)


def test_options_are_those_of_the_constructor() -> None:
    for given_ in ({}, {"token": "abc"}):
        options = msgspec.convert(given_, WebChannel.Options)
        assert WebChannel(**msgspec.structs.asdict(options)).secrets == tuple(given_.values())


def test_without_a_token_everybody_may_write() -> None:
    channel = WebChannel()
    assert not channel.verifies
    channel.verify(Request(b"", {}))


def test_a_message() -> None:
    [update] = WebChannel().parse(Request('{"user_id": "älice", "text": "Grüße 😀"}'.encode()))
    assert (update.dialog, update.message, update.sequence) == (Dialog("web", "älice"), {"text": "Grüße 😀"}, None)


def test_a_number_is_a_user_like_its_digits() -> None:
    first, second = (
        WebChannel().parse(Request(b'{"user_id": %b, "text": "a", "id": "x"}' % user))[0] for user in (b"5", b'"5"')
    )
    assert first == second


def test_ids_are_those_of_one_user() -> None:
    def key(user: str, id: str | None) -> str:
        return WebChannel().parse(Request(json.dumps({"user_id": user, "text": "a", "id": id}).encode()))[0].key

    assert key("a", "1") == key("a", "1")
    assert len({key("a", "1"), key("b", "1"), key("a", "2"), key("a1", "1"), key("a", "11")}) == 5
    assert key("a", None) != key("a", None)
    assert len(key("a" * 200, "1" * 100)) <= 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"user_id": "a"}',
        b'{"text": "secret"}',
        b'{"user_id": "", "text": "secret"}',
        b'{"user_id": true, "text": "secret"}',
        b'{"user_id": 1.5, "text": "secret"}',
        b'{"user_id": 99999999999999999999, "text": "secret"}',
        b'{"user_id": "secret\\u0000", "text": "a"}',
        b'{"user_id": "secret\\n", "text": "a"}',
        b'{"user_id": "secret\\ud800", "text": "a"}',
        json.dumps({"user_id": "secret" * 40, "text": "a"}).encode(),
        b'{"user_id": "a", "text": ""}',
        b'{"user_id": "a", "text": 1}',
        json.dumps({"user_id": "a", "text": "secret" * 3000}).encode(),
        b'{"user_id": "a", "text": "secret", "id": ""}',
        b'{"user_id": "a", "text": "secret", "id": 1}',
        json.dumps({"user_id": "a", "text": "a", "id": "secret" * 20}).encode(),
        b'{"user_id": "a", "text": "a", "secret": 1}',
        b'{"user_id": "a", "text": "secret\xff"}',
    ],
)
def test_other_messages_are_refused_without_repeating_them(content: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        WebChannel().parse(Request(content))
    assert str(caught.value)
    assert "secret" not in str(caught.value)


texts = st.text(st.characters(), max_size=5)
posts = st.dictionaries(
    st.sampled_from(["user_id", "text", "id", "x"]), texts | st.integers() | st.none() | st.floats() | st.lists(texts)
)


@settings(deadline=None)
@given(st.binary() | posts.map(lambda value: json.dumps(value).encode()))
def test_any_input_is_a_storable_update_or_a_bad_request(content: bytes) -> None:
    try:
        [update] = WebChannel().parse(Request(content))
    except BadRequest:
        return
    assert 1 <= len(update.dialog.user) <= 200
    assert update.dialog.user.isprintable()
    (update.dialog.user + update.key + update.message["text"]).encode()


# Visitors


def rights(channel: WebChannel, message: dict[str, Any], **headers: str) -> str:
    """Return the user that a message comes from, or the reason why it is refused."""
    try:
        return channel.parse(Request(json.dumps({"text": "a", **message}).encode(), headers))[0].dialog.user
    except (BadRequest, Unauthorized) as error:
        return type(error).__name__


OPEN, PUBLIC = WebChannel(), WebChannel(public=True)
CLOSED, BOTH = WebChannel(token="t"), WebChannel(token=["new", "t"], public=True)


@pytest.mark.parametrize(
    ("channel", "message", "headers", "expected"),
    [
        (OPEN, {"user_id": "alice"}, {}, "alice"),
        (OPEN, {"tab": "1"}, {"cookie": COOKIE}, "visitor-"),
        (OPEN, {"tab": "1"}, {}, "Unauthorized"),
        (OPEN, {"user_id": "visitor-1"}, {}, "BadRequest"),
        (OPEN, {"user_id": "alice", "tab": "1"}, {"cookie": COOKIE}, "BadRequest"),
        (OPEN, {}, {"cookie": COOKIE}, "BadRequest"),
        (PUBLIC, {"user_id": "alice"}, {"cookie": COOKIE}, "Unauthorized"),
        (PUBLIC, {"user_id": "alice"}, {}, "Unauthorized"),
        (PUBLIC, {"tab": "1"}, {"cookie": COOKIE}, "visitor-"),
        (CLOSED, {"user_id": "alice"}, {"authorization": "Bearer t"}, "alice"),
        (CLOSED, {"user_id": "visitor-1"}, {"authorization": "Bearer t"}, "BadRequest"),
        (CLOSED, {"tab": "1"}, {"cookie": COOKIE}, "Unauthorized"),
        (CLOSED, {"tab": "1"}, {"cookie": COOKIE, "authorization": "Bearer t"}, "visitor-"),
        (BOTH, {"user_id": "alice"}, {"authorization": "Bearer t"}, "alice"),
        (BOTH, {"user_id": "alice"}, {"authorization": "bearer new"}, "alice"),
        (BOTH, {"user_id": "alice"}, {"cookie": COOKIE}, "Unauthorized"),
        (BOTH, {"tab": "1"}, {"cookie": COOKIE}, "visitor-"),
    ],
)
def test_who_may_write_as_whom(
    channel: WebChannel, message: dict[str, Any], headers: dict[str, str], expected: str
) -> None:
    found = rights(channel, message, **headers)
    assert found == expected or (expected == "visitor-" and found.startswith("visitor-"))


def test_a_visitor_is_a_browser_and_a_tab_and_tells_nothing_of_the_cookie() -> None:
    users = {rights(OPEN, {"tab": tab}, cookie=f"maxbot_visitor={c * 43}") for tab in "12" for c in "cd"}
    assert len(users) == 4
    assert rights(OPEN, {"tab": "1"}, cookie=COOKIE) in users
    assert not any("c" * 43 in user or "d" * 43 in user for user in users)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"text": "Red", "button": {"payload": "r", "title": "Red"}},
            {"button": {"payload": "r", "title": "Red"}, "text": "Red"},
        ),
        ({"button": {"payload": "r"}}, {"button": {"payload": "r"}}),
    ],
)  # fmt: skip
def test_a_pressed_button(message: dict[str, Any], expected: dict[str, Any]) -> None:
    content = json.dumps({"user_id": "alice", **message}).encode()
    assert WebChannel().parse(Request(content))[0].message == expected


# Over a server


@dataclass
class Site:
    """A server with the channel, and a client of it."""

    channel: WebChannel
    mailbox: "Box"
    inbox: MemoryInbox
    url: str
    http: aiohttp.ClientSession
    numbers: "list[int]" = field(default_factory=list)

    async def post(self, **message: Any) -> tuple[int, Any]:
        async with self.http.post(f"{self.url}/web", json=message) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()

    async def replies(self, **query: Any) -> tuple[int, Any]:
        async with self.http.get(f"{self.url}/web/replies", params=query) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()

    async def send(self, dialog: Dialog, text: str) -> None:
        self.numbers.append(len(self.numbers))
        await self.channel.send(Command({"text": text}, f"key-{self.numbers[-1]}"), dialog)

    async def send_from_another_worker(self, dialog: Dialog, text: str) -> None:
        self.numbers.append(len(self.numbers))
        await self.mailbox.put(dialog, f"key-{self.numbers[-1]}", {"text": text})

    @property
    def waiting(self) -> Waiting:
        assert self.channel._waiting is not None
        return self.channel._waiting


class Box(MemoryMailbox):
    """A mailbox that can fail, and knows how often it was asked."""

    fails = False
    fetches = 0

    async def put(self, dialog: Dialog, key: str, content: dict[str, Any]) -> None:
        if self.fails:
            raise StorageUnavailable("disk full")
        await super().put(dialog, key, content)

    async def fetch(self, dialog: Dialog, after: int, limit: int = 100) -> list[tuple[int, dict[str, Any]]]:
        self.fetches += 1
        if self.fails:
            raise StorageUnavailable("disk full")
        return await super().fetch(dialog, after, limit)


@asynccontextmanager
async def site(token: str | None = None) -> AsyncIterator[Site]:
    channel, mailbox, inbox = WebChannel(token=token), Box(), MemoryInbox()
    await channel.start(Services(mailbox=mailbox))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with serving(channel, inbox) as url, aiohttp.ClientSession(headers=headers) as http:
        try:
            yield Site(channel, mailbox, inbox, url, http)
        finally:
            await channel.drain()
    await channel.close()
    assert len(asyncio.all_tasks()) == 1, "something still runs"


def run(scenario: Callable[[Site], Coroutine[Any, Any, None]], token: str | None = None) -> None:
    async def main() -> None:
        async with asyncio.timeout(60), site(token) as site_:
            await scenario(site_)

    asyncio.run(main())


def test_a_message_is_accepted_once() -> None:
    async def scenario(site: Site) -> None:
        assert await site.post(user_id="alice", text="hello", id="1") == (200, {"accepted": True, "duplicate": False})
        assert await site.post(user_id="alice", text="hello", id="1") == (200, {"accepted": True, "duplicate": True})
        assert [(update.dialog, update.message) for update in site.inbox.updates] == [(ALICE, {"text": "hello"})]

    run(scenario)


def test_a_wrong_message_is_a_400() -> None:
    async def scenario(site: Site) -> None:
        status, text = await site.post(user_id="alice", text="hello", more=1)
        assert (status, text) == (400, "The JSON has an unknown key; known are user_id, text, button and id\n")

    run(scenario)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_what_another_page_can_have_a_browser_send_is_refused(media_type: str) -> None:
    """A page of somebody else could once write to the bot of a developer who had it open."""

    async def scenario(site: Site) -> None:
        content = b'{"user_id": "alice", "text": "hello"}'
        async with site.http.post(f"{site.url}/web", data=content, headers={"Content-Type": media_type}) as answer:
            assert answer.status == 415
            assert "application/json" in await answer.text()
        json_type = {"Content-Type": "Application/JSON; charset=utf-8"}
        async with site.http.post(f"{site.url}/web", data=content, headers=json_type) as answer:
            assert answer.status == 200
        assert len(site.inbox.updates) == 1

    run(scenario)


def test_a_visitor_cannot_read_what_the_bot_told_another_one() -> None:
    """Whoever knew or guessed a user's name could once read along."""

    async def scenario(site: Site) -> None:
        jars = [aiohttp.CookieJar(unsafe=True) for _ in range(2)]
        async with aiohttp.ClientSession(cookie_jar=jars[0]) as one, aiohttp.ClientSession(cookie_jar=jars[1]) as other:
            for client in (one, other):
                async with client.get(f"{site.url}/web") as answer:
                    cookie = answer.headers["Set-Cookie"]
                    assert re.fullmatch(
                        r"maxbot_visitor=[\w-]{43}; Path=/web; Max-Age=31536000; HttpOnly; SameSite=Lax", cookie
                    )
                async with client.get(f"{site.url}/web") as answer:
                    assert "Set-Cookie" not in answer.headers, "who has a cookie keeps it"
                async with client.post(f"{site.url}/web", json={"tab": "1", "text": "hello"}) as answer:
                    assert answer.status == 200
            users = [update.dialog for update in site.inbox.updates]
            await site.send(users[0], "for one only")
            for path in ("replies?wait=0&tab=1", "replies?wait=0&tab=2"):
                async with other.get(f"{site.url}/web/{path}") as answer:
                    assert (await answer.json())["replies"] == []
            for path in ("replies", "events"):
                for query, status in ((f"user_id={users[0].user}", 400), ("tab=1", 401), ("", 400)):
                    async with site.http.get(f"{site.url}/web/{path}?wait=0&{query}") as answer:
                        assert answer.status == status
            async with one.get(f"{site.url}/web/replies?wait=0&tab=1") as answer:
                assert [reply["text"] for reply in (await answer.json())["replies"]] == ["for one only"]

    run(scenario)


def test_the_cookie_of_an_encrypted_page_stays_encrypted() -> None:
    async def scenario(site: Site) -> None:
        async with site.http.get(f"{site.url}/web", headers={"X-Forwarded-Proto": "https"}) as answer:
            assert answer.headers["Set-Cookie"].endswith("; Secure")

    run(scenario)


def test_only_on_ones_own_machine_visitors_hear_that_nothing_is_answered() -> None:
    visitor = Dialog("web", "visitor-1")

    async def notices(private: bool, dialog: Dialog) -> list[Any]:
        channel, mailbox = WebChannel(), MemoryMailbox()
        services = Services(mailbox=mailbox, private=private, redact=lambda text: text.replace("s3cret", "***"))
        await channel.start(services)
        for failure in ("bot.yaml:5: no s3cret", None):
            await channel.unanswered(dialog, str(failure), failure)
        await channel.close()
        return [content["notice"] for _, content in await mailbox.fetch(dialog, 0)]

    assert asyncio.run(notices(True, visitor)) == [
        "The bot failed: bot.yaml:5: no ***",
        "The bot has nothing to say to this.",
    ]
    assert asyncio.run(notices(False, visitor)) == []
    assert asyncio.run(notices(True, ALICE)) == [], "who comes with a name of a site has a program that reads replies"


def test_without_the_token_nothing_goes() -> None:
    async def scenario(site: Site) -> None:
        await site.send(ALICE, "for alice only")
        async with aiohttp.ClientSession(site.url) as stranger:
            for path in ("/web/replies?user_id=alice", "/web/events?user_id=alice"):
                for headers in ({}, {"Authorization": "Bearer another"}):
                    async with stranger.get(path, headers=headers) as answer:
                        assert answer.status == 401
                        assert "alice" not in await answer.text()
            async with stranger.post("/web", json={"user_id": "alice", "text": "a"}) as answer:
                assert answer.status == 401
        assert (await site.replies(user_id="alice"))[0] == 200
        assert not site.inbox.updates

    run(scenario, token="a-token")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "user_id=",
        "user_id=" + "a" * 201,
        "user_id=a%00",
        "user_id=a%0A",
        "user_id=a&after=-1",
        "user_id=a&after=x",
        "user_id=a&after=",
        "user_id=a&after=9223372036854775808",
        "user_id=a&after=%D9%A1",
    ],
)
def test_bad_parameters_are_a_400(query: str) -> None:
    async def scenario(site: Site) -> None:
        for path in ("replies", "events"):
            async with site.http.get(f"{site.url}/web/{path}?{query}") as answer:
                assert answer.status == 400

    run(scenario)


@pytest.mark.parametrize("wait", ["", "x", "-1", "61", "nan", "inf", "1e9"])
def test_a_bad_wait_is_a_400(wait: str) -> None:
    async def scenario(site: Site) -> None:
        assert (await site.replies(user_id="alice", wait=wait))[0] == 400

    run(scenario)


def test_replies_come_in_order_and_from_where_one_is() -> None:
    async def scenario(site: Site) -> None:
        for text in ("one", "two", "three"):
            await site.send(ALICE, text)
        await site.send(BOB, "for bob")
        everything = [{"n": n, "text": text} for n, text in ((1, "one"), (2, "two"), (3, "three"))]
        assert await site.replies(user_id="alice") == (200, {"replies": everything, "after": 3})
        assert await site.replies(user_id="alice", after=1) == (200, {"replies": everything[1:], "after": 3})
        assert await site.replies(user_id="alice", after=3, wait=0) == (200, {"replies": [], "after": 3})
        assert await site.replies(user_id="alice", after=3, wait=0.05) == (200, {"replies": [], "after": 3})

    run(scenario)


def test_a_reply_sent_twice_is_there_once() -> None:
    async def scenario(site: Site) -> None:
        for _ in range(2):
            await site.channel.send(Command({"text": "one"}, "key"), ALICE)
        assert (await site.replies(user_id="alice"))[1]["replies"] == [{"n": 1, "text": "one"}]

    run(scenario)


def test_a_number_from_another_database_means_from_the_start() -> None:
    async def scenario(site: Site) -> None:
        waits = asyncio.create_task(site.replies(user_id="alice", after=50))
        await eventually(lambda: len(site.waiting) == 1)
        await site.send(ALICE, "one")
        assert await waits == (200, {"replies": [{"n": 1, "text": "one"}], "after": 1})
        assert await site.replies(user_id="bob", after=50, wait=0) == (200, {"replies": [], "after": 0})

    run(scenario)


@pytest.mark.parametrize("worker", ["own", "other"])
def test_who_waits_gets_the_reply_as_soon_as_it_is_there(worker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if worker == "own":  # which need not look
        monkeypatch.setattr(waiting, "LOOK_EVERY", 60.0)

    async def scenario(site: Site) -> None:
        waits = [asyncio.create_task(site.replies(user_id=user)) for user in ("alice", "alice", "bob")]
        await eventually(lambda: len(site.waiting) == 3)
        send = site.send if worker == "own" else site.send_from_another_worker
        began = time.monotonic()
        await send(ALICE, "hello")
        answers = await asyncio.gather(*waits[:2])
        assert time.monotonic() - began < 15
        assert answers == [(200, {"replies": [{"n": 1, "text": "hello"}], "after": 1})] * 2
        assert not waits[2].done()
        await send(BOB, "hello bob")
        assert (await waits[2])[1]["replies"] == [{"n": 2, "text": "hello bob"}]
        assert len(site.waiting) == 0

    run(scenario)


def test_typing_is_told_to_who_asks_for_it_and_ends_no_other_wait() -> None:
    async def scenario(site: Site) -> None:
        told = asyncio.create_task(site.replies(user_id="alice", wait=60, drafts=1))
        plain = asyncio.create_task(site.replies(user_id="alice", wait=60))
        stream = await site.http.get(f"{site.url}/web/events?user_id=alice")
        await eventually(lambda: len(site.waiting) == 3)
        await site.channel.typing(ALICE)
        assert (await told)[1] == {"replies": [], "after": 0, "typing": True}
        assert await stream.content.readuntil(b"data: {}\n\n") == b": replies follow\n\nevent: typing\ndata: {}\n\n"
        stream.close()
        assert not plain.done()
        await site.channel.send(Command({"text": "a"}, "key"), ALICE)
        assert (await plain)[1]["replies"] == [{"n": 1, "text": "a"}]

    run(scenario)


def test_typing_takes_no_draft_away() -> None:
    async def scenario(site: Site) -> None:
        told = asyncio.create_task(site.replies(user_id="alice", wait=60, drafts=1))
        await eventually(lambda: len(site.waiting) == 1)
        await site.channel.draft("half", ALICE, "key")
        await site.channel.typing(ALICE)
        assert (await told)[1]["draft"] == "half"

    run(scenario)


def test_nobody_looks_when_nobody_waits() -> None:
    async def scenario(site: Site) -> None:
        await site.replies(user_id="alice", wait=1)
        assert site.mailbox.fetches >= 2
        before = site.mailbox.fetches
        await asyncio.sleep(0.25)  # two looks
        assert site.mailbox.fetches == before

    run(scenario)


def test_a_client_that_goes_away_is_forgotten() -> None:
    async def scenario(site: Site) -> None:
        waits = [asyncio.create_task(site.replies(user_id=f"user {n}", wait=60)) for n in range(20)]
        streams = [await site.http.get(f"{site.url}/web/events?user_id=s{n}") for n in range(5)]
        await eventually(lambda: len(site.waiting) == 25)
        for task in waits:
            task.cancel()
        for stream in streams:
            stream.close()
        await eventually(lambda: len(site.waiting) == 0)
        assert not site.waiting._waiters

    run(scenario)


def test_a_stop_answers_all_who_wait() -> None:
    async def scenario(site: Site) -> None:
        waits = [asyncio.create_task(site.replies(user_id=f"user {n}", wait=60)) for n in range(20)]
        stream = await site.http.get(f"{site.url}/web/events?user_id=alice")
        await eventually(lambda: len(site.waiting) == 21)
        began = time.monotonic()
        await site.channel.drain()
        assert await asyncio.gather(*waits) == [(200, {"replies": [], "after": 0})] * 20
        await stream.read()
        assert await site.replies(user_id="alice", wait=60) == (200, {"replies": [], "after": 0})
        assert time.monotonic() - began < 30

    run(scenario)


def test_a_database_that_is_away_is_a_503_and_then_works() -> None:
    async def scenario(site: Site) -> None:
        waits = asyncio.create_task(site.replies(user_id="alice"))
        await eventually(lambda: len(site.waiting) == 1)
        site.mailbox.fails = True
        before = site.mailbox.fetches
        assert (await site.replies(user_id="alice"))[0] == 503
        with pytest.raises(RetryLater, match="disk full"):
            await site.channel.send(Command({"text": "a"}, "key"), ALICE)
        await eventually(lambda: site.mailbox.fetches > before + 2)
        site.mailbox.fails = False
        await site.send_from_another_worker(ALICE, "back")
        assert (await waits)[1]["replies"] == [{"n": 1, "text": "back"}]

    run(scenario)


async def read_event(stream: aiohttp.ClientResponse) -> list[str]:
    lines = []
    while (line := (await stream.content.readline()).decode()) not in ("\n", ""):
        lines.append(line.rstrip("\n"))
    return lines


def test_events_come_with_their_ids_and_go_on_where_one_was() -> None:
    async def scenario(site: Site) -> None:
        await site.send(ALICE, "one\ntwo")
        async with site.http.get(f"{site.url}/web/events?user_id=alice") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            assert await read_event(stream) == [": replies follow"]
            assert await read_event(stream) == ["id: 1", r'data: {"text":"one\ntwo","n":1}']
            await site.send(ALICE, "three")
            assert await read_event(stream) == ["id: 2", 'data: {"text":"three","n":2}']
        for query, headers in (("&after=1", {}), ("", {"Last-Event-ID": "1"}), ("&after=0", {"Last-Event-ID": "1"})):
            url = f"{site.url}/web/events?user_id=alice{query}"
            async with site.http.get(url, headers=headers) as stream:
                await read_event(stream)
                assert (await read_event(stream))[0] == "id: 2"
        async with site.http.get(f"{site.url}/web/events?user_id=a", headers={"Last-Event-ID": "x"}) as answer:
            assert answer.status == 400

    run(scenario)


def test_a_reply_that_is_being_written_is_seen_by_those_who_asked_for_it() -> None:
    async def scenario(site: Site) -> None:
        async def drafted(answer: asyncio.Task[Any]) -> Any:
            while not answer.done():  # whoever asks waits in a moment
                await site.channel.draft("Hel", ALICE, "1.0.begun")
                await asyncio.sleep(0.01)
            return answer.result()

        async def asked(query: str) -> Any:
            async with site.http.get(f"{site.url}/web/replies?user_id=alice&wait=20{query}") as answer:
                return await answer.json()

        got = await drafted(asyncio.create_task(asked("&drafts=1")))
        assert got == {"replies": [], "after": 0, "draft": "Hel"}
        others = asyncio.create_task(asked(""))
        async with site.http.get(f"{site.url}/web/events?user_id=alice") as stream:
            await read_event(stream)
            event = await drafted(asyncio.create_task(read_event(stream)))
            assert event == ["event: draft", 'data: {"text":"Hel"}']
            assert not others.done(), "who knows nothing of drafts waits on"
            await site.send(ALICE, "Hello")
            assert (await others)["replies"] == [{"text": "Hello", "n": 1}]
            while (event := await read_event(stream))[0] == "event: draft":
                pass
            assert event == ["id: 1", 'data: {"text":"Hello","n":1}']

    run(scenario)


def test_an_event_stream_without_events_has_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "HEARTBEAT", 0.02)

    async def scenario(site: Site) -> None:
        async with site.http.get(f"{site.url}/web/events?user_id=alice") as stream:
            await read_event(stream)
            for _ in range(3):
                assert await read_event(stream) == [": nothing new"]
            await site.send(ALICE, "one")
            while (event := await read_event(stream)) == [": nothing new"]:
                pass
            assert event == ["id: 1", 'data: {"text":"one","n":1}']

    run(scenario)


def test_the_page_needs_nothing_from_elsewhere_and_may_run_nothing_else() -> None:
    async def scenario(site: Site) -> None:
        async with site.http.get(f"{site.url}/web") as answer:
            page = await answer.text()
            policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert policy.count("sha256-") == 2
        assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
        assert "innerHTML" not in page
        assert not re.search(r"\son\w+=", page.partition("<script>")[0]), "the policy forbids handlers in attributes"
        assert 'style="' not in page

    run(scenario, token="a-token")


def test_a_wake_is_for_one_dialog() -> None:
    async def scenario() -> None:
        clients = Waiting(MemoryMailbox())
        clients.wake(ALICE)
        task = asyncio.create_task(clients.replies(BOB, 0, 0.05))
        await eventually(lambda: len(clients) == 1)
        clients.wake(ALICE)
        assert await task == []
        assert len(clients) == 0

    asyncio.run(scenario())
