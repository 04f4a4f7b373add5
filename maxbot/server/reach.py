"""Whether user locks reach as far as those who share the work."""

import logging

from maxbot.locks import UserLocks
from maxbot.server.plan import Plan
from maxbot.storage.place import on_server

logger = logging.getLogger(__name__)


def warn_of_reach(locks: UserLocks, plan: Plan) -> None:
    """Say where a bot's own locks reach less far than they should. Those that say nothing are trusted.

    On the database of a server a dialog is claimed by the session of one worker, whatever the locks are: they need
    exclude within a process only.
    """
    reach = getattr(locks, "reach", "anywhere")
    if reach == "process" and plan.workers > 1 and not on_server(plan.database):
        logger.warning(
            "The user locks reach one process, and there are %d workers: two turns of one user may run at once, and "
            "one of them is thrown away. Run one worker, or take locks that reach further",
            plan.workers,
        )
