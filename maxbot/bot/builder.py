"""What a bot is made with before its files are read: what extensions and the author add to the language."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from maxbot.bot.calls import place_of
from maxbot.bot.hooks import Hook, TurnHooks
from maxbot.bot.markup import BotMarkup
from maxbot.bot.middleware import Middleware
from maxbot.bot.persistence import InMemory, PersistenceManager
from maxbot.bot.read.bot import Options
from maxbot.bot.resources import ChosenResources
from maxbot.dialog.definitions import BotDefinition, ExtensionDefinition
from maxbot.dialog.environment import Environment
from maxbot.dialog.templates import Templates
from maxbot.errors import BotError
from maxbot.locks import UserLocks
from maxbot.maxml import CommandSchema

if TYPE_CHECKING:
    from maxbot.bot.bot import MaxBot
    from maxbot.bot.schemas import Schema
    from maxbot.channels.base import Channel
    from maxbot.extensions.builder import Extension

T = TypeVar("T")


class Decorator(Protocol):
    """Adds what it decorates, and leaves it as it is."""

    def __call__(self, decorated: T, /) -> T: ...


class Builder(ChosenResources):
    """The parts of a bot, which its author and extensions may add to and replace. `build()` puts them together.

    Args:
        make: Makes the bot of a builder that is ready; None for one that only collects.
        available_extensions: Of the author's own, by the name that switches them on.
    """

    def __init__(
        self,
        make: "Callable[[Builder, BotDefinition], MaxBot] | None" = None,
        available_extensions: "Mapping[str, Extension] | None" = None,
    ) -> None:
        self.available_extensions = dict(available_extensions or {})
        self.jinja_options: dict[str, Any] = {}
        """For Jinja's environment, above those of the language; set them before anything else of templates."""
        self._nlu: Any = None
        self.language: Any = None
        """What the built-in recogniser knows of the users' language, None for English."""
        self.user_locks: UserLocks | None = None
        """What replaces the built-in user locks: `async with user_locks(dialog)`."""
        self.persistence_manager: PersistenceManager = InMemory()
        """Keeps what dialogs remember where the bot is run by hand; the server has its database."""
        self.tracks_history = False
        self.channels: list[Channel] = []
        """Objects of own channels, beside those of the section `channels`."""
        self.hooks = TurnHooks()
        self.middleware: list[Middleware] = []
        """The last one is outermost."""
        self.messages: dict[str, Schema] = {}
        """Kinds of messages of the author's own."""
        self._commands: dict[str, CommandSchema] = {}
        self._make = make
        self._mixins: dict[str, list[type[Any]]] = {}
        self._templates: Templates | None = None
        self._built = False

    # -- what is recognised

    @property
    def nlu(self) -> Any:
        """What recognises intents and entities: the built-in recogniser (`maxbot.nlu.Nlu`) or one in its place."""
        if self._nlu is None:
            # Imported here: most bots have nothing to say about it.
            from maxbot.nlu.settings import Nlu

            self._nlu = Nlu()
        return self._nlu

    @nlu.setter
    def nlu(self, nlu: Any) -> None:
        self._nlu = nlu

    @property
    def own_nlu(self) -> Any:
        """The recogniser that an author or an extension has put in the place of the built-in one, None for that."""
        if self._nlu is None:
            return None
        from maxbot.nlu.settings import Nlu

        return None if type(self._nlu) is Nlu else self._nlu

    @property
    def built_in_nlu(self) -> Any:
        """The built-in recogniser, where its author may have changed it; None: it is as it was, or replaced."""
        return None if self.own_nlu is not None else self._nlu

    @property
    def reads_examples(self) -> bool:
        """Whether the sections `intents` and `entities` are of any use."""
        return self.own_nlu is None or hasattr(self.own_nlu, "load_resources")

    # -- templates

    @property
    def templates(self) -> Templates:
        """What compiles the bot's expressions and templates."""
        if self._templates is None:
            self._templates = Templates(self.jinja_options)
        return self._templates

    @property
    def jinja_env(self) -> Environment:
        """The environment of all templates and expressions."""
        return self.templates.environment

    def add_template_filter(self, function: Callable[..., Any], name: str | None = None) -> None:
        """Add a filter under a name, by default the function's."""
        self.jinja_env.filters[name or function.__name__] = function

    def add_template_test(self, function: Callable[..., Any], name: str | None = None) -> None:
        """Add a test under a name, by default the function's."""
        self.jinja_env.tests[name or function.__name__] = function

    def add_template_global(self, value: Any, name: str | None = None) -> None:
        """Add a function or another value that all templates see."""
        self.jinja_env.globals[name or value.__name__] = value

    def template_filter(self, name: str | None = None) -> Decorator:
        """Decorate a filter: `@builder.template_filter()`."""
        return _decorator(self.add_template_filter, name, "template_filter")

    def template_test(self, name: str | None = None) -> Decorator:
        """Decorate a test: `@builder.template_test()`."""
        return _decorator(self.add_template_test, name, "template_test")

    def template_global(self, name: str | None = None) -> Decorator:
        """Decorate a function that templates call: `@builder.template_global()`."""
        return _decorator(self.add_template_global, name, "template_global")

    @property
    def own_commands(self) -> Collection[str]:
        """Names of the kinds of replies that the author has declared."""
        return self._commands.keys()

    # -- messages and commands of the author's own

    def add_message(self, schema: Any, name: str) -> None:
        """Add a kind of message: `{name: ...}`, checked by a schema (`maxbot.bot.schemas`).

        Raises:
            BotError: It is no schema.
        """
        from maxbot.bot.schemas import read_schema

        try:
            self.messages[name] = read_schema(schema)
        except ValueError as error:
            raise BotError(f"message {name!r}: {error}") from error

    def add_command(self, schema: Any, name: str) -> None:
        """Add a kind of reply: `<name .../>` in responses, read by a schema (`maxbot.bot.schemas`).

        Raises:
            BotError: It is no schema, or one that markup has no form for.
        """
        from maxbot.bot.schemas import command_schema

        try:
            self._commands[name] = command_schema(name, schema)
        except ValueError as error:
            raise BotError(f"command {name!r}: {error}") from error

    def message(self, name: str) -> Decorator:
        """Decorate the schema of a kind of message: `@builder.message("contact")`."""
        return _decorator(self.add_message, name, "message")

    def command(self, name: str) -> Decorator:
        """Decorate the schema of a kind of reply: `@builder.command("poster")`."""
        return _decorator(self.add_command, name, "command")

    @cached_property
    def markup(self) -> BotMarkup:
        """What reads responses and prints replies; all kinds of replies have been added when it is first asked for."""
        return BotMarkup(self._commands.values())

    # -- turns

    def before_turn(self, hook: Hook) -> Hook:
        """Decorate a function that is called once a message is recognised: `def hook(ctx)`.

        Raises:
            BotError: It asks for something else.
        """
        self.hooks.add_before(hook)
        return hook

    def after_turn(self, hook: Hook) -> Hook:
        """Decorate a function that is called once the replies are known: `def hook(ctx, listening)`.

        Raises:
            BotError: It asks for something else.
        """
        self.hooks.add_after(hook)
        return hook

    @property
    def has_hooks(self) -> bool:
        """Whether code may give templates names that no template defines."""
        return bool(self.hooks or self.middleware)

    def add_middleware(self, middleware: Middleware) -> None:
        """Put something around each turn; see `maxbot.bot.middleware`."""
        self.middleware.append(middleware)

    def track_history(self, value: bool = True) -> None:
        """Let the adapters hand what was said to the persistence manager. The server has the journal for that."""
        self.tracks_history = value

    # -- channels

    def add_channel(self, channel: "Channel") -> None:
        """Add a channel of the author's own."""
        self.channels.append(channel)

    def add_channel_mixin(self, mixin: type[Any], name: str) -> None:
        """Add a class to those that a channel is made of; see `maxbot.channels.mixins`."""
        self._mixins.setdefault(name, []).append(mixin)

    def channel_mixin(self, name: str) -> Decorator:
        """Decorate a class that a channel is made of: `@builder.channel_mixin("telegram")`."""
        return _decorator(self.add_channel_mixin, name, "channel_mixin")

    @cached_property
    def channel_types(self) -> "dict[str, type[Channel]]":
        """The classes of channels that are made of mixins.

        Raises:
            BotError: A mixin does not fit its channel.
        """
        if not self._mixins:
            return {}
        # Imported here: most bots have none.
        from maxbot.channels.mixins import made_of
        from maxbot.channels.registry import channel_class, known_types

        made = {}
        for name, mixins in self._mixins.items():
            base = channel_class(name) if name in known_types() else None
            try:
                made[name] = made_of(name, mixins, base)
            except (TypeError, ValueError) as error:
                raise BotError(f"channel {name!r}: {error}") from error
        return made

    # -- the end

    @property
    def unused(self) -> list[str]:
        """Sentences about what the author has set, and the server does not use."""
        said = []
        if not isinstance(self.persistence_manager, InMemory) or self.persistence_manager.engine is not None:
            said.append(
                "The bot's persistence_manager is not asked: the server's database (--database) keeps the state"
            )
        for name, mixins in self._mixins.items():
            if any(hasattr(mixin, "blueprint") for mixin in mixins):
                said.append(f"blueprint of channel {name} is not called: its webhooks are POST /{name}, with JSON")
        return said

    def build(self) -> "MaxBot":
        """Read the bot and return it.

        Raises:
            BotError: It is wrong; has every mistake with file, line and column.
            RuntimeError: It was built already.
        """
        if self._built:
            raise RuntimeError("this builder has built its bot: make another one")
        assert self._make is not None, "MaxBot.builder() makes builders"
        self._built = True
        options = Options(tuple(self.available_extensions), lambda: self.channel_types, lambda: self.reads_examples)
        return self._make(self, self.source.read(self.apply, options))

    def apply(self, extensions: Iterable[ExtensionDefinition]) -> Templates:
        """Let extensions add what they have; return what then compiles the bot.

        Raises:
            BotError: One cannot be had, or does not like its configuration; has the place of its name.
        """
        for extension in extensions:
            # Imported here: most bots have none.
            from maxbot.bot.extend import extend

            extend(self, extension)
        return self.templates


def _decorator(add: Callable[[Any, Any], None], name: str | None, called: str) -> Decorator:
    if name is not None and not isinstance(name, str):  # the decorated thing itself
        raise BotError(f"the decorator has parentheses: @builder.{called}(...)", **place_of(name))

    def decorate(decorated: T) -> T:
        add(decorated, name)
        return decorated

    return decorate
