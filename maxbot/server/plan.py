"""Settings and bot put together: all that is to be decided before a run is decided here, once."""

import logging
from dataclasses import dataclass, fields
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from maxbot.bot import MaxBot
from maxbot.errors import UsageError
from maxbot.journal.write import check_journal
from maxbot.locks.custom import check_user_locks
from maxbot.server.cpus import usable_cpus
from maxbot.server.edge.hosts import ANY, name_of
from maxbot.server.edge.sockets import is_public
from maxbot.settings import Settings, Updater, options
from maxbot.storage.claim import FileId
from maxbot.storage.place import check_url, new_database, on_server

logger = logging.getLogger(__name__)

HOST = "localhost"
PORT = 8080
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, kw_only=True)
class Plan(Settings):
    """The settings of a run, complete: what nobody said is decided, and all of it goes with the bot."""

    updater: Updater
    host: str
    port: int
    workers: int
    database: str
    """Its URL; where nobody named one, that of a new file."""
    hosts: tuple[str, ...]
    """What `Host` of a request may be; see `AllowedHosts`."""
    private: bool
    """Whether only programs of this machine reach the server."""
    shared: bool
    """Whether the user locks reach further than this run's processes, so that other runs may use its database too."""
    run: str
    """Tells this run's workers from those of another one, on a database that several hosts share."""
    database_file: FileId | None = None
    """What tells the database's file, once it is claimed, from another one in its place."""


def make_plan(settings: Settings, bot: MaxBot) -> Plan:
    """Decide what the settings leave open.

    Raises:
        UsageError: Settings and bot do not go together, or a setting cannot be used; the text says what to do.
        StartError: There is no place for a new database.
    """
    updater = settings.updater or _updater(settings, bot)
    host = HOST if settings.host is None else settings.host
    private = updater == "polling" or not (settings.public_url or is_public(host))
    if settings.user_locks is not None:
        check_user_locks(settings.user_locks)
    if settings.database is not None:
        check_url(settings.database)
    check_journal(settings)
    if settings.database_password_file is not None and not on_server(settings.database or ""):
        raise UsageError("--database-password-file is for a database on a server, and a file has no password")
    said = {field.name: getattr(settings, field.name) for field in fields(settings)}
    decided = {
        "bot": _absolute(settings.bot),
        "updater": updater,
        "host": host,
        "port": PORT if settings.port is None else settings.port,
        "workers": _workers(settings, updater),
        "database": settings.database or new_database(),
        "hosts": _hosts(settings, updater, host),
        "private": private,
        "shared": settings.user_locks is not None or bot.make_user_locks is not None,
        "run": token_hex(16),
    }
    plan = Plan(**{**said, **decided})
    _check(plan, bot)
    return plan


def _updater(settings: Settings, bot: MaxBot) -> Updater:
    """Return how updates come in where nobody said it: polling needs no public address, and no port."""
    web = any(getattr(settings, option.field) not in (None, False) for option in options() if option.web_only)
    polls = bool(bot.channels) and all(channel.prefers_polling for channel in bot.channels.values())
    return "polling" if polls and not web and not bot.has_requests else "webhooks"


def _hosts(settings: Settings, updater: Updater, host: str) -> tuple[str, ...]:
    if settings.allowed_hosts is not None:
        return tuple(name_of(name) for name in settings.allowed_hosts.split(","))
    if updater == "polling" or is_public(host):
        return (ANY,)
    public = urlsplit(settings.public_url).netloc.rpartition("@")[2] if settings.public_url else ""
    given = f"[{host}]" if ":" in host else host
    return tuple(dict.fromkeys(name_of(name) for name in (*LOOPBACK, given, public) if name))


def _workers(settings: Settings, updater: Updater) -> int:
    if updater == "polling" or settings.single_process:
        return 1
    return usable_cpus() if settings.fast else settings.workers or 1


def _absolute(bot: str) -> str:
    """Return the bot as its workers find it when the current directory is another one by then, or gone."""
    path = Path(bot)
    return str(path.absolute()) if path.exists() else bot


def _check(plan: Plan, bot: MaxBot) -> None:
    if not bot.channels:
        raise UsageError(
            "The bot has no channels, so nobody can talk to it: add `channels: {web: {}}` to try it in a browser"
        )
    if plan.reload and plan.single_process:
        raise UsageError("--reload replaces workers, and --single-process has none: leave one of them out")
    if plan.updater == "polling":
        deaf = [channel.name for channel in bot.channels.values() if not channel.polls]
        if deaf:
            raise UsageError(f"Channel {', '.join(deaf)} cannot be polled: use --updater webhooks")
        if bot.has_requests:
            logger.warning("Requests of other programs (rpc) are not served while polling: use --updater webhooks")
    else:
        _check_channels(plan, bot)
        _check_requests(plan, bot)


def _check_requests(plan: Plan, bot: MaxBot) -> None:
    if bot.has_requests and not plan.private and not plan.rpc_token:
        raise UsageError(
            f"Anybody could send requests (rpc) to the bot on {plan.public_url or plan.host}: set MAXBOT_RPC_TOKEN, "
            "and let callers show it as `Authorization: Bearer TOKEN`, or listen on localhost only"
        )


def _check_channels(plan: Plan, bot: MaxBot) -> None:
    for channel in bot.channels.values():
        if plan.public_url:
            channel.will_register()
        if not channel.verifies and not plan.private and not plan.allow_unverified:
            raise UsageError(
                f"Anybody could send forged messages to channel {channel.name} on {plan.public_url or plan.host}: set "
                "its secret in bot.yaml, or let --public-url register a generated one where the platform takes one, "
                "or listen on localhost only. --allow-unverified opens it all the same"
            )
