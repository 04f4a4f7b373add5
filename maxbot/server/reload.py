"""Watch the bot's files, and have the workers replaced when one changes."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

logger = logging.getLogger(__name__)


async def watch_files(files: Iterable[Path], changed: Callable[[], None]) -> None:
    """Call `changed` after each change of one of the files, until cancelled.

    Args:
        files: The bot's. Their directories are watched, as editors replace files rather than write into them.
    """
    from watchfiles import awatch  # only for those who ask for it

    watched = {file.resolve() for file in files}
    stop = asyncio.Event()
    try:
        async for changes in awatch(*{file.parent for file in watched}, recursive=False, stop_event=stop):
            paths = (path for _, path in changes)
            names = sorted({path.name for path in map(Path, paths) if path in watched})
            if names:
                logger.info("%s changed: replacing the workers", ", ".join(names))
                changed()
    finally:
        stop.set()
