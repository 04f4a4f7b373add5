"""Bugs in the database."""

from tests.planted.bug import Bug

BUGS = (
    Bug(
        "delete-at-claim",
        "nothing acknowledged is lost",
        "maxbot/storage/tables/turns.py",
        "    found = [_work(row) for row in transaction.row(_load, name=[item.dialog for item in items])]\n",
        "    found = [_work(row) for row in transaction.row(_load, name=[item.dialog for item in items])]\n"
        "    transaction.run(_done, update_id=[work.update.id for work, _ in found if work.update])\n",
        ("tests/delivery/test_simulation.py",),
    ),
    Bug(
        "high-water-mark",
        "an update is accepted once, by its id, whatever its order",
        "maxbot/storage/tables/inbox.py",
        "    fresh = [(id[0], *entry) for id, entry in zip(ids, arrived, strict=True) if id is not None]\n",
        "    high = transaction.row(Statement(sqlite=__import__('sqlalchemy').text("
        "'SELECT max(CAST(key AS INTEGER)) FROM seen')))[0][0] or 0\n"
        "    fresh = [(id[0], *entry) for id, entry in zip(ids, arrived, strict=True) if id is not None"
        " and (not entry[0].key.isdecimal() or int(entry[0].key) >= high)]\n",
        ("tests/storage/tables/test_inbox.py",),
    ),
    Bug(
        "any-waiting-message",
        "turns in the order of the inbox",
        "maxbot/storage/tables/turns.py",
        "select(func.min(inbox.c.id))",
        "select(func.max(inbox.c.id))",
        ("tests/delivery/test_simulation.py",),
    ),
    Bug(
        "state-before-outbox",
        "state, replies and 'done' of a turn commit together",
        "maxbot/storage/tables/turns.py",
        "    put(\n",
        "    transaction._connection.execute('COMMIT'); __import__('time').sleep(0.005)\n"
        "    transaction._connection.execute('BEGIN IMMEDIATE')\n    put(\n",
        ("tests/storage/tables/test_turns.py",),
    ),
    Bug(
        "no-version",
        "a stale holder changes nothing",
        "maxbot/storage/tables/turns.py",
        '        dialogs.c.version == bindparam("loaded"),\n',
        "",
        ("tests/storage/tables/test_turns.py",),
    ),
    Bug(
        "judged-by-the-wall-clock",
        "no condition on the wall clock hides stored work",
        "maxbot/storage/tables/inbox.py",
        '    outbox.c.postponed_at > bindparam("now"),  # the clock was set back\n',
        "",
        ("tests/storage/tables/test_inbox.py",),
    ),
    Bug(
        "unknown-commit-repeated",
        "a commit of unknown outcome is looked up",
        "maxbot/storage/database.py",
        "                if stored:\n                    return None\n",
        "",
        ("tests/storage/postgresql/test_faults.py",),
    ),
    Bug(
        "unknown-commit-given-up",
        "a commit of unknown outcome is looked up",
        "maxbot/storage/database.py",
        "if attempt == ATTEMPTS or not isinstance(failure, StorageInterrupted):",
        "if isinstance(failure, CommitUnknown) or not isinstance(failure, StorageInterrupted):",
        ("tests/storage/postgresql/test_faults.py",),
    ),
    Bug(
        "database-made-again",
        "nothing is acknowledged into a file that was put in the place of the run's",
        "maxbot/storage/sqlite/backend.py",
        "        if self._expected is None:\n            os.close(",
        "        if True:\n            os.close(",
        ("tests/storage/sqlite/test_claim.py",),
    ),
    Bug(
        "log-removed-unseen",
        "what was acknowledged survives the loss of SQLite's log file",
        "maxbot/storage/sqlite/backend.py",
        "            self._see_the_log(connection)\n",
        "",
        ("tests/storage/sqlite/test_log.py",),
    ),
    Bug(
        "secrets-stored",
        "no secret reaches the database",
        "maxbot/storage/store.py",
        "                self._redact(reason),\n",
        "                reason,\n",
        ("tests/storage/test_database.py",),
    ),
    Bug(
        "request-keys-of-users",
        "no key that a user makes up keeps a request from being accepted",
        "maxbot/storage/tables/inbox.py",
        '    return f"rpc:{channel}"',
        "    return channel",
        ("tests/delivery/test_turns.py",),
    ),
    Bug(
        "failures-forgotten",
        "a failed turn is counted in the state of its dialog, with the update set aside",
        "maxbot/storage/tables/dead_letters.py",
        "    remember_failures(transaction, [item.failed for item, _ in letters if item.failed is not None])\n",
        "",
        ("tests/delivery/test_turns.py",),
    ),
)
