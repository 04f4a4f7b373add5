"""What should be changed about a server's database is said at the start, as `maxbot db check` says it."""

import asyncio
import logging

from maxbot.errors import MaxBotError
from maxbot.server.plan import Plan
from maxbot.storage.place import on_server
from maxbot.storage.prepare import open_backend
from maxbot.storage.url import shown

logger = logging.getLogger(__name__)


async def say_advice(plan: Plan) -> None:
    """Log a warning for each setting of the database that may lose or reorder something, or is slow."""
    if not on_server(plan.database):
        return
    try:
        advised = await asyncio.to_thread(_advised, plan)
    except MaxBotError:  # whoever needs the database says so
        return
    for name, value, advice in advised:
        logger.warning("The database %s: %s is %s: %s", shown(plan.database), name, value, advice)


def _advised(plan: Plan) -> list[tuple[str, str, str]]:
    from maxbot.storage.report import facts

    backend = open_backend(plan.database, plan.durability, password_file=plan.database_password_file)
    return [(fact.name, fact.value, fact.advice) for fact in facts(backend) if fact.advice is not None]
