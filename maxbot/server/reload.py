"""Watch the bot's files, and have the workers replaced when one changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

logger = logging.getLogger(__name__)


async def watch_files(files: Callable[[], Iterable[Path]], others: asyncio.Event, changed: Callable[[], None]) -> None:
    """Call `changed` after each change of one of the files, until cancelled.

    Args:
        files: Returns the bot's. Their directories are watched, as editors replace files rather than write into them.
        others: Set when it returns others from now on.
        changed: Called at each change.
    """
    from watchfiles import awatch  # only for those who ask for it

    try:
        while True:
            others.clear()
            watched = {file.resolve() for file in files()}
            async for changes in awatch(*{file.parent for file in watched}, recursive=False, stop_event=others):
                paths = (path for _, path in changes)
                names = sorted({path.name for path in map(Path, paths) if path in watched})
                if names:
                    logger.info("%s changed: replacing the workers", ", ".join(names))
                    changed()
    finally:
        others.set()
