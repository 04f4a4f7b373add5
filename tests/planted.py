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
        "    version, state, unsent, update_id, message, attempts = row\n",
        "    version, state, unsent, update_id, message, attempts = row\n"
        "    connection.exec_driver_sql('DELETE FROM inbox WHERE id = :id', {'id': update_id})\n",
        ("tests/delivery/test_simulation.py",),
    ),
    Bug(
        "high-water-mark",
        "an update is accepted once, by its id, whatever its order",
        "maxbot/storage/tables/inbox.py",
        "        row = _see.row(connection, key)\n",
        "        row = _see.row(connection, key)\n"
        "        last = connection.exec_driver_sql('SELECT max(CAST(key AS INTEGER)) FROM seen').scalar()\n"
        "        row = row if last is None or not update_.key.isdecimal() or int(update_.key) >= last else None\n",
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
        "    _put.many(\n",
        "    connection.commit(); connection.begin(); __import__('time').sleep(0.005)\n    _put.many(\n",
        ("tests/storage/tables/test_turns.py",),
    ),
    Bug(
        "retry-at-the-end",
        "replies in order, the next after the end of the last",
        "maxbot/outbox/send.py",
        "        raise Waits(wait if stored else 0.0)\n",
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
        "no-attempt-limit",
        "a bad message or user harms no other",
        "maxbot/delivery/turns.py",
        "MOST_ATTEMPTS = 4\n",
        "MOST_ATTEMPTS = 10**9\n",
        ("tests/delivery/test_turns.py",),
    ),
    Bug(
        "sigint-to-the-workers",
        "stop is clean and bounded",
        "maxbot/server/supervisor/signals.py",
        "        signal.signal(number, signal.SIG_IGN)\n",
        "        signal.signal(number, signal.default_int_handler)\n",
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
        "maxbot/server/worker/__main__.py",
        "            await asyncio.sleep(BEAT)\n",
        "            await asyncio.get_running_loop().run_in_executor(None, self._beat_for_ever)\n\n"
        "    def _beat_for_ever(self) -> None:\n"
        "        while not __import__('time').sleep(BEAT):\n"
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
        "maxbot/channels/client.py",
        '            failure = RetryLater(f"No connection: {_reason(error)}")\n',
        '            failure = RetryLater(f"No connection to {url}: {_reason(error)}")\n',
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
