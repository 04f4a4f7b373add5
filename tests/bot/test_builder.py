"""Bots of YAML and Python: what an author adds with the builder."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from marshmallow import Schema, validate

from maxbot import BotError, MaxBot, Turn
from maxbot.bot.variables import StateVariables
from maxbot.context import EntitiesResult, IntentsResult, RecognizedEntity, RecognizedIntent
from maxbot.errors import TurnError
from maxbot.maxml import fields, markup
from maxbot.types import Command, Dialog


def made(text: str, prepare: Callable[[Any], object] = lambda builder: None) -> MaxBot:
    builder = MaxBot.builder()
    prepare(builder)
    builder.use_inline_resources(text)
    return builder.build()


def answering(response: str) -> str:
    return "dialog:\n  - condition: true\n    response: |\n" + "".join(
        f"      {line}\n" for line in response.split("\n")
    )


# -- resources


def test_the_last_resources_count(tmp_path: Path) -> None:
    builder = MaxBot.builder()
    builder.use_inline_resources(answering("inline"))
    (tmp_path / "mine.yaml").write_text(answering("file"))
    builder.use_file_resources(str(tmp_path / "mine.yaml"))
    bot = builder.build()
    assert bot.process_message("hi") == [{"text": "file"}]
    assert bot.files == [tmp_path / "mine.yaml"]


def test_a_directory_and_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "packaged_bot"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('nobody imports it')")
    (folder / "bot.yaml").write_text("{}")
    (folder / "dialog.yaml").write_text("- {condition: true, response: here}")
    (folder / "shop.yaml").write_text("dialog: []")
    monkeypatch.syspath_prepend(str(tmp_path))
    builder = MaxBot.builder()
    builder.use_package_resources("packaged_bot")
    assert builder.directory == folder
    assert builder.build().process_message("hi") == [{"text": "here"}]
    builder = MaxBot.builder()
    with pytest.raises(BotError, match="there is no package 'nowhere_bot'"):
        builder.use_package_resources("nowhere_bot")
    with pytest.raises(BotError, match=r"there is no sold\.yaml"):
        builder.use_directory_resources(folder, "sold.yaml")


def test_a_builder_builds_once() -> None:
    builder = MaxBot.builder()
    assert builder.build().process_message("hi") == []
    with pytest.raises(RuntimeError, match="has built its bot"):
        builder.build()


# -- templates


def test_filters_tests_and_globals() -> None:
    builder = MaxBot.builder()

    @builder.template_filter()
    def backwards(text: str) -> str:
        return text[::-1]

    @builder.template_filter("slow")
    async def fetched(text: str) -> str:
        return f"<{text}>"

    @builder.template_test("long")
    def is_long(text: str) -> bool:
        return len(text) > 3

    @builder.template_global()
    def roll() -> int:
        return 6

    builder.add_template_global(["a", "b"], "letters")
    builder.use_inline_resources(
        answering(
            "{{ message.text|backwards }} {{ message.text|slow }} {{ message.text is long }}"
            " {{ roll() }} {{ letters[1] }}"
        )
    )
    assert builder.build().process_message("abcd") == [{"text": "dcba <abcd> True 6 b"}]


def test_a_decorator_without_its_parentheses_is_told() -> None:
    builder = MaxBot.builder()
    with pytest.raises(BotError, match=r"the decorator has parentheses: @builder\.template_filter") as caught:

        @builder.template_filter  # type: ignore[arg-type]
        def backwards(text: str) -> str:
            return text[::-1]

    assert caught.value.file == "tests/bot/test_builder.py"


def test_options_of_jinja() -> None:
    builder = MaxBot.builder()
    builder.jinja_options["variable_start_string"] = "[["
    builder.jinja_options["variable_end_string"] = "]]"
    builder.use_inline_resources(answering("[[ message.text ]] {{ x }}"))
    assert builder.build().process_message("hi") == [{"text": "hi {{ x }}"}]


def test_an_async_function_in_a_condition_is_refused() -> None:
    builder = MaxBot.builder()

    @builder.template_global()
    async def asked() -> bool:
        return True

    builder.use_inline_resources("dialog:\n  - {condition: asked(), response: hi}")
    with pytest.raises(BotError, match="asked is a coroutine function"):
        builder.build()


# -- hooks

WITH_STATE = """
dialog:
  - condition: message.text == 'wait'
    label: wait
    response: "{{ greeting }}?"
    followup: [{condition: true, response: thanks}]
  - condition: message.text == 'fail'
    response: "{{ nobody }}"
  - {condition: true, response: "{{ greeting }} {{ user.visits }} {{ slots.seen }} {{ message.text }}"}
"""


def test_hooks_see_and_change_a_turn() -> None:
    builder = MaxBot.builder()
    seen: list[Any] = []

    @builder.before_turn
    def greet(ctx: Any) -> None:
        ctx.scenario.greeting = "Hello"
        ctx.scenario.message = "not this one"
        ctx.state.user["visits"] = ctx.state.user.get("visits", 0) + 1
        ctx.state.slots["seen"] = "s"

    @builder.after_turn
    async def note(ctx: Any, listening: bool) -> None:
        seen.append((ctx.dialog["user_id"], ctx.message["text"], listening, ctx.error and ctx.error.message))
        ctx.commands.append({"text": "PS"})

    builder.use_inline_resources(WITH_STATE)
    bot = builder.build()
    assert bot.process_message("hey") == [{"text": "Hello 1 s hey"}, {"text": "PS"}]
    assert bot.process_message("wait") == [{"text": "Hello?"}, {"text": "PS"}]
    with pytest.raises(TurnError, match="'nobody' is undefined"):
        bot.process_message("fail", {"channel_name": "builtin", "user_id": "2"})
    bot.process_message("x")
    assert bot.process_message("hey")[0] == {"text": "Hello 4 s hey"}
    assert seen[:3] == [
        ("1", "hey", False, None),
        ("1", "wait", True, None),
        ("2", "fail", False, "'nobody' is undefined"),
    ]


def test_a_hook_that_fails_fails_the_turn_and_says_where() -> None:
    builder = MaxBot.builder()

    @builder.after_turn
    def broken(ctx: Any) -> None:
        raise KeyError("price")

    builder.use_inline_resources(answering("{% set user.x = 1 %}{{ user.x }}"))
    bot = builder.build()
    with pytest.raises(TurnError, match=r"tests/bot/test_builder\.py:\d+: KeyError: 'price'"):
        bot.process_message("hi")
    with pytest.raises(BotError, match="a hook after the turn is given ctx and listening, and no user"):
        MaxBot.builder().after_turn(lambda ctx, user: None)
    with pytest.raises(BotError, match="a hook before the turn is given ctx, and no listening"):
        MaxBot.builder().before_turn(lambda ctx, listening: None)


def test_replies_that_a_hook_leaves_are_replies() -> None:
    builder = MaxBot.builder()

    @builder.after_turn
    def date(ctx: Any) -> None:
        ctx.commands = [{"text": "now", "at": datetime.now(UTC)}]

    builder.use_inline_resources(answering("hi"))
    with pytest.raises(TurnError, match=r"reply\['at'\] is of type datetime"):
        builder.build().process_message("hi")


def test_what_was_recognised_is_there_for_hooks_of_bots_whose_templates_do_not_ask() -> None:
    builder = MaxBot.builder()
    found: list[Any] = []

    @builder.before_turn
    def note(ctx: Any) -> None:
        found.append(
            (ctx.intents.top and ctx.intents.top.name, [entity.literal for entity in ctx.entities.all_objects])
        )

    builder.use_inline_resources("intents: [{name: bye, examples: [good bye]}]\n" + answering("x"))
    builder.build().process_message("good bye 7")
    assert found == [("bye", ["7"])]


# -- middleware


class Shouting:
    def process_message(self, next: Callable[..., Awaitable[list[Any]]]) -> Callable[..., Awaitable[list[Any]]]:
        async def shout(message: Any, dialog: dict[str, str], state: StateVariables) -> list[Any]:
            if message.get("text") == "stop":
                return [{"text": "stopped"}]
            state.user["loud"] = True
            replies = await next({"text": message["text"].upper()}, dialog, state)
            state.user["after"] = "kept"
            return [*replies, {"text": dialog["user_id"]}]

        return shout


def test_middleware_goes_around_a_turn() -> None:
    builder = MaxBot.builder()
    builder.add_middleware(Shouting())
    builder.use_inline_resources(
        answering("{{ message.text }} {{ user.loud }} {{ user.after|default('-') }}") + "rpc: [{method: ping}]\n"
    )
    bot = builder.build()
    assert bot.process_message("hey") == [{"text": "HEY True -"}, {"text": "1"}]
    assert bot.process_message("hey") == [{"text": "HEY True kept"}, {"text": "1"}]
    assert bot.process_message("stop") == [{"text": "stopped"}]


def test_the_last_middleware_is_outermost_and_requests_have_their_own() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def process_rpc(self, next: Callable[..., Awaitable[list[Any]]]) -> Any:
            async def named(request: Any, dialog: Any, state: Any) -> list[Any]:
                assert request == {"method": "ping", "params": {}}
                return [{"text": self.name}, *await next(request, dialog, state)]

            return named

    builder = MaxBot.builder()
    builder.add_middleware(Named("inner"))
    builder.add_middleware(Named("outer"))
    builder.use_inline_resources("rpc: [{method: ping}]\n" + answering("pong"))
    bot = builder.build()
    assert bot.process_rpc({"method": "ping"}) == [{"text": "outer"}, {"text": "inner"}, {"text": "pong"}]
    assert bot.process_message("hi") == [{"text": "pong"}]


def test_state_variables_are_pairs() -> None:
    state = StateVariables.from_kv_pairs([("user.name", "Ada"), ("slots.size", 3)])
    assert (state.user, state.slots) == ({"name": "Ada"}, {"size": 3})
    assert StateVariables.from_kv_pairs(state.to_kv_pairs()).store() == state.store()
    assert StateVariables.empty().to_kv_pairs() == []
    with pytest.raises(ValueError, match=r"none of user\.NAME"):
        StateVariables.from_kv_pairs([("ages", 1)])


# -- messages and commands


class Poster(msgspec.Struct, omit_defaults=True):
    title: Annotated[str, msgspec.Meta(extra={"markup": "markup"})]
    width: int
    paper: Literal["matt", "gloss"] = "matt"
    link: Annotated[str, msgspec.Meta(extra={"markup": "url"})] | None = None


@dataclasses.dataclass
class Chip:
    label: Annotated[str, msgspec.Meta(extra={"in": "content"})]
    value: str = ""


class PosterSchema(Schema):
    title = markup.Field(required=True)
    width = fields.Integer(required=True, validate=validate.Range(max=100))
    paper = fields.String(load_default="matt", validate=validate.OneOf(["matt", "gloss"]))
    at = fields.DateTime()


@pytest.mark.parametrize("schema", [Poster, PosterSchema])
def test_a_command_of_ones_own(schema: Any) -> None:
    builder = MaxBot.builder()
    builder.command("poster")(schema)
    builder.use_inline_resources(
        answering("""See <poster width="{{ message.text }}"><title>Big <b>top</b></title></poster>""")
    )
    bot = builder.build()
    text, poster = bot.process_message("30")
    assert text == {"text": "See"}
    assert {"title": "Big top", "width": 30}.items() <= poster["poster"].items()
    assert poster["poster"]["title"].render() == "Big top"
    json.dumps(poster)
    with pytest.raises(TurnError, match="width"):
        bot.process_message("wide")


def test_a_schema_of_marshmallow_says_what_is_wrong_and_leaves_json() -> None:
    bot = made(
        answering("""<poster width="{{ message.text }}" at="2024-05-14T09:30:00"><title>x</title></poster>"""),
        lambda builder: builder.add_command(PosterSchema, "poster"),
    )
    assert bot.process_message("7") == [
        {"poster": {"title": "x", "width": 7, "at": "2024-05-14T09:30:00", "paper": "matt"}}
    ]
    with pytest.raises(TurnError, match="width: Must be less than or equal to 100"):
        bot.process_message("101")


def test_where_fields_stand() -> None:
    class Place(Schema):
        longitude = fields.Float(required=True, metadata={"maxml": "element"})
        names = fields.List(fields.String(), metadata={"maxml": "element"})
        box = fields.Nested({"w": fields.Integer()})

    bot = made(
        answering(
            '<chip value="v">Press me</chip><place><longitude>2.5</longitude><names>a</names><names>b</names>'
            '<box w="3"/></place>'
        ),
        lambda builder: (builder.add_command(Chip, "chip"), builder.add_command(Place, "place")),
    )
    assert bot.process_message("x") == [
        {"chip": {"label": "Press me", "value": "v"}},
        {"place": {"longitude": 2.5, "names": ["a", "b"], "box": {"w": 3}}},
    ]


def test_a_schema_that_is_none_is_told() -> None:
    with pytest.raises(BotError, match="command 'x': a schema is a msgspec struct, a dataclass"):
        MaxBot.builder().add_command(dict, "x")


def test_a_kind_of_message_of_ones_own() -> None:
    class Parcel(Schema):
        number = fields.Integer(required=True)

    bot = made(
        "dialog:\n  - {condition: message.parcel, response: '{{ message.parcel.number + 1 }}'}",
        lambda builder: builder.message("parcel")(Parcel),
    )
    assert bot.process_message({"parcel": {"number": "41"}}) == [{"text": "42"}]
    with pytest.raises(TurnError, match=r"parcel of a message: number: Missing data"):
        bot.process_message({"parcel": {}})
    with pytest.raises(TurnError, match="and no 'letter'"):
        bot.process_message({"letter": {}})


def test_what_a_channel_can_send_a_template_can_write() -> None:
    bot = made(
        answering(
            '<buttons><text>Which <b>one</b>?</text><button payload="r">Red</button>'
            '<button url="http://example.com/">More</button></buttons>'
            '<location latitude="50.7" longitude="7.1"/>'
        )
    )
    offered = {
        "text": "Which one?",
        "buttons": [{"title": "Red", "payload": "r"}, {"title": "More", "url": "http://example.com/"}],
    }
    assert bot.process_message("x") == [
        {"buttons": offered},
        {"location": {"latitude": 50.7, "longitude": 7.1}},
    ]


# -- handlers and dialogs


def run(bot: MaxBot, text: str, state: dict[str, Any]) -> list[Command]:
    turn = asyncio.run(bot.run_turn({"text": text}, Dialog("web", "ada"), state))
    state.clear()
    state.update(turn.state)
    return turn.commands


def test_a_handler_hands_on_to_the_dialog() -> None:
    bot = MaxBot.inline(
        "dialog:\n"
        "  - condition: message.text == 'lunch'\n"
        "    label: lunch\n"
        "    response: <text><b>Soup</b> or salad?</text>\n"
        "    followup: [{condition: true, response: 'Noted, {{ user.name }}.'}]\n"
        "  - {condition: message.text == 'nothing', response: '<text></text>'}\n"
    )

    @bot.handler
    async def handle(turn: Turn) -> None:
        if turn.message.get("text") == "me":
            turn.state.setdefault("user", {})["name"] = "Ada"
            turn.say(f"Hello {turn.user_id} on {turn.channel_name}")
            return
        turn.state["handed"] = turn.state.get("handed", 0) + 1
        turn.say("One moment.")
        replies = await turn.hand_on()
        if not replies:
            turn.say("I have no idea.")

    state: dict[str, Any] = {}
    assert run(bot, "me", state) == [Command({"text": "Hello ada on web"})]
    lunch = run(bot, "lunch", state)
    assert lunch[0] == Command({"text": "One moment."})
    assert lunch[1].content["formats"] == [{"style": "bold", "start": 0, "end": 4}]
    assert run(bot, "soup", state) == [Command({"text": "One moment."}), Command({"text": "Noted, Ada."})]
    assert run(bot, "what", state) == [Command({"text": "One moment."}), Command({"text": "I have no idea."})]
    assert state == {"user": {"name": "Ada"}, "handed": 3}
    # Nothing is sent for an empty text.
    assert run(bot, "nothing", state) == [Command({"text": "One moment."})]


def test_all_replies_of_a_mixed_bot_are_told() -> None:
    bot = MaxBot.inline(answering("from yaml"))

    @bot.handler
    async def handle(turn: Turn) -> None:
        turn.say("before")
        await turn.hand_on()
        turn.say("after")

    assert bot.process_message("x") == [{"text": "before"}, {"text": "from yaml"}, {"text": "after"}]


def test_there_must_be_a_dialog_to_hand_on_to() -> None:
    bot = MaxBot()

    @bot.handler
    async def handle(turn: Turn) -> None:
        await turn.hand_on()

    with pytest.raises(TurnError, match="no dialog to hand a message on to"):
        bot.process_message("x")


def test_an_error_of_the_dialog_keeps_its_place_through_a_handler() -> None:
    bot = MaxBot.inline(answering("{{ nobody }}"))

    @bot.handler
    async def handle(turn: Turn) -> None:
        await turn.hand_on()

    with pytest.raises(TurnError, match="<inline>:4: 'nobody' is undefined"):
        bot.process_message("x")


# -- recogniser, extensions, locks


def test_a_recogniser_of_ones_own() -> None:
    builder = MaxBot.builder()

    async def recognise(message: Any, utc_time: datetime | None = None) -> tuple[IntentsResult, EntitiesResult]:
        return (
            IntentsResult.resolve([RecognizedIntent("greet", 0.9)]),
            EntitiesResult.resolve([RecognizedEntity("name", "Ada", "Ada", 6, 9)]),
        )

    builder.nlu = recognise
    builder.use_inline_resources("dialog:\n  - {condition: intents.greet, response: 'Hi {{ entities.name.value }}'}")
    assert builder.build().process_message("hello Ada") == [{"text": "Hi Ada"}]


def test_an_extension_of_ones_own_with_a_schema() -> None:
    def shop(builder: Any, config: Any) -> None:
        builder.add_template_global(config["rate"] * 2, "rate")
        builder.after_turn(lambda ctx: ctx.commands.append({"text": "ad"}))

    class Config(Schema):
        rate = fields.Float(required=True)

    shop.ConfigSchema = Config  # type: ignore[attr-defined]
    text = "extensions: {shop: {rate: %s}}\n" + answering("{{ rate }}")
    bot = MaxBot.inline(text % "1.5", available_extensions={"shop": shop})
    assert bot.process_message("x") == [{"text": "3.0"}, {"text": "ad"}]
    with pytest.raises(BotError, match="rate: Not a valid number") as caught:
        MaxBot.inline(text % "dear", available_extensions={"shop": shop})
    assert (caught.value.line, caught.value.column) == (1, 14)


def test_an_extension_that_is_a_class() -> None:
    @dataclasses.dataclass
    class Settings:
        word: str = "hm"

    class Words:
        ConfigSchema = Settings

        def __init__(self, builder: Any, config: Settings) -> None:
            builder.add_template_global(config.word, "word")

    bot = MaxBot.inline("extensions: {words: {}}\n" + answering("{{ word }}"), available_extensions={"words": Words})
    assert bot.process_message("x") == [{"text": "hm"}]


def test_locks_of_ones_own_reach_the_bot() -> None:
    locks: Any = object()
    builder = MaxBot.builder()
    builder.user_locks = locks
    bot = builder.build()
    assert bot.user_locks is locks
    assert bot.make_user_locks is not None
    assert bot.make_user_locks() is locks
