"""What supervisor and workers say to each other."""

import asyncio
import socket

from maxbot.server.supervisor.control import (
    Beat,
    Control,
    Ended,
    Ready,
    Start,
    Stop,
    ToSupervisor,
    ToWorker,
    encode,
    receive_start,
)
from tests.server.plans import plan

START = Start("worker-1", plan(), [5, 6], 7, 8, 9)


def test_the_first_message_is_read_without_what_follows_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(encode(START) + encode(Ended(42)) + encode(Stop(0.5)))

        assert receive_start(ours) == START

        async def rest() -> list[object]:
            control = await Control.open(ours, ToWorker)
            messages = [await control.receive(), await control.receive()]
            control.close()
            return messages

        assert asyncio.run(rest()) == [Ended(42), Stop(0.5)]


def test_a_first_message_in_pieces_is_put_together() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = encode(START)

        async def send_in_pieces() -> Start | None:
            receiving = asyncio.get_running_loop().run_in_executor(None, receive_start, ours)
            for byte in range(0, len(line), 7):
                theirs.sendall(line[byte : byte + 7])
                await asyncio.sleep(0)
            return await receiving

        assert asyncio.run(send_in_pieces()) == START


def test_a_supervisor_that_is_gone_says_nothing() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        assert receive_start(ours) is None


def test_the_end_of_the_connection_is_none() -> None:
    async def converse() -> list[object]:
        ours, theirs = socket.socketpair()
        control, other = await Control.open(ours, ToSupervisor), await Control.open(theirs, ToWorker)
        other.send(Ready())
        other.send(Beat())
        await other.flush()
        other.close()
        heard = [await control.receive(), await control.receive(), await control.receive()]
        control.send(Ended(42))  # to nobody: no error
        control.close()
        return heard

    assert asyncio.run(converse()) == [Ready(), Beat(), None]
