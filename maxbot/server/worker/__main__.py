"""A worker process: loads the bot, serves, and ends when told to, or when its supervisor is gone.

Started as `python -m maxbot.server.worker CONTROL STACKS SUPERVISOR NAME`: two file descriptors, a process id, and what
`ps` shows.
"""

from maxbot.server.supervisor import signals

if __name__ == "__main__":
    import gc
    import sys

    # Before the imports below, which take longer than an orphan may live, or a Ctrl-C of the first moments may wait.
    signals.die_with(int(sys.argv[3]))
    signals.ignore_until_ready()
    # What is imported stays: looking it through meanwhile takes a tenth of the time.
    gc.disable()

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys

from maxbot.bot import load_bot
from maxbot.logs import configure, flush
from maxbot.server.children import keep_listeners
from maxbot.server.supervisor.control import Failed, encode, receive_start
from maxbot.server.worker.worker import Worker, reason

logger = logging.getLogger(__name__)


def main() -> None:
    """Be a worker, from the first line to the exit."""
    gc.enable()
    control, stacks = (int(argument) for argument in sys.argv[1:3])
    _restore_environment()
    faulthandler.register(signal.SIGQUIT, file=stacks, all_threads=True, chain=False)
    sock = socket.socket(fileno=control)
    os.set_inheritable(control, False)
    os.set_inheritable(stacks, False)
    start = receive_start(sock)
    if start is None:
        return
    for number in (start.locks, start.board, start.suspects, *start.listeners):
        os.set_inheritable(number, False)  # what the bot starts must not keep our sockets open
    listeners = [socket.socket(fileno=number) for number in start.listeners]
    keep_listeners(listeners)
    try:
        configure(start.plan, (), process=start.name)
        bot = load_bot(start.plan.bot)
        configure(start.plan, [*bot.secrets, *start.plan.secrets], process=start.name)
        if start.plan.public_url:
            for channel in bot.channels.values():
                channel.will_register()
        worker = Worker(start, bot, listeners)
    except BaseException as error:
        sock.sendall(encode(Failed(reason(error))))
        raise SystemExit(1) from None
    raise SystemExit(_run(worker, sock))


def _run(worker: Worker, sock: socket.socket) -> int:
    # After the bot, whose errors need not wait for it.
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(worker.run(sock))
        except BaseException:
            # A task of the bot's own raised what ends an event loop. Without a clean-up: what is under way is noted,
            # and must stay so for the supervisor to read.
            logger.critical("The worker ends", exc_info=True)
            flush()
            os._exit(1)


def _restore_environment() -> None:
    """Undo what the supervisor set for this interpreter's start: the bot's own children need not have it."""
    original = os.environ.pop("MAXBOT_PYTHONPATH", "")
    if original:
        os.environ["PYTHONPATH"] = original
    else:
        os.environ.pop("PYTHONPATH", None)


if __name__ == "__main__":
    main()
