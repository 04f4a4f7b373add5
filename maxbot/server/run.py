"""From settings to a running server: check, bind, find the database, then supervise or serve."""

import dataclasses
import signal
import socket

from maxbot.bot import MaxBot
from maxbot.errors import UsageError
from maxbot.locks.custom import own_user_locks, running
from maxbot.logs import configure
from maxbot.server.cpus import usable_cpus
from maxbot.server.edge.sockets import bind, is_public
from maxbot.server.supervisor.process import WorkerProcess
from maxbot.settings import Settings
from maxbot.storage.sqlite.place import check_place, claim, new_path, sqlite_path

OWNER_TIMEOUT = 3.0
"""Seconds to wait for the database of a supervisor that is about to be gone."""


def run(settings: Settings, bot: MaxBot) -> int:
    """See `maxbot.server.serve`."""
    configure(settings, bot.secrets, process="single" if settings.single_process else "supervisor")
    check(settings, bot)
    sockets = [] if settings.updater == "polling" else bind(settings.host, settings.port)
    if settings.single_process:
        return _run_single(settings, bot, sockets)
    # A worker takes longer to import its modules than the supervisor takes for all that follows: they start together.
    workers = _worker_count(settings)
    unborn = [WorkerProcess(f"worker-{number}", sockets) for number in range(1, workers + 1)]
    try:
        settings, _claim = _open_database(settings, shared=_has_own_locks(settings, bot))
    except BaseException:
        for process in unborn:
            process.abandon()
        raise
    import uvloop

    from maxbot.server.farewell import farewell
    from maxbot.server.supervisor.supervisor import Supervisor

    status = uvloop.run(Supervisor(settings, bot, sockets, unborn).run())
    farewell(settings)
    return status


def _run_single(settings: Settings, bot: MaxBot, sockets: list[socket.socket]) -> int:
    settings, _claim = _open_database(settings, shared=_has_own_locks(settings, bot))
    import uvloop

    from maxbot.locks.memory import MemoryLocks
    from maxbot.server.farewell import farewell
    from maxbot.server.worker.single import SingleProcess

    async def serve() -> int:
        user_locks = own_user_locks(settings.user_locks, bot.user_locks)
        user_locks = MemoryLocks() if user_locks is None else user_locks
        async with running(user_locks):
            return await SingleProcess(settings, bot, sockets, user_locks).run()

    try:
        return uvloop.run(serve())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # the deadline of the stop is kept
        farewell(settings)


def check(settings: Settings, bot: MaxBot) -> None:
    """See whether settings and bot go together.

    Raises:
        UsageError: They do not; the text says what to do.
    """
    if not bot.channels:
        raise UsageError(
            "The bot has no channels, so nobody can talk to it: add `channels: {web: {}}` to try it in a browser"
        )
    if settings.reload and settings.single_process:
        raise UsageError("--reload replaces workers, and --single-process has none: leave one of them out")
    if settings.updater == "polling":
        deaf = [channel.name for channel in bot.channels.values() if not channel.polls]
        if deaf:
            raise UsageError(f"Channel {', '.join(deaf)} cannot be polled: use --updater webhooks")
        return
    for channel in bot.channels.values():
        if settings.public_url:
            channel.will_register()
        if not channel.verifies and is_public(settings.host):
            raise UsageError(
                f"Anybody could send forged messages to channel {channel.name} on {settings.host}: set its "
                "secret in bot.yaml, or let --public-url register a generated one, or listen on localhost"
            )


def _worker_count(settings: Settings) -> int:
    if settings.updater == "polling":
        return 1
    return usable_cpus() if settings.fast else settings.workers or 1


def _has_own_locks(settings: Settings, bot: MaxBot) -> bool:
    return settings.user_locks is not None or bot.user_locks is not None


def _open_database(settings: Settings, *, shared: bool) -> tuple[Settings, int | None]:
    """Find or make a place for the database, and claim it.

    Args:
        settings: May name none yet.
        shared: Whether the user locks reach further than this supervisor, so that others may use the database too.

    Returns:
        The settings with the database's URL, and the descriptor that holds our claim on it.
    """
    if settings.database is None:
        settings = dataclasses.replace(settings, database=f"sqlite:///{new_path()}")
    assert settings.database is not None
    path = sqlite_path(settings.database)
    check_place(path)
    return settings, None if shared else claim(path, OWNER_TIMEOUT)
