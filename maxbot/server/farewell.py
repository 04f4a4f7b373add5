"""What an operator is told at the end of a run."""

import logging
import shlex

from maxbot.settings import Settings
from maxbot.storage.prepare import open_backend, summarize

logger = logging.getLogger(__name__)


def farewell(settings: Settings) -> None:
    """Say what is left to do in the database, and how to resume."""
    assert settings.database is not None
    summary = summarize(open_backend(settings.database, settings.durability))
    if summary is None:
        logger.warning("Stopped. The database %s does not answer now", settings.database)
        return
    if summary.counters:
        logger.info("Counted: %s", ", ".join(f"{name} {value}" for name, value in sorted(summary.counters.items())))
    if summary.dead_letters:
        logger.warning("%d dead letters are in %s", summary.dead_letters, settings.database)
    if summary.updates or summary.commands:
        command = shlex.join(["maxbot", "run", "--bot", settings.bot, "--database", settings.database])
        logger.warning(
            "Stopped. %d updates and %d replies are waiting; this resumes them: %s",
            summary.updates,
            summary.commands,
            command,
        )
    else:
        logger.info("Stopped. Nothing is waiting in %s", settings.database)
