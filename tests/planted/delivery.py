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
        "async with self._user_locks(dialog) as lock:",
        "async with __import__('contextlib').nullcontext() as lock:",
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
        "        except Undeliverable as error:\n            await self.set_aside(dialog, row, error.reason)\n",
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
        "a-timer-rings-again",
        "a timer rings once: it is taken and its update stored together",
        "maxbot/storage/tables/timers.py",
        "    taken = transaction.changes(_take, whose=[row[0] for row in found], which=[row[1] for row in found])\n"
        "    updates = [_update(row) for row, count in zip(found, taken, strict=True) if count]\n",
        "    import msgspec\n"
        "    updates = [msgspec.structs.replace(_update(row), key=f'{item.now} {row[1]}') for row in found]\n",
        ("tests/storage/tables/test_timers.py",),
    ),
    Bug(
        "a-timer-without-its-turn",
        "timers are stored with their turn, or not at all",
        "maxbot/storage/tables/turns.py",
        "            if rows is not None and item.timers\n",
        "            if item.timers\n",
        ("tests/storage/tables/test_timers.py",),
    ),
    Bug(
        "a-timer-early-when-the-clock-is-put-right",
        "a clock that is set back lets no timer ring early",
        "maxbot/inbox/timers.py",
        "if now - self._noticed[name] >= seconds]",
        "]",
        ("tests/inbox/test_timers.py",),
    ),
    Bug(
        "a-push-before-what-waits",
        "a message from the bot's side goes behind what the user has said",
        "maxbot/server/edge/rpc.py",
        "        await self._inbox.accept([Update(dialog, key, message, is_request=True)])\n",
        "        if 'push' in message:\n"
        "            for content in message['params']['commands']:\n"
        "                from maxbot.types import Command\n"
        "                await self._bot.channels[channel].send(Command(content), dialog)\n"
        "            return JSONResponse({'result': None})\n"
        "        await self._inbox.accept([Update(dialog, key, message, is_request=True)])\n",
        ("tests/server/edge/test_push.py",),
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
    Bug(
        "deaths-taken-for-the-platforms-silence",
        "a reply is given up for what the platform does, not for workers that died",
        "maxbot/outbox/send.py",
        "taken_up=row.taken_up + 1))",
        "unknown=row.unknown + 1))",
        ("tests/outbox/test_send.py",),
    ),
    Bug(
        "killing-send-unsuspected",
        "a command that kills its worker is tried where it harms nobody",
        "maxbot/delivery/__init__.py",
        "            self._suspects.watch_sending,\n",
        "",
        ("tests/e2e/test_poison.py",),
    ),
    Bug(
        "early-replies-numbered-anew",
        "the n-th early reply of a later run takes the place of the n-th of the first",
        "maxbot/delivery/early.py",
        "        if self._count <= self._update.said.replies:\n",
        "        if False:\n",
        ("tests/delivery/test_early.py",),
    ),
    Bug(
        "state-with-the-first-early-reply",
        "state is committed with the turn only",
        "maxbot/delivery/early.py",
        "                self._store.say_early, str(self._dialog), work.version, update.id, commands, self.said\n",
        "                self._store.commit, str(self._dialog), work.version, update.id, work.state, commands, None, "
        "self.said\n",
        ("tests/delivery/test_early.py",),
    ),
    Bug(
        "early-reply-sent-before-it-is-stored",
        "a reply is durable before it is sent",
        "maxbot/delivery/early.py",
        "        work, update = self._work, self._update\n        try:\n",
        "        work, update = self._work, self._update\n"
        "        for place, command in enumerate(commands, self.said.commands):\n"
        "            await self._sender._channels[self._dialog.channel].send(\n"
        "                __import__('msgspec').structs.replace(command, key=f'{update.id}.{place}'), self._dialog\n"
        "            )\n"
        "        try:\n",
        ("tests/delivery/test_early.py",),
    ),
    Bug(
        "stale-turn-commits-behind-early-replies",
        "a turn that somebody else runs too is committed by one of them",
        "maxbot/storage/tables/turns.py",
        "            AND EXISTS (SELECT FROM inbox WHERE inbox.id = item.update_id AND inbox.early = item.said)\n",
        "            AND EXISTS (SELECT FROM inbox WHERE inbox.id = item.update_id)\n",
        ("tests/storage/tables/test_early.py",),
    ),
    Bug(
        "begun-message-forgotten",
        "a message that was begun is finished by the next run, not sent as a second one",
        "maxbot/delivery/growing.py",
        "        if begun is not None and begun != known:\n",
        "        if False:\n",
        ("tests/delivery/test_early.py",),
    ),
    Bug(
        "redis-grant-counted-from-its-arrival",
        "a lock granted to a worker that was paused is not believed",
        "maxbot/locks/redis/locks.py",
        "        return not self.lost and time.monotonic() < self.until\n",
        "        return not self.lost\n",
        ("tests/locks/redis/test_faults.py",),
    ),
    Bug(
        "redis-frees-another-ones-lock",
        "a holder whose lease is over frees nothing of the next one's",
        "maxbot/locks/redis/scripts.py",
        "    if redis.call('GET', KEYS[1]) == ARGV[1] then\n        redis.call('DEL', KEYS[1])",
        "    if true then\n        redis.call('DEL', KEYS[1])",
        ("tests/locks/redis/test_scripts.py",),
    ),
    Bug(
        "redis-wakes-nobody-for-a-cancelled-wait",
        "a wait cancelled in the moment it is woken passes the lock on",
        "maxbot/locks/redis/scripts.py",
        "        redis.call('LREM', KEYS[2], 0, ARGV[1])\n    end\n    while",
        "        redis.call('LREM', KEYS[2], 0, ARGV[1])\n        do return 0 end\n    end\n    while",
        ("tests/locks/redis/test_scripts.py",),
    ),
    Bug(
        "send-after-the-lease",
        "a worker that lost its lock sends nothing more for that dialog",
        "maxbot/outbox/send.py",
        "            if not self._holds(dialog):",
        "            if False:",
        ("tests/outbox/test_send.py",),
    ),
)
