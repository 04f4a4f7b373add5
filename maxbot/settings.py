"""Every option of `maxbot run` once: name, type, default, help. Command line, environment and docs derive from it."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin
from urllib.parse import unquote, urlsplit

Updater = Literal["webhooks", "polling"]

LEASE = 10.0
"""Seconds: the default of `--lease`."""


@dataclass(frozen=True)
class Option:
    """How a field of `Settings` shows on the command line and in the environment."""

    name: str
    """As in `--name`; the environment variable is `MAXBOT_NAME`."""
    type: Any
    default: Any
    help: str
    metavar: str | None
    web_only: bool
    """Means nothing with `--updater polling`, which refuses it."""
    env_only: bool
    """For tuning: has an environment variable and no option, so that `--help` stays readable."""
    choices: tuple[str, ...]

    @property
    def field(self) -> str:
        """Its field of `Settings`."""
        return self.name.replace("-", "_")

    @property
    def env(self) -> str:
        return "MAXBOT_" + self.name.upper().replace("-", "_")


def _option(
    default: Any, help: str, *, metavar: str | None = None, web_only: bool = False, env_only: bool = False
) -> Any:
    return field(
        default=default,
        metadata={"help": help, "metavar": metavar, "web_only": web_only, "env_only": env_only},
    )


@dataclass(frozen=True)
class Settings:
    """What `maxbot run` was told, and None where it was not. Durations are seconds, sizes are bytes."""

    bot: str = _option(
        "bot.yaml",
        "The bot: a YAML or Python file, a directory with a bot.yaml, or module:name.",
        metavar="PATH|MODULE:NAME",
    )
    updater: Updater | None = _option(
        None,
        "How updates come in. Default: polling where the only channel is Telegram and no web option is given, "
        "else webhooks.",
    )
    host: str | None = _option(None, "Address to listen on. Default: localhost.", web_only=True)
    port: int | None = _option(None, "Port to listen on. Default: 8080.", web_only=True)
    public_url: str | None = _option(
        None,
        "Base URL under which the platforms reach this server; webhooks are then registered with them.",
        metavar="URL",
        web_only=True,
    )
    ngrok: bool = _option(False, "Ask ngrok on this machine for host, port and public URL.", web_only=True)
    ngrok_url: str | None = _option(
        None,
        "Where ngrok's own interface is; includes --ngrok. Default: http://localhost:4040.",
        metavar="URL",
        web_only=True,
    )
    allowed_hosts: str | None = _option(
        None,
        "Hosts that requests may name, with commas between them; * for any. Default: localhost, --host and that of "
        "--public-url where nobody else can reach the port, else any.",
        metavar="HOSTS",
        web_only=True,
    )
    allow_unverified: bool = _option(
        False,
        "Serve channels without a secret where others can reach them: anybody can write as any user.",
        web_only=True,
    )
    rpc_token: str | None = _option(
        None,
        "What other programs show to send requests to the bot, as Authorization: Bearer TOKEN. Needed where others can "
        "reach the port. Better said in the environment: everybody on this machine sees the options of a program.",
        metavar="TOKEN",
        web_only=True,
    )
    workers: int | None = _option(None, "Number of worker processes. Default: 1.", metavar="N", web_only=True)
    fast: bool = _option(False, "As many workers as usable CPUs.", web_only=True)
    single_process: bool = _option(
        False, "Everything in one process, for bot code not made for several.", web_only=True
    )
    database: str | None = _option(
        None,
        "Where state is kept: sqlite:///bot.db, postgresql://user@host/bot or mysql://user@host/bot. Default: a new "
        "file maxbot-*.db in the temporary directory.",
        metavar="URL",
    )
    database_password_file: str | None = _option(
        None, "A file with the password of a database on a server.", metavar="PATH"
    )
    lease: float = _option(
        LEASE,
        "On a server's database, or with locks on Redis: after how long a worker that is not heard of counts as dead.",
        metavar="SECONDS",
    )
    migrate: bool = _option(
        False, "Bring a database of an older release up to date, instead of refusing it. Make a backup first."
    )
    user_locks: str | None = _option(
        None,
        "Replaces the user locks: redis://host:6379/0 for a Redis, or module:factory, called without arguments in each "
        "worker.",
        metavar="URL|MODULE:FACTORY",
    )
    drain_delay: float = _option(
        0.0,
        "After SIGTERM, say for so long that the server is not ready, and serve all the same: a load balancer notices "
        "before the door closes.",
        metavar="SECONDS",
        web_only=True,
    )
    shutdown_timeout: float = _option(30.0, "How long a stop waits for turns under way.", metavar="SECONDS")
    reload: bool = _option(False, "Replace the workers when a file of the bot changes.")
    verbose: int = _option(0, "Say more; twice for everything.")
    quiet: int = _option(0, "Say less: warnings and errors; twice for errors only.")
    logger: str = _option("console", "Where the log goes.", metavar="console|file:PATH")
    journal_file: str | None = _option(
        None,
        "Append a record of each turn to this file; '-' is standard output. Default: lines for people, if standard "
        "output is a terminal.",
        metavar="PATH",
    )
    journal_output: Literal["json", "yaml"] = _option("json", "What the records of --journal-file are.")
    journal_redact: bool = _option(False, "Leave out of the journal what users said.")

    durability: Literal["process", "power-loss"] = _option(
        "process",
        "What a commit survives: 'process' the kill of any process, 'power-loss' that of the machine (slower).",
        env_only=True,
    )
    turn_timeout: float = _option(300.0, "A turn that takes longer is set aside.", env_only=True)
    hang_timeout: float = _option(6.0, "A worker whose event loop does not run for so long is replaced.", env_only=True)
    start_timeout: float = _option(60.0, "A worker that is not ready after so long is replaced.", env_only=True)
    keep_seen: float = _option(2 * 86400.0, "How long a redelivered update is recognised as one.", env_only=True)
    keep_replies: float = _option(86400.0, "How long replies on the web channel wait to be fetched.", env_only=True)
    keep_letters: float = _option(180 * 86400.0, "How long dead letters are kept.", env_only=True)
    give_up_after: float = _option(86400.0, "A command that could not be sent for so long is set aside.", env_only=True)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that must never reach a log."""
        return tuple(secret for secret in (self.rpc_token, _password(self.user_locks)) if secret)


def _password(url: str | None) -> str | None:
    try:
        password = urlsplit(url or "").password
    except ValueError:  # whoever uses it says so
        return None
    return None if password is None else unquote(password)


def options() -> list[Option]:
    """Return the options in the order in which they are declared."""
    return [
        Option(
            name=field.name.replace("_", "-"),
            type=_plain_type(field.type),
            default=field.default,
            help=field.metadata["help"],
            metavar=field.metadata["metavar"],
            web_only=field.metadata["web_only"],
            env_only=field.metadata["env_only"],
            choices=_choices(field.type),
        )
        for field in fields(Settings)
    ]


def _members(annotation: Any) -> tuple[Any, ...]:
    return tuple(arg for arg in get_args(annotation) if arg is not type(None))


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    for member in _members(annotation):
        if get_origin(member) is Literal:
            return get_args(member)
    return ()


def _plain_type(annotation: Any) -> Any:
    if _choices(annotation):
        return str
    members = _members(annotation)
    return members[0] if members else annotation
