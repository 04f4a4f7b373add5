"""Whether user locks reach as far as those who share the work."""

import logging

from maxbot.locks import UserLocks
from maxbot.server.plan import Plan
from maxbot.storage.place import on_server

logger = logging.getLogger(__name__)


def warn_of_reach(locks: UserLocks, plan: Plan) -> None:
    """Say where a bot's own locks reach less far than they should. Those that say nothing are trusted."""
    reach = getattr(locks, "reach", "anywhere")
    if reach == "process" and plan.workers > 1:
        logger.warning(
            "The user locks reach one process, and there are %d workers: two turns of one user may run at once, and "
            "one of them is thrown away. Run one worker, or take locks that reach further",
            plan.workers,
        )
    elif reach != "anywhere" and on_server(plan.database):
        logger.warning(
            "The user locks reach one %s, and the database can be used from other ones: run the bot here alone, or "
            "take locks that reach further",
            reach,
        )
