"""Bugs in the path of a message: inbox, locks, turns, outbox."""

from tests.planted.bug import Bug

BUGS = (
    Bug(
        "answer-before-commit",
        "2xx only after the update is committed in the inbox",
        "maxbot/inbox/accept.py",
        "accepted = await self._store.accept(updates)",
        "self._store.accept(updates); accepted = [True] * len(updates)",
        ("tests/inbox/test_accept.py",),
    ),
    Bug(
        "no-lock",
        "one turn at a time per user",
        "maxbot/delivery/awake.py",
        "async with self._user_locks(dialog):",
        "async with __import__('contextlib').nullcontext():",
        ("tests/delivery/test_simulation.py", "tests/delivery/test_awake.py"),
    ),
    Bug(
        "retry-at-the-end",
        "replies in order, the next after the end of the last",
        "maxbot/outbox/send.py",
        "        raise Waits(seconds)\n",
        "        return\n",
        ("tests/outbox/test_send.py",),
    ),
    Bug(
        "resend-after-a-refusal",
        "a reply repeats only after an unknown outcome, counted",
        "maxbot/outbox/send.py",
        "        except Undeliverable as error:\n            await self._set_aside(dialog, row, error.reason)\n",
        "        except Undeliverable as error:\n            await self._postpone(dialog, row, error.reason, 0.01)\n",
        ("tests/outbox/test_send.py",),
    ),
    Bug(
        "wait-on-the-connection",
        "no deadlock, and all drains after faults",
        "maxbot/locks/host.py",
        "    async def __aenter__(self) -> None:\n        locks = self._locks\n",
        "    async def __aenter__(self) -> None:\n        locks = self._locks\n"
        "        while any(not lock._granted.done() for lock in locks._requests.values()):\n"
        "            await asyncio.sleep(0.01)  # somebody waits on the only connection\n",
        ("tests/locks",),
    ),
    Bug(
        "poison-runs-anywhere",
        "one user never stops the others",
        "maxbot/delivery/suspects.py",
        "self._known.find(update.id) is None",
        "True",
        ("tests/delivery/test_suspects.py",),
    ),
    Bug(
        "locks-free-before-the-suspects-are-known",
        "nobody runs a suspect as if nothing had happened",
        "maxbot/locks/host.py",
        "        self._ended()\n",
        "        asyncio.get_running_loop().call_later(0.1, self._ended)\n",
        ("tests/locks/test_host.py",),
    ),
    Bug(
        "unknown-outcome-for-a-day",
        "an unknown outcome is repeated a few times, by count",
        "maxbot/outbox/send.py",
        "        elif unknown >= MOST_UNKNOWN:\n",
        "        elif unknown >= 10**9:\n",
        ("tests/outbox/test_send.py",),
    ),
    Bug(
        "any-number-of-the-platforms",
        "no number in an answer makes a tight loop or shuts a dialog",
        "maxbot/outbox/retries.py",
        "    return min(wait, left)\n",
        "    return wait\n",
        ("tests/outbox/test_send.py",),
    ),
    Bug(
        "cancel-taken-for-a-stop",
        "only the server's own cancellation is a stop",
        "maxbot/delivery/apart.py",
        'return asyncio.CancelledError("the turn cancelled itself") if task.cancelled() else task.result()',
        "return task.result()",
        ("tests/delivery/test_apart.py",),
    ),
    Bug(
        "stop-bounded-by-the-backlog",
        "a stop is bounded by turns",
        "maxbot/delivery/__init__.py",
        "(turns and self._dialogs.draining)",
        "False",
        ("tests/delivery/test_drain.py",),
    ),
    Bug(
        "stop-waits-for-a-full-disk",
        "stop is bounded by what can be done",
        "maxbot/delivery/awake.py",
        "            if is_hopeless():\n",
        "            if False:\n",
        ("tests/e2e/test_database_trouble.py::test_a_stop_on_a_full_disk_does_not_use_its_whole_time",),
    ),
)
