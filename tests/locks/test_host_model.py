"""The lock server against a model, driven by bare sockets with whatever hypothesis thinks of."""

import asyncio
import socket
import struct

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from maxbot.locks.server import LockServer
from maxbot.locks.wire import MAX_NAME

NAMES = [b"test:1", b"test:2", b"test:3"]
# Longer than what a client may say before its next frame would be read as part of it.
NONSENSE = [
    struct.pack("!QH", 1, MAX_NAME + 1),
    struct.pack("!QH", 2**64 - 1, 0),
    b"\xff" * 50,
]


class Client:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.made = 0
        self.granted: set[int] = set()  # what the server said
        self.received = b""

    def read(self) -> bool:
        """Take in all grants that are there; False at the end of the connection."""
        while True:
            try:
                data = self.sock.recv(4096)
            except BlockingIOError:
                break
            except ConnectionResetError:
                return False
            if not data:
                return False
            self.received += data
        complete = len(self.received) - len(self.received) % 8
        for (request,) in struct.iter_unpack("!Q", self.received[:complete]):
            assert request not in self.granted, "granted twice"
            self.granted.add(request)
        self.received = self.received[complete:]
        return True


Request = tuple[Client, int, bytes]


class LockServerMachine(RuleBasedStateMachine):
    clients = Bundle("clients")
    requests = Bundle("requests")

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.server = LockServer()
        self.alive: list[Client] = []
        # The model: who wants a dialog, in order. The first one holds it.
        self.queues: dict[bytes, list[Request]] = {name: [] for name in NAMES}
        self.granted: set[tuple[Client, int]] = set()

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for client in list(self.alive):
            self.disconnect(client)
        assert (self.server.held(), self.server.waiting(), self.server.clients()) == (0, 0, 0)
        assert self.server._queues == {}
        self.loop.close()

    @rule(target=clients)
    def connect(self) -> Client:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.loop.run_until_complete(self.server.serve(ours, "model"))
        client = Client(theirs)
        self.alive.append(client)
        return client

    @rule(target=requests, client=clients, names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    def take(self, client: Client, names: list[bytes]):  # type: ignore[no-untyped-def]
        if client not in self.alive:
            return multiple()
        made: list[Request] = []
        for name in names:  # in one write
            client.made += 1
            made.append((client, client.made, name))
            self.queues[name].append(made[-1])
        client.sock.sendall(b"".join(struct.pack("!QH", number, len(name)) + name for _, number, name in made))
        return multiple(*made)

    @rule(request=consumes(requests))
    def leave(self, request: Request) -> None:
        """Release, or cancel the wait: the same frame."""
        client, number, name = request
        if client in self.alive:
            self.expect_grants()  # of before; a lock that is left while its grant is due was granted all the same
            client.sock.sendall(struct.pack("!QH", number, 0))
            self.queues[name].remove(request)

    @rule(target=requests, client=clients, name=st.sampled_from(NAMES))
    def take_and_leave_at_once(self, client: Client, name: bytes):  # type: ignore[no-untyped-def]
        if client in self.alive:
            self.expect_grants()
            client.made += 1
            client.sock.sendall(struct.pack("!QH", client.made, len(name)) + name + struct.pack("!QH", client.made, 0))
            if not self.queues[name]:
                self.granted.add((client, client.made))
        return multiple()

    @rule(client=consumes(clients))
    def disconnect(self, client: Client) -> None:
        if client in self.alive:
            client.sock.close()
            self.gone(client)

    @rule(client=consumes(clients))
    def disconnect_in_the_middle_of_a_frame(self, client: Client) -> None:
        if client in self.alive:
            client.sock.sendall(struct.pack("!QH", client.made + 1, 6) + b"test")
            client.sock.close()
            self.gone(client)

    @rule(client=consumes(clients), nonsense=st.sampled_from(NONSENSE))
    def talk_nonsense(self, client: Client, nonsense: bytes) -> None:
        if client in self.alive:
            client.sock.sendall(nonsense)
            self.turn_the_loop()
            assert not client.read(), "the server did not end the connection"
            client.sock.close()
            self.gone(client)

    def gone(self, client: Client) -> None:
        self.alive.remove(client)
        for name, queue in self.queues.items():
            self.queues[name] = [request for request in queue if request[0] is not client]
        self.expect_grants()

    def turn_the_loop(self) -> None:
        """Let the server read and answer all that was sent: each step of it takes one iteration."""

        async def iterations() -> None:
            for _ in range(8):
                await asyncio.sleep(0)

        self.loop.run_until_complete(iterations())

    @invariant()
    def expect_grants(self) -> None:
        """One holder for each dialog that somebody wants, the first who came; and everybody was told the truth."""
        if not hasattr(self, "loop"):
            return
        self.turn_the_loop()
        for queue in self.queues.values():
            if queue:
                self.granted.add(queue[0][:2])
        for client in self.alive:
            assert client.read(), "the server ended the connection of a client that did nothing wrong"
            assert client.granted == {number for owner, number in self.granted if owner is client}
        held = sum(1 for queue in self.queues.values() if queue)
        assert self.server.held() == held
        assert self.server.waiting() == sum(len(queue) for queue in self.queues.values()) - held
        assert self.server.clients() == len(self.alive)


LockServerMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestLockServer = LockServerMachine.TestCase
