"""The bugs that show that the tests of the invariants can fail: `scripts/plant-bugs` plants each and expects red.

`python -m tests.planted [NAME ...]` plants each bug (or the named ones) in a copy of the tree, runs its test there, and
ends with status 1 if a test stays green. Not part of the ordinary run, which only sees that each bug can be planted.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

TIMEOUT = 600.0
"""Seconds for a bug's tests: one that hangs shows the bug as well."""


class Bug(NamedTuple):
    """A bug that breaks an invariant."""

    name: str
    breaks: str
    """The invariant, as a sentence."""
    file: str
    old: str
    """Stands once in the file."""
    new: str
    tests: tuple[str, ...]
    """What must fail: arguments of pytest."""


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
        "no-lock",
        "one turn at a time per user",
        "maxbot/delivery/awake.py",
        "async with self._user_locks(dialog):",
        "async with __import__('contextlib').nullcontext():",
        ("tests/delivery/test_simulation.py", "tests/delivery/test_awake.py"),
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
        "no-version",
        "a stale holder changes nothing",
        "maxbot/storage/tables/turns.py",
        '        dialogs.c.version == bindparam("loaded"),\n',
        "",
        ("tests/storage/tables/test_turns.py",),
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
        "everybody-under-way-is-guilty",
        "who was merely beside it is not condemned",
        "maxbot/server/supervisor/trials.py",
        "        if at_work and len(group) == 1:\n",
        "        if at_work:\n",
        ("tests/server/supervisor/test_trials.py",),
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
        "a-run-that-served-gives-up",
        "a run that has served never gives up",
        "maxbot/server/supervisor/slot.py",
        "        return self._failures >= self._most and not self.served\n",
        "        return self._failures >= self._most\n",
        ("tests/server/supervisor/test_slot.py",),
    ),
    Bug(
        "another-token-is-not-registered",
        "webhooks are registered again where the bot has become another one",
        "maxbot/server/worker/registration.py",
        "(channel.name, type(channel).__qualname__, *channel.secrets)",
        "(channel.name, type(channel).__qualname__)",
        ("tests/server/worker/test_registration.py",),
    ),
    Bug(
        "sigint-to-the-workers",
        "stop is clean and bounded",
        "maxbot/server/supervisor/signals.py",
        "    for number in HELD_BACK:\n        signal.signal(number, signal.SIG_IGN)\n",
        "    for number in HELD_BACK:\n        signal.signal(number, signal.default_int_handler)\n",
        ("tests/e2e/test_stop.py",),
    ),
    Bug(
        "outlive-the-supervisor",
        "no orphan, no second master",
        "maxbot/server/supervisor/signals.py",
        "        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)\n",
        "        pass\n",
        ("tests/e2e/test_supervision.py::test_a_blocked_worker_does_not_outlive_its_supervisor",),
    ),
    Bug(
        "heartbeat-from-a-thread",
        "the configured workers live, or it is said",
        "maxbot/server/worker/worker.py",
        "            await asyncio.sleep(BEAT)\n",
        "            await asyncio.get_running_loop().run_in_executor(None, self._beat_for_ever)\n\n"
        "    def _beat_for_ever(self) -> None:\n"
        "        while not __import__('time').sleep(BEAT):\n"
        "            from maxbot.server.supervisor.control import encode\n"
        "            self._control._writer.get_extra_info('socket').send(encode(Beat()))\n",
        ("tests/e2e/test_supervision.py::test_a_blocked_worker_is_replaced_and_its_message_becomes_a_dead_letter",),
    ),
    Bug(
        "parse-before-verify",
        "nothing unauthenticated is stored or acted on, nor parsed",
        "maxbot/channels/base.py",
        "        self.verify(request)\n        return Received(self.parse(request))\n",
        "        parsed = self.parse(request)\n        self.verify(request)\n        return Received(parsed)\n",
        ("tests/server/edge/test_webapp.py",),
    ),
    Bug(
        "a-proxys-no-for-the-platforms",
        "only the platform's own words are its verdict",
        "maxbot/channels/telegram/api.py",
        "            if answer.its_own:\n",
        "            if True:\n",
        ("tests/channels/test_telegram.py",),
    ),
    Bug(
        "cut-in-a-grapheme",
        "nothing that looks like one character is cut",
        "maxbot/channels/split.py",
        "    return next((end for end in range(fitting, start, -1) if is_boundary(text, end)), fitting)\n",
        "    return fitting\n",
        ("tests/channels/test_split.py",),
    ),
    Bug(
        "a-visitor-by-the-tab-alone",
        "one visitor cannot read another's replies",
        "maxbot/channels/web/visitors.py",
        'hashlib.sha256(f"{self.cookie}\\0{tab}".encode())',
        "hashlib.sha256(tab.encode())",
        ("tests/channels/test_web.py",),
    ),
    Bug(
        "any-media-type",
        "a page elsewhere cannot have a browser write to the bot",
        "maxbot/channels/web/channel.py",
        '.strip().lower() != "application/json":',
        '.strip().lower() == "nothing":',
        ("tests/channels/test_web.py",),
    ),
    Bug(
        "connections-without-end",
        "calls to platforms do not use up the descriptors",
        "maxbot/channels/client.py",
        "asyncio.Semaphore(connections)",
        "asyncio.Semaphore(10**9)",
        ("tests/channels/test_contract.py", "tests/channels/test_telegram.py"),
    ),
    Bug(
        "token-in-an-error",
        "no secret leaves",
        "maxbot/channels/direct.py",
        "        response = await self._connections.request(",
        """        from maxbot.errors import RetryLater, SendError

        try:
            await self._connections.request(request, timeout=timeout, connect_timeout=connect_timeout)
        except SendError as error:
            raise RetryLater(f"{error}: {target}") from error
        response = await self._connections.request(""",
        ("tests/channels",),
    ),
    Bug(
        "digression-without-return",
        "a digression returns to what waits",
        "maxbot/dialog/engine.py",
        "step = self._listen(node) or self._give_back(Returning.FOUND) or Stop.END",
        "step = self._listen(node) or Stop.END",
        ("tests/conformance/test_conformance.py::test_bot[digression-chain-clinic]",),
    ),
    Bug(
        "slots-cleared-too-early",
        "slots live until a turn ends",
        "maxbot/dialog/slots.py",
        "            return Filled.DONE\n",
        "            self.turn.state.slots.clear()\n            return Filled.DONE\n",
        ("tests/conformance/test_conformance.py::test_bot[slots-basic-blood-donation]",),
    ),
    Bug(
        "not-found-prompts",
        "a not_found without a command is silent about the prompt",
        "maxbot/dialog/slots.py",
        'if control in (None, "listen_again"):',
        'if control == "listen_again":',
        ("tests/dialog/test_engine.py",),
    ),
    Bug(
        "jump-keeps-its-place",
        "a node that jumps away does not wait for its followups",
        "maxbot/dialog/engine.py",
        "return self._jump(node, **(outcome.arguments or {}))",
        "self._listen(node); return self._jump(node, **(outcome.arguments or {}))",
        ("tests/dialog/test_rules.py",),
    ),
    Bug(
        "listen-forgets",
        "a leaf that listens keeps the slots",
        "maxbot/dialog/engine.py",
        "return self._listen(node) or self._give_back(Returning.FOUND) or Stop.WAIT",
        "return self._listen(node) or self._give_back(Returning.FOUND) or Stop.END",
        ("tests/dialog/test_engine.py",),
    ),
    Bug(
        "never-return-ignored",
        "never_return is skipped on the way back",
        "maxbot/dialog/engine.py",
        "if kind is Kind.SLOTS or (kind is Kind.FOLLOWUP and node.may_return):",
        "if kind is not Kind.JUMP:",
        ("tests/conformance/test_conformance.py::test_bot[digression-never-return-cinema]",),
    ),
    Bug(
        "guard-ignored",
        "the nodes of a subtree take part if its guard is true",
        "maxbot/dialog/branch.py",
        "if self.guard is not None and not self.guard.holds(guards):",
        "if self.guard is None and guards is None:",
        ("tests/conformance/test_conformance.py::test_bot[subtree-jumps-airport]",),
    ),
    Bug(
        "digression-before-followup",
        "what waits is asked before the root",
        "maxbot/dialog/engine.py",
        "        found = self._search(node.followups)\n        if found is None:",
        "        found = self._search(node.followups)\n        if found is None or self._search(self._tree.root):",
        ("tests/conformance/test_conformance.py::test_bot[digression-digressing-hotel]",),
    ),
    Bug(
        "waiting-node-digresses-to-itself",
        "the waiting node is no candidate for its own digression",
        "maxbot/dialog/engine.py",
        "found = root.search(self._turn.scope, self._digression, but=node)",
        "found = root.search(self._turn.scope, self._digression)",
        ("tests/conformance/test_conformance.py::test_bot[digression-digressing-hotel]",),
    ),
    Bug(
        "user-kept-after-failure",
        "a failed turn changes nothing",
        "maxbot/dialog/state.py",
        'loaded = cls(copied(_mapping(state.get("user"))),',
        'loaded = cls(_mapping(state.get("user")),',
        ("tests/dialog/test_engine.py",),
    ),
    Bug(
        "prefilled-slot-asked",
        "a slot that has a value is not asked",
        "maxbot/dialog/slots.py",
        "        values = self.turn.state.slots\n        asking",
        "        values = self.turn.state.slots if self.label in self.turn.state.asked else {}\n        asking",
        ("tests/conformance/test_conformance.py::test_bot[slots-prefilled-gym]",),
    ),
    Bug(
        "zero-is-no-value",
        "only a slot that is missing or none is asked",
        "maxbot/dialog/slots.py",
        "if values.get(slot.name) is None)",
        "if not values.get(slot.name))",
        ("tests/conformance",),
    ),
    Bug(
        "key-hides-an-error",
        "an unknown intent is an error, and no node to pass over",
        "maxbot/dialog/conditions.py",
        "name not in RESERVED_INTENTS and name in intents:",
        "name not in RESERVED_INTENTS:",
        ("tests/dialog/test_branch.py",),
    ),
    Bug(
        "failures-not-counted",
        "three failed turns in a row leave the place",
        "maxbot/dialog/state.py",
        'return {**state, "failures": failures}, False',
        'return {**state, "failures": 1}, False',
        ("tests/dialog/test_engine.py",),
    ),
    Bug(
        "request-not-understood",
        "a request that nobody answers changes nothing",
        "maxbot/dialog/engine.py",
        "        if self._turn.is_rpc:\n            return Stop.WAIT\n",
        "",
        ("tests/dialog/test_engine.py", "tests/conformance"),
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
        "confidence-without-the-divisor",
        "the confidence of an intent is divided by the intents that are left",
        "maxbot/nlu/ranking.py",
        "similarity / len(best)",
        "similarity",
        ("tests/nlu/test_ranking.py",),
    ),
    Bug(
        "numbers-inside-dates",
        "a number that begins or ends in a date is none",
        "maxbot/nlu/recogniser.py",
        "if find.start_char not in taken and find.end_char - 1 not in taken",
        "if find",
        ("tests/nlu/test_recogniser.py",),
    ),
    Bug(
        "latent-beside-complete",
        "a date that lacks a part counts only where nothing is complete",
        "maxbot/nlu/dates/find.py",
        "in complete or found",
        "in found",
        ("tests/nlu/dates/test_find.py",),
    ),
    Bug(
        "private-addresses",
        "templates ask no address that is not public, but those of services",
        "maxbot/channels/ask.py",
        "if is_public(str(address[4][0]))",
        "if address",
        ("tests/extensions/test_rest.py",),
    ),
    Bug(
        "templates-from-anywhere",
        "templates are read below the bot's directory only",
        "maxbot/extensions/jinja_loader.py",
        "path.is_relative_to(self._directory) and path.is_file()",
        "path.is_file()",
        ("tests/extensions/test_jinja_loader.py",),
    ),
    Bug(
        "markup-without-depth",
        "elements inside each other have a limit",
        "maxbot/maxml/parse.py",
        "DEPTH_LIMIT = 100\n",
        "DEPTH_LIMIT = 100_000\n",
        ("tests/maxml/test_render.py",),
    ),
    Bug(
        "attributes-lose-line-breaks",
        "what is printed as markup is read again as the same",
        "maxbot/maxml/print.py",
        "texts.escape_attribute(",
        "texts.escape(",
        ("tests/maxml/test_any_schema.py",),
    ),
    Bug(
        "tests-know-each-other",
        "no test of a bot sees what another one has left",
        "maxbot/testing/conversation.py",
        "self._tryout = Tryout(bot.after_failure)",
        "self._tryout = bot._tryout",
        ("tests/testing/test_conversation.py",),
    ),
    Bug(
        "stories-in-any-order",
        "replies of a story come in their order",
        "maxbot/testing/replies.py",
        "return [*map(_compared, expected)] == [*map(_compared, actual)]",
        "return all(map([*map(_compared, actual)].__contains__, map(_compared, expected)))",
        ("tests/testing/test_conversation.py",),
    ),
    Bug(
        "journal-tells-answers",
        "a journal without what users said has no answers, which repeat it",
        "maxbot/journal/redact.py",
        'shown["response"] = _response(record["response"])',
        'shown["response"] = record["response"]',
        ("tests/journal/test_record.py",),
    ),
    Bug(
        "journal-fails-turns",
        "a turn never fails for its journal",
        "maxbot/journal/write.py",
        "except Exception:  # the turn is over",
        "except OSError:  # the turn is over",
        ("tests/journal/test_write.py",),
    ),
    Bug(
        "log-on-the-event-loop",
        "nothing that is done to the log stops the bot",
        "maxbot/logs/writer.py",
        "            if self._closing or self._forked or not self._has_thread():\n",
        "            if True:\n",
        ("tests/logs/test_writer.py",),
    ),
    Bug(
        "record-in-an-error-of-the-log",
        "no secret leaves, the log's own errors included",
        "maxbot/logs/handler.py",
        "        if time.monotonic() - self._complained_at < SILENCE:\n            return\n",
        "        super().handleError(record)\n        return\n",
        ("tests/logs/test_writer.py",),
    ),
    Bug(
        "every-repetition-in-the-log",
        "one trouble of many users does not fill the disk",
        "maxbot/logs/repeats.py",
        "        if place.written < BURST:\n",
        "        if True:\n",
        ("tests/logs/test_repeats.py",),
    ),
    Bug(
        "stop-waits-for-a-reader",
        "a stop does not wait for a reader of the log",
        "maxbot/logs/writer.py",
        "0.0 if self._gave_up else timeout)\n",
        "10.0)\n",
        ("tests/logs/test_writer.py",),
    ),
    Bug(
        "clients-without-end",
        "descriptors are a budget: the door is never shut",
        "maxbot/server/edge/connections.py",
        "        if len(self._open) > self._most:\n",
        "        if False:\n",
        ("tests/server/edge/test_connections.py",),
    ),
    Bug(
        "any-host",
        "no page of another site reaches a bot on somebody's desk",
        "maxbot/server/edge/hosts.py",
        " in self._hosts or ANY in self._hosts:",
        " or ANY in self._hosts:",
        ("tests/server/edge/test_webapp.py",),
    ),
    Bug(
        "public-url-is-private",
        "a channel without a secret is not opened to everybody unawares",
        "maxbot/server/plan.py",
        "not (settings.public_url or is_public(host))",
        "not is_public(host)",
        ("tests/server/test_plan.py",),
    ),
    Bug(
        "port-in-a-forked-child",
        "no process keeps the port after a stop",
        "maxbot/server/worker/service.py",
        "            keep_from_children(self._web.descriptors)\n",
        "",
        ("tests/e2e/test_stop.py::test_a_child_that_the_bot_forked_keeps_neither_the_port_nor_the_stop",),
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
        "request-keys-of-users",
        "no key that a user makes up keeps a request from being accepted",
        "maxbot/storage/tables/inbox.py",
        '    return f"rpc:{channel}"',
        "    return channel",
        ("tests/delivery/test_turns.py",),
    ),
    Bug(
        "request-for-anybody",
        "without the token nobody calls",
        "maxbot/server/edge/rpc.py",
        'if scheme.lower() != "bearer" or not matches',
        'if scheme.lower() == "bearer" and not matches',
        ("tests/server/edge/test_rpc.py",),
    ),
    Bug(
        "failures-forgotten",
        "a failed turn is counted in the state of its dialog, with the update set aside",
        "maxbot/storage/tables/dead_letters.py",
        "    remember_failures(transaction, [item.failed for item, _ in letters if item.failed is not None])\n",
        "",
        ("tests/delivery/test_turns.py",),
    ),
    Bug(
        "hook-over-language",
        "the names of the language go before those of a hook",
        "maxbot/dialog/turn.py",
        "if name not in self._own:",
        "if name:",
        ("tests/bot/test_builder.py",),
    ),
    Bug(
        "signature-of-json",
        "a webhook is signed over its bytes as they came",
        "maxbot/channels/signature.py",
        "before + body",
        "before + body.strip()",
        ("tests/channels/test_platforms.py", "tests/channels/test_whatsapp.py"),
    ),
    Bug(
        "dialog-of-the-page",
        "the dialog of a Messenger user is the sender's",
        "maxbot/channels/facebook/updates.py",
        "    user = event.sender.id if event.sender else None\n",
        "    user = event.recipient.id if event.recipient else None\n",
        ("tests/channels/test_facebook.py",),
    ),
    Bug(
        "first-of-a-batch",
        "all messages of a delivery are read",
        "maxbot/channels/whatsapp/updates.py",
        "                yield from change.value.messages\n",
        "                yield from change.value.messages[:1]\n",
        ("tests/channels/test_whatsapp.py",),
    ),
    Bug(
        "status-is-the-verdict",
        "what Viber says with status 200 decides",
        "maxbot/channels/viber/api.py",
        "        if answer.status != 0:\n",
        "        if status != 200:\n",
        ("tests/channels/test_viber.py",),
    ),
    Bug(
        "no-pace",
        "a platform's limit is kept before it has to say so",
        "maxbot/channels/pace.py",
        "    if seconds > LONGEST_WAIT:\n",
        "    if False:\n",
        ("tests/channels/test_pace.py",),
    ),
)


def plant(bug: Bug, tree: Path) -> None:
    """Put a bug into a copy of the project."""
    file = tree / bug.file
    text = file.read_text()
    assert text.count(bug.old) == 1, f"{bug.name}: its place is {text.count(bug.old)} times in {bug.file}"
    file.write_text(text.replace(bug.old, bug.new))


def is_caught(bug: Bug) -> bool:
    """Whether the bug's tests fail with it."""
    with tempfile.TemporaryDirectory(prefix="planted-") as place:
        tree = Path(place) / "maxbot"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
        plant(bug, tree)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *bug.tests]
        try:
            run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return True
        # 1 is pytest's word for tests that failed; anything else is a mistake of ours.
        if run.returncode not in (0, 1):
            raise SystemExit(f"{bug.name}: the tests could not be run\n{run.stdout}{run.stderr}")
        for line in run.stdout.splitlines():
            if line.startswith(("FAILED", "ERROR")):
                print(f"    {line[:200]}", flush=True)
        return run.returncode == 1


def main() -> None:
    """Plant the bugs named on the command line, or all."""
    names = sys.argv[1:]
    if unknown := set(names) - {bug.name for bug in BUGS}:
        raise SystemExit(f"no such bug: {', '.join(sorted(unknown))}")
    survivors = []
    for bug in BUGS:
        if names and bug.name not in names:
            continue
        started = time.monotonic()
        caught = is_caught(bug)
        print(f"{'caught' if caught else 'SURVIVED'}  {bug.name}  ({time.monotonic() - started:.0f} s): {bug.breaks}")
        if not caught:
            survivors.append(bug.name)
    if survivors:
        raise SystemExit(f"not caught: {', '.join(survivors)}")


if __name__ == "__main__":
    main()
