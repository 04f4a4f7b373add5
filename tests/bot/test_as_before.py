"""What Python code of MaxBot 0.3 relies on: names, errors and calls are there and do what they did."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from maxbot import BotError, MaxBot
from maxbot.context import EntitiesResult, IntentsResult, RecognizedEntity, RecognizedIntent, StateVariables
from maxbot.errors import LoopRunning, RpcError
from maxbot.nlu import Nlu, SimilarityRecognizer
from maxbot.settings import Settings
from maxbot.types import Dialog

FAILING = "dialog: [{condition: true, response: '{{ nobody }}'}]"


def test_a_turn_that_fails_is_an_error_of_the_bot() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline(FAILING).process_message("x")
    error = raised.value
    assert error.message == "'nobody' is undefined"
    assert (error.file, error.line) == ("<inline>", 1)
    (snippet,) = error.snippets
    assert FAILING in snippet
    assert "^" in snippet.splitlines()[-1]
    assert str(error) == "<inline>:1: 'nobody' is undefined"


def test_a_value_that_cannot_be_stored_has_a_message_and_a_place() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline("dialog: [{condition: true, response: '{% set user.x = utc_time %}'}]").process_message("x")
    assert "isoformat" in raised.value.message
    assert raised.value.line == 1
    assert raised.value.snippets


def test_a_mistake_of_a_file_has_snippets_too() -> None:
    with pytest.raises(BotError) as raised:
        MaxBot.inline("dialog: [{condition: true}]\nintents: [{name: x}]")
    assert [text.splitlines()[0].strip() for text in raised.value.snippets] == ["1 | dialog: [{condition: true}]"] * 2


def test_a_request_that_is_refused_has_code_message_and_data() -> None:
    with pytest.raises(RpcError) as raised:
        MaxBot.inline("rpc: [{method: a}]").process_rpc({"method": "b"})
    assert (raised.value.code, raised.value.message, raised.value.data) == (-32601, "Method not found", "b")


def test_a_turn_that_blocks_is_refused_where_an_event_loop_runs() -> None:
    bot: Any = MaxBot.inline(FAILING)

    async def inside() -> None:
        bot.process_message("x")

    with pytest.raises(RuntimeError, match="event loop") as raised:
        asyncio.run(inside())
    assert isinstance(raised.value, LoopRunning)


# -- resources


class Menu:
    """Resources of an author's own."""

    def load_intents(self, schema: Any) -> Any:
        return schema.load([{"name": "greet", "examples": ["good day"]}])

    def load_dialog(self, schema: Any) -> Any:
        return schema.loads("""
- {condition: intents.greet, response: Hello}
- {subtree: rest}
""")

    def load_dialog_subtrees(self, schema: Any) -> Any:
        return [{"name": "rest", "nodes": [{"condition": True, "response": "What?"}]}]


def test_resources_of_ones_own() -> None:
    builder = MaxBot.builder()
    builder.use_resources(menu := Menu())
    assert builder.resources is menu
    bot = builder.build()
    assert bot.resources is menu
    assert bot.process_message("good day") == [{"text": "Hello"}]
    assert bot.process_message("x") == [{"text": "What?"}]


def test_mistakes_in_resources_of_ones_own_are_told() -> None:
    class Wrong:
        def load_dialog(self, schema: Any) -> Any:
            return [{"condition": "true"}]

    class Broken:
        def load_dialog(self, schema: Any) -> Any:
            raise OSError("no disk")

    for resources, told in ((Wrong(), "<Wrong>.*response"), (Broken(), "load_dialog: OSError: no disk")):
        builder = MaxBot.builder()
        builder.use_resources(resources)
        with pytest.raises(BotError, match=told):
            builder.build()


FILES = {
    "bot.yaml": "extensions: {datetime: {}}\nintents: [{name: a, examples: [x]}]",
    "intents/more.yaml": "[{name: b, examples: [!ENV '${NO_SUCH:c}']}]",
    "entities.yaml": "[{name: e, values: [{name: v, phrases: [p]}]}]",
    "dialog.yaml": "[{subtree: s}, {condition: true, response: hi}]",
    "dialog/s.yaml": "{name: s, nodes: []}",
    "rpc.yaml": "[{method: m}]",
}


def test_resources_can_be_read_by_section(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    resources = MaxBot.from_directory(tmp_path).resources
    assert resources.load_extensions() == {"datetime": {}}
    assert resources.load_channels() == {}
    assert resources.load_intents() == [{"name": "a", "examples": ["x"]}, {"name": "b", "examples": ["c"]}]
    assert resources.load_entities() == [{"name": "e", "values": [{"name": "v", "phrases": ["p"]}]}]
    assert resources.load_dialog() == [{"subtree": "s"}, {"condition": "true", "response": "hi"}]
    assert resources.load_dialog_subtrees() == [{"name": "s", "nodes": []}]
    assert resources.load_rpc() == [{"method": "m"}]
    inline: Any = MaxBot.inline("{}").resources
    assert (inline.load_intents(), inline.load_dialog_subtrees()) == ([], [])


# -- what is recognised

RANKED = """
intents:
  - {name: open, examples: [when do you open, opening hours]}
  - {name: close, examples: [when do you close]}
entities: [{name: tool, values: [{name: saw, phrases: [saw], regexps: ['S-\\d']}]}]
dialog:
  - {condition: intents.open, response: Open}
  - {condition: entities.tool, response: "{{ entities.tool.value }} {{ entities.number.value or 'no number' }}"}
  - {condition: entities.own, response: "own {{ entities.own.value }}"}
  - {condition: true, response: "{% for i in intents.ranking %}{{ i.name }} {% endfor %}?"}
"""


def asked(text: str, change: Callable[[Any], object] = lambda nlu: None) -> Any:
    builder = MaxBot.builder()
    change(builder.nlu)
    builder.use_inline_resources(RANKED)
    (reply,) = builder.build().process_message(text)
    return reply["text"]


def test_the_threshold_of_the_top_intent() -> None:
    def higher(nlu: Any) -> None:
        assert nlu.threshold == 0.5
        nlu.threshold = 0.6

    assert asked("when do you open") == "Open"
    assert asked("when do you open", higher) == "open close ?"


def test_the_similarity_of_examples() -> None:
    def strict(nlu: Any) -> None:
        assert nlu.intent_recognizer.threshold == 0.7
        nlu.intent_recognizer = SimilarityRecognizer(threshold=0.95)

    assert asked("opening hours please") == "Open"
    assert asked("opening hours please", strict) == "?"


def test_an_intent_recogniser_of_ones_own() -> None:
    def own(nlu: Any) -> None:
        nlu.intent_recognizer = lambda text: [RecognizedIntent("close", 0.6), RecognizedIntent("open", len(text) / 10)]

    assert asked("abc", own) == "close open ?"
    assert asked("abcdefghi", own) == "Open"


def test_entity_recognisers_can_be_added_and_left_out() -> None:
    def found(text: str, utc_time: datetime) -> list[RecognizedEntity]:
        return [RecognizedEntity("own", text[::-1], text, 0, len(text))]

    assert asked("3 saw") == "saw 3"
    assert asked("abc", lambda nlu: nlu.entity_recognizers.append(found)) == "own cba"
    assert asked("saw", lambda nlu: nlu.entity_recognizers.__setitem__(slice(None), [found])) == "own was"
    assert asked("S-1", lambda nlu: nlu.entity_recognizers.remove("regexps")) == "?"


def test_an_async_part_of_the_recogniser_is_refused() -> None:
    async def slow(text: str) -> list[RecognizedIntent]:
        return []

    with pytest.raises(BotError, match="slow is async"):
        asked("x", lambda nlu: setattr(nlu, "intent_recognizer", slow))


def test_tokens_of_another_language_model() -> None:
    class Token(NamedTuple):
        text: str
        idx: int

        def __len__(self) -> int:
            return len(self.text)

    def letters(text: str) -> list[Token]:
        return [Token(char, place) for place, char in enumerate(text)]

    builder = MaxBot.builder()
    builder.nlu = Nlu(spacy_nlp=letters)
    builder.use_inline_resources(RANKED)
    assert builder.build().process_message("sawdust") == [{"text": "saw no number"}]


def test_a_recogniser_of_ones_own_is_given_the_resources_and_may_ask_the_built_in_one() -> None:
    class Louder:
        def __init__(self) -> None:
            self.inner = Nlu()
            self.loaded: list[Any] = []

        def load_resources(self, resources: Any) -> None:
            self.inner.load_resources(resources)
            self.loaded.append(resources.load_intents()[0]["name"])

        async def __call__(self, message: Any, utc_time: Any = None) -> Any:
            return await self.inner({**message, "text": message["text"].lower()}, utc_time)

    builder = MaxBot.builder()
    builder.nlu = nlu = Louder()
    builder.use_inline_resources(RANKED)
    bot = builder.build()
    assert nlu.loaded == ["open"]
    assert bot.process_message("OPENING HOURS") == [{"text": "Open"}]


def test_without_load_resources_the_sections_are_not_read() -> None:
    async def nothing(message: Any, utc_time: Any = None) -> Any:
        return IntentsResult.resolve([]), EntitiesResult.resolve([])

    def replace(builder: Any, config: Any) -> None:
        builder.nlu = nothing

    text = "extensions: {mine: {}}\nintents: 5\nentities: what you like\ndialog: [{condition: true, response: hi}]"
    bot = MaxBot.inline(text, available_extensions={"mine": replace})
    assert bot.process_message("x") == [{"text": "hi"}]


# -- turns run by hand

COUNTING = """
rpc: [{method: reset}]
dialog:
  - {condition: rpc.reset, response: "{% set user.n = 0 %}Reset"}
  - {condition: message.text == 'fail', response: "{{ nobody }}"}
  - {condition: true, response: "{% set user.n = (user.n or 0) + 1 %}{{ user.n }} at {{ utc_time.hour }}"}
"""
NOON = datetime(2024, 5, 14, 12, tzinfo=UTC)
ADA = {"channel_name": "web", "user_id": "ada"}


def test_the_dialog_manager_runs_turns_of_a_state_that_is_given() -> None:
    manager = MaxBot.inline(COUNTING).dialog_manager
    manager.utc_time_provider = lambda: NOON
    state = StateVariables.from_kv_pairs([("user.n", 4)])
    assert asyncio.run(manager.process_message({"text": "x"}, ADA, state)) == [{"text": "5 at 12"}]
    assert state.user == {"n": 5}
    with pytest.raises(BotError, match="nobody"):
        asyncio.run(manager.process_message({"text": "fail"}, ADA, state))
    assert state.to_kv_pairs() == [("user.n", 5)]
    assert asyncio.run(manager.process_rpc({"method": "reset"}, ADA, state)) == [{"text": "Reset"}]
    assert state.user == {"n": 0}


def test_the_clock_of_the_dialog_manager_is_that_of_turns_run_by_hand() -> None:
    bot = MaxBot.inline(COUNTING)
    bot.dialog_manager.utc_time_provider = lambda: NOON
    assert bot.process_message("x") == [{"text": "1 at 12"}]


def test_a_journal_of_ones_own_is_told_of_each_turn_and_takes_errors() -> None:
    bot = MaxBot.inline(COUNTING)
    told: list[Any] = []

    @bot.dialog_manager.journal
    def journal(ctx: Any) -> None:
        told.append((ctx.message.get("text"), [reply["text"][0] for reply in ctx.commands], ctx.error, ctx.intents.top))

    assert len(bot.process_message("x")) == 1
    assert bot.process_message("fail") == []
    assert bot.process_message("x")[0]["text"].startswith("2")
    assert bot.process_rpc({"method": "reset"}) == [{"text": "Reset"}]
    assert [entry[:2] for entry in told] == [("x", ["1"]), ("fail", []), ("x", ["2"]), (None, ["R"])]
    assert "nobody" in str(told[1][2])
    assert told[0][2:] == (None, None)


def test_a_journal_of_ones_own_may_raise_the_error() -> None:
    bot = MaxBot.inline(COUNTING)

    def journal(ctx: Any) -> None:
        if ctx.error:
            raise ctx.error

    bot.dialog_manager.journal(journal)
    with pytest.raises(BotError, match="nobody"):
        bot.process_message("fail")


class Store:
    """A persistence manager of an author's own."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.history: list[Any] = []

    @contextmanager
    def __call__(self, dialog: Any) -> Iterator[Any]:
        self.state = StateVariables.from_kv_pairs(self.stored.get(dialog["user_id"], []))
        yield self
        self.stored[dialog["user_id"]] = self.state.to_kv_pairs()

    def get_state(self) -> StateVariables:
        return self.state

    def set_message_history(self, message: Any, commands: Any) -> None:
        self.history.append((message["text"], commands))

    def set_rpc_history(self, request: Any, commands: Any) -> None:
        self.history.append((request["method"], commands))


def test_a_persistence_manager_of_ones_own_keeps_the_state() -> None:
    builder = MaxBot.builder()
    builder.persistence_manager = store = Store()
    builder.track_history()
    builder.use_inline_resources(COUNTING)
    bot = builder.build()
    bot.process_message("x", ADA, utc_time=NOON)
    assert bot.process_message("x", ADA, utc_time=NOON) == [{"text": "2 at 12"}]
    with pytest.raises(BotError):
        bot.process_message("fail", ADA)
    assert ("user.n", 2) in store.stored["ada"]
    assert not store.history  # of channels only
    (told,) = bot.unused
    assert "--database" in told


def test_the_default_one_takes_an_engine() -> None:
    builder: Any = MaxBot.builder()
    assert builder.build().unused == []
    builder = MaxBot.builder()
    builder.persistence_manager.engine = object()
    builder.persistence_manager.create_tables()
    builder.use_inline_resources(COUNTING)
    bot: Any = builder.build()
    assert bot.process_message("x", ADA, utc_time=NOON) == [{"text": "1 at 12"}]
    with bot.persistence_manager(ADA) as tracker:
        assert tracker.get_state().user == {"n": 1}
    assert len(bot.unused) == 1


class Pager:
    """A mixin that is all of a channel."""

    sent: ClassVar[list[Any]] = []

    async def create_dialog(self, data: Any) -> dict[str, str]:
        return {"channel_name": "pager", "user_id": data["from"]}

    async def receive_text(self, data: Any) -> Any:
        return {"text": data["say"]} if "say" in data else None

    async def send_text(self, command: Any, dialog: Any) -> None:
        self.sent.append((dialog["user_id"], command["text"].render()))

    def blueprint(self, callback: Any, execute_once: Any, public_url: Any, webhook_path: Any) -> None:
        raise AssertionError("nobody calls it")


class Locks:
    """User locks of an author's own."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    @asynccontextmanager
    async def __call__(self, dialog: Any) -> AsyncIterator[None]:
        self.taken.append(dialog["user_id"])
        yield


def test_the_adapters_run_what_a_platform_delivers() -> None:
    builder = MaxBot.builder()
    builder.add_channel_mixin(Pager, "pager")
    builder.user_locks = locks = Locks()
    builder.persistence_manager = store = Store()
    builder.track_history()
    builder.use_inline_resources("channels: {pager: {}}\n" + COUNTING)
    bot = builder.build()
    bot.dialog_manager.utc_time_provider = lambda: NOON
    Pager.sent.clear()

    async def deliver() -> None:
        await bot.default_channel_adapter({"from": "ada", "say": "hi"}, bot.channels.pager)
        await bot.default_channel_adapter({"from": "ada", "sticker": 5}, bot.channels.pager)
        await bot.default_rpc_adapter({"method": "reset"}, bot.channels.pager, "ada")
        with pytest.raises(BotError):
            await bot.default_channel_adapter({"from": "ada", "say": "fail"}, bot.channels.pager)

    asyncio.run(deliver())
    assert Pager.sent == [("ada", "1 at 12"), ("ada", "Reset")]
    assert locks.taken == ["ada"] * 3
    assert store.stored["ada"] == [("user.n", 0)]
    assert [said for said, _ in store.history] == ["hi", "reset"]
    assert any("blueprint of channel pager" in sentence for sentence in bot.unused)


def test_what_cannot_be_sent_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise ValueError("no line")

    builder = MaxBot.builder()
    builder.add_channel_mixin(Pager, "pager")
    builder.persistence_manager = store = Store()
    builder.use_inline_resources("channels: {pager: {}}\n" + COUNTING)
    bot = builder.build()
    monkeypatch.setattr(Pager, "send_text", fail)
    with pytest.raises(ValueError, match="no line"):
        asyncio.run(bot.default_channel_adapter({"from": "ada", "say": "hi"}, bot.channels.pager))
    assert store.stored == {}


def test_channels_are_found_by_name() -> None:
    builder = MaxBot.builder()
    assert not MaxBot().channels
    builder.add_channel_mixin(Pager, "pager")
    builder.use_inline_resources("channels: {pager: {}}")
    channels = builder.build().channels
    (pager,) = channels
    assert channels.names == {"pager"}
    assert channels.pager is channels["pager"] is channels.get("pager") is pager
    assert channels.get("nobody") is None
    with pytest.raises(AttributeError, match="no channel 'nobody'"):
        _ = channels.nobody


def test_run_polling_serves_the_bot_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []

    def serve(settings: Settings, bot: MaxBot) -> int:
        served.append((settings.updater, settings.single_process, bot))
        return 0

    monkeypatch.setattr("maxbot.server.serve", serve)
    bot = MaxBot.inline(COUNTING)
    assert bot.run_polling() == 0
    assert served == [("polling", True, bot)]


def test_user_locks_of_this_process_are_there_by_default() -> None:
    bot = MaxBot()
    order: list[str] = []

    async def take(name: str, *, first: bool) -> None:
        async with bot.user_locks(Dialog("web", "ada")):
            order.append(name)
            if first:
                await asyncio.sleep(0)
            order.append(name)

    async def both() -> None:
        await asyncio.gather(take("a", first=True), take("b", first=False))

    asyncio.run(both())
    assert order == ["a", "a", "b", "b"]
