"""A process that runs turns on a database as a worker's storage does; started by `test_processes.py`.

`python -m tests.storage.turns PATH NAME DIALOGS`: works until its input ends or it is killed. Prints the number of each
turn once all of it is committed (acknowledged), and at the end one line `done {"turns": …, "longest": …, "errors": …}`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from maxbot.errors import StorageError
from maxbot.storage.database import Database
from maxbot.storage.sqlite.backend import SQLite
from maxbot.storage.store import Store
from maxbot.types import Command, Dialog
from tests.storage.support import update


async def work(path: Path, name: str, dialogs: int) -> None:
    """Run turns, one after the other in each dialog."""
    database = Database(SQLite(path))
    store = Store(database)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    figures = {"turns": 0, "longest": 0.0, "errors": 0}

    async def run(dialog: Dialog) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            started = time.perf_counter()
            try:
                await store.accept([update(f"{dialog}.{number}", dialog)])
                found = await store.load(str(dialog))
                assert found.update is not None
                state = {"turns": [number]}
                commands = [Command({"text": "a"})]
                committed = await store.commit(str(dialog), found.version, found.update.id, state, commands)
                assert committed is not None
                assert await store.sent(committed[0].update_id, 0)
            except StorageError as error:
                figures["errors"] += 1
                print("error", error, flush=True)
                continue
            figures["turns"] += 1
            figures["longest"] = max(figures["longest"], time.perf_counter() - started)
            print(dialog.user, number, flush=True)

    await asyncio.gather(*(run(Dialog("test", f"{name}-{index}")) for index in range(dialogs)))
    await database.close()
    print("done", json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
