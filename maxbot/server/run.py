"""A run from its plan to its last words: bind, claim the database, then supervise or serve."""

import logging
import shlex
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from maxbot.board import SuspectList
from maxbot.bot import MaxBot
from maxbot.channels.base import Channel
from maxbot.errors import StartError
from maxbot.locks.custom import own_user_locks, running
from maxbot.logs import configure
from maxbot.server.children import keep_listeners
from maxbot.server.descriptors import check_limit, raise_limit
from maxbot.server.edge.sockets import bind
from maxbot.server.ngrok import with_ngrok
from maxbot.server.notify import READY, notify
from maxbot.server.plan import Plan, make_plan
from maxbot.server.reach import warn_of_reach
from maxbot.server.stopping import FAREWELL
from maxbot.server.supervisor.process import WorkerProcess
from maxbot.settings import Settings
from maxbot.storage.place import claim_database
from maxbot.storage.url import shown

if TYPE_CHECKING:
    from maxbot.storage.inspect import Summary

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

OWNER_TIMEOUT = 3.0
"""Seconds to wait for the database of a supervisor that is about to be gone."""


def run(settings: Settings, bot: MaxBot) -> int:
    """See `maxbot.server.serve`."""
    configure(
        settings, [*bot.secrets, *settings.secrets], process="single" if settings.single_process else "supervisor"
    )
    raise_limit()
    plan = make_plan(with_ngrok(settings), bot)
    check_limit(0 if plan.single_process else plan.workers)
    sockets = [] if plan.updater == "polling" else bind(plan.host, plan.port)
    keep_listeners(sockets)
    try:
        return _serve(plan, bot, sockets) if plan.single_process else _supervise(plan, bot, sockets)
    except OSError as error:  # no memory, too many processes or files
        raise StartError(f"The system does not let the server run: {error.strerror or error}") from error


def _supervise(plan: Plan, bot: MaxBot, sockets: list[socket.socket]) -> int:
    # A worker takes longer to import its modules than the supervisor takes for all that follows: they start together.
    unborn: list[WorkerProcess] = []
    try:
        suspects = SuspectList.new()
        for number in range(1, plan.workers + 1):
            unborn.append(WorkerProcess(f"worker-{number}", sockets, suspects))
        plan = _claim_database(plan)
    except BaseException as error:
        for process in unborn:
            process.abandon()
        if isinstance(error, OSError):
            raise StartError(f"The system does not let {plan.workers} workers start: {error.strerror}") from None
        raise
    import uvloop

    from maxbot.server.supervisor.supervisor import Supervisor

    workers = "1 worker" if plan.workers == 1 else f"{plan.workers} workers"
    supervisor = Supervisor(plan, bot, sockets, unborn, suspects)
    status = uvloop.run(supervisor.run(lambda: hello(plan, sockets, bot, workers)))
    farewell(plan, status)
    return status


def _serve(plan: Plan, bot: MaxBot, sockets: list[socket.socket]) -> int:
    plan = _claim_database(plan)
    import uvloop

    from maxbot.locks.memory import MemoryLocks
    from maxbot.server.worker.single import SingleProcess

    async def serve() -> int:
        user_locks = own_user_locks(plan.user_locks, bot.make_user_locks, plan.lease)
        if user_locks is None:
            user_locks = MemoryLocks()
        else:
            warn_of_reach(user_locks, plan)
        async with running(user_locks):
            single = SingleProcess(plan, bot, sockets, user_locks)
            return await single.run(lambda: hello(plan, sockets, bot, "a single process"))

    status = 1
    try:
        status = uvloop.run(serve())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)  # the deadline of the stop is kept
        farewell(plan, status)
    return status


def _claim_database(plan: Plan) -> Plan:
    """Claim the database until this process ends; return the plan with what tells it from another one in its place."""
    claim = claim_database(plan.database, OWNER_TIMEOUT, shared=plan.shared)
    return replace(plan, database_file=claim.file)


def base_url(host: str, sockets: list[socket.socket]) -> str:
    """Return the URL under which the server is reached on this machine."""
    name = f"[{host}]" if ":" in host else host or "localhost"
    return f"http://{name}:{sockets[0].getsockname()[1]}"


def hello(plan: Plan, sockets: list[socket.socket], bot: MaxBot, serves: str) -> None:
    """Say where the bot is, what keeps its state, and what is left to do."""
    notify(READY)
    logger.info("The database is %s", shown(plan.database))
    for sentence in bot.unused:
        logger.warning("%s", sentence)
    if plan.updater == "polling":
        logger.info("The bot polls %s with %s", ", ".join(channel.name for channel in bot.channels), serves)
        return
    url = base_url(plan.host, sockets)
    logger.info("The bot listens on %s with %s", url, serves)
    for channel in bot.channels:
        _introduce(channel, url, registers=plan.public_url is not None)
    if bot.has_requests:
        callers = "with the token (--rpc-token)" if plan.rpc_token else "of this machine, without a token"
        logger.info("Requests of other programs %s: POST %s/rpc/CHANNEL/USER_ID", callers, url)


def _introduce(channel: Channel, url: str, *, registers: bool) -> None:
    greeting = channel.greeting(url, registers=registers)
    if greeting is not None:
        logger.info("%s", greeting)
    if not channel.verifies and not channel.open_for_trials:
        logger.warning(
            "Webhooks of %s are not verified: whoever reaches %s can forge messages. Set its secret in bot.yaml",
            channel.name,
            url,
        )


def farewell(plan: Plan, status: int) -> None:
    """Say what is left to do in the database, and how to resume.

    Args:
        plan: Names the database.
        status: The run's; of one that failed, nobody need be told that its database was not reached.
    """
    database = shown(plan.database)
    summary = _summary(plan)
    if summary is None:
        if status == 0:
            logger.warning("Stopped. The database %s does not answer now", database)
        return
    if summary.counters:
        logger.info("Counted: %s", ", ".join(f"{name} {value}" for name, value in sorted(summary.counters.items())))
    if summary.dead_letters:
        logger.warning("%d dead letters are in %s", summary.dead_letters, database)
    if summary.updates or summary.commands:
        logger.warning(
            "Stopped. %d updates and %d replies are waiting; this resumes them: %s",
            summary.updates,
            summary.commands,
            shlex.join(["maxbot", "run", "--bot", plan.bot, *_database(plan)]),
        )
    else:
        logger.info("Stopped. Nothing is waiting in %s", database)


def _database(plan: Plan) -> list[str]:
    """Return the options that name the database, without a password."""
    file = plan.database_password_file
    return ["--database", shown(plan.database), *(["--database-password-file", file] if file else [])]


def _summary(plan: Plan) -> "Summary | None":
    from maxbot.storage.inspect import summarize
    from maxbot.storage.prepare import open_backend

    # Outside of the time that the database has: on a busy machine the imports take seconds.
    backend = open_backend(plan.database, plan.durability, password_file=plan.database_password_file)
    return _within(FAREWELL, lambda: summarize(backend))


def _within(seconds: float, call: Callable[[], Result | None]) -> Result | None:
    """Return what a call returns, or None where it takes longer; it is left alone then."""
    results: list[Result | None] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None
