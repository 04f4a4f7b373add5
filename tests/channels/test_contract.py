"""The contract is worth its tests: each of these broken channels fails the one that is about its fault."""

import asyncio
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from maxbot.channels.base import Answer, Channel, Growth, Received, Request, Services
from maxbot.channels.client import ApiClient
from maxbot.channels.expand import Abilities, expand
from maxbot.channels.split import Limit
from maxbot.errors import BadRequest, OutcomeUnknown, RetryLater, SendError, Unauthorized, Undeliverable
from maxbot.testing.channels import ChannelContract, Webhook
from maxbot.types import Address, Begun, Command, Dialog, Update

TOKEN = "s3cret"


class Body(msgspec.Struct):
    id: int
    user: str
    text: str


class Good(Channel):
    """A whole channel of a platform that does not exist; those of the subclasses have a fault."""

    name = "mine"

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url

    @property
    def secrets(self) -> Sequence[str]:
        return (TOKEN,)

    def verify(self, request: Request) -> None:
        if not hmac.compare_digest(request.headers.get("x-token", ""), TOKEN):
            raise Unauthorized("wrong token")

    def parse(self, request: Request) -> list[Update]:
        try:
            content = msgspec.json.decode(request.body, type=Body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadRequest("not a message") from None
        if not content.user.isprintable() or not 1 <= len(content.user) <= 200:
            raise BadRequest("not a user")
        return [self.update(content)]

    def update(self, content: Body) -> Update:
        return Update(Dialog(self.name, content.user), f"{content.id}"[:200], {"text": content.text})

    async def start(self, services: Services) -> None:
        self.client = ApiClient(self._api_url, 1.0, connections=services.connections)

    async def close(self) -> None:
        await self.client.close()

    async def send(self, command: Command, dialog: Dialog) -> None:
        status, body, _ = await self.client.post_json(f"/{TOKEN}", command.content)
        if status >= 500:
            raise OutcomeUnknown("failed")
        if status >= 400 and body != b'{"refused":true}':
            raise RetryLater("not the platform's own words")
        if status >= 400:
            raise Undeliverable("refused")


class NamedWithColon(Good):
    name = "my:channel"


class OtherChannel(Good):
    def update(self, content: Body) -> Update:
        return Update(Dialog("other", content.user), str(content.id), {"text": content.text})


class KeepsBytes(Good):
    def update(self, content: Body) -> Update:
        return Update(Dialog(self.name, content.user), str(content.id), {"text": {1: content.text}})


class NewKeys(Good):
    count = 0

    def update(self, content: Body) -> Update:
        self.count += 1
        return Update(Dialog(self.name, content.user), str(self.count), {"text": content.text})


class OneKey(Good):
    def update(self, content: Body) -> Update:
        return Update(Dialog(self.name, content.user), content.text, {"text": content.text})


class BelievesAll(Good):
    def verify(self, request: Request) -> None:
        pass


class SaysItDoesNotVerify(Good):
    @property
    def verifies(self) -> bool:
        return False


class ForgetsUnicode(Good):
    def parse(self, request: Request) -> list[Update]:
        request.body.decode()
        return super().parse(request)


class ForgetsLimits(Good):
    def parse(self, request: Request) -> list[Update]:
        try:
            return [self.update(msgspec.json.decode(request.body, type=Body))]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadRequest("not a message") from None


class AnswersWithText(Good):
    async def receive(self, request: Request) -> Received:
        return Received((await super().receive(request)).updates, Answer("ok"))  # type: ignore[arg-type]


class ReceivesNothing(Good):
    async def receive(self, request: Request) -> Received:
        return Received()


class SendsTwice(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        await super().send(command, dialog)
        await super().send(command, dialog)


class AlwaysLater(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except OutcomeUnknown as error:
            raise RetryLater(error.reason) from None


class NeverLater(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except RetryLater as error:
            raise OutcomeUnknown(error.reason) from None


class GivesUpAtServerErrors(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except OutcomeUnknown as error:
            if error.reason == "failed":
                raise Undeliverable("failed") from None
            raise


class TellsItsToken(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except SendError as error:
            # The chain of an error is printed like the error.
            raise type(error)("failed") from ValueError(f"{self._api_url}/{TOKEN}")


class BelievesAnyPage(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except RetryLater as error:
            if "own words" in error.reason:
                raise Undeliverable("refused") from None
            raise


class TakesNoForAnswer(Good):
    async def send(self, command: Command, dialog: Dialog) -> None:
        try:
            await super().send(command, dialog)
        except Undeliverable as error:
            raise RetryLater(error.reason) from None


class OneName(Good):
    def update(self, content: Body) -> Update:
        return Update(Dialog("mine", content.user), f"{content.id}"[:200], {"text": content.text})


class ChangesNothing(Good):
    def expand(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        return [content]


class CutsNothing(Good):
    abilities = Abilities(text=Limit(100))

    def expand(self, content: dict[str, Any]) -> list[dict[str, Any]]:
        return expand(content, self.type, Abilities())


class ReturnsNumber(Good):
    async def send(self, command: Command, dialog: Dialog) -> int:  # type: ignore[override]
        await super().send(command, dialog)
        return 5


class ForgetsWhatItBegan(Good):
    growth = Growth(every=1.0, lasts=True)

    async def draft(
        self, text: str, dialog: Dialog, key: str, begun: Begun | None = None, address: Address | None = None
    ) -> Begun | None:
        return None


class TakesAllConnections(Good):
    async def start(self, services: Services) -> None:
        self.client = ApiClient(self._api_url, 1.0)


class OneAtATime(Good):
    async def start(self, services: Services) -> None:
        await super().start(services)
        self._turn = asyncio.Semaphore(100)

    async def send(self, command: Command, dialog: Dialog) -> None:
        async with self._turn:
            await super().send(command, dialog)


class LeavesATask(Good):
    async def start(self, services: Services) -> None:
        await super().start(services)
        self.task = asyncio.create_task(asyncio.sleep(60))


class Contract(ChannelContract):
    answer = (200, b"{}")
    refusal = (400, b'{"refused":true}')
    patience = 5.0

    def __init__(self, kind: type[Good] = Good) -> None:
        self.kind = kind

    def channel(self, api_url: str) -> Channel:
        return self.kind(api_url)

    def webhooks(self) -> Sequence[Webhook]:
        bodies = (b'{"id": 1, "user": "a", "text": "hello"}', b'{"id": 2, "user": "a", "text": "hello"}')
        return [({"x-token": TOKEN}, body) for body in bodies]

    def forged(self) -> Sequence[Webhook]:
        return [({"x-token": "wrong"}, b"{}")]

    def dialog(self) -> Dialog:
        return Dialog("mine", "a")


TESTS = sorted(name for name in dir(ChannelContract) if name.startswith("test_"))

BROKEN: list[tuple[type[Good], str]] = [
    (NamedWithColon, "test_its_name_is_usable"),
    (OtherChannel, "test_webhooks_become_updates"),
    (KeepsBytes, "test_webhooks_become_updates"),
    (NewKeys, "test_a_redelivery_is_recognised_and_nothing_else"),
    (OneKey, "test_a_redelivery_is_recognised_and_nothing_else"),
    (BelievesAll, "test_forged_webhooks_are_refused"),
    (SaysItDoesNotVerify, "test_forged_webhooks_are_refused"),
    (ForgetsUnicode, "test_malformed_webhooks_are_bad_requests"),
    (ForgetsLimits, "test_malformed_webhooks_are_bad_requests"),
    (AnswersWithText, "test_a_webhook_is_received_with_an_answer"),
    (ReceivesNothing, "test_a_webhook_is_received_with_an_answer"),
    (SendsTwice, "test_a_reply_is_sent"),
    (ReturnsNumber, "test_a_reply_is_sent"),
    (OneName, "test_a_second_account_has_dialogs_of_its_own"),
    (ChangesNothing, "test_every_kind_of_reply_becomes_what_the_platform_takes"),
    (CutsNothing, "test_every_kind_of_reply_becomes_what_the_platform_takes"),
    (BelievesAnyPage, "test_only_the_platforms_own_words_are_its_verdict"),
    (TakesNoForAnswer, "test_only_the_platforms_own_words_are_its_verdict"),
    (ForgetsWhatItBegan, "test_a_reply_that_was_shown_while_it_grew_is_finished"),
    (TakesAllConnections, "test_it_has_no_more_connections_than_it_was_lent"),
    (NeverLater, "test_nothing_was_sent_without_a_connection"),
    (TellsItsToken, "test_nothing_was_sent_without_a_connection"),
    (AlwaysLater, "test_nobody_knows_what_became_of_a_request_without_answer"),
    (GivesUpAtServerErrors, "test_nobody_knows_what_a_failing_server_did"),
    (OneAtATime, "test_a_failing_call_holds_up_no_other_one"),
    (LeavesATask, "test_close_leaves_nothing_running"),
]


@pytest.mark.parametrize("test", TESTS)
def test_a_good_channel_passes(test: str) -> None:
    getattr(Contract(), test)()


@pytest.mark.parametrize(("kind", "test"), BROKEN)
def test_the_contract_catches(kind: type[Good], test: str) -> None:
    with pytest.raises(AssertionError):
        getattr(Contract(kind), test)()


def test_each_test_of_the_contract_catches_something() -> None:
    assert set(TESTS) == {test for _, test in BROKEN}
