"""The harness once more, with real sockets in it: a whole router in a thread with a clock of its own, and clients that block.

What a client says has had its effects when `send` returns: a request follows each message, and its answer is waited for.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, TypeVar

import trio
from trio.testing import MockClock

from tests.serve_tools import rawsocket, websocket
from trowamp import Router, open_router
from trowamp._url import parse_url
from trowamp.messages import Abort, Goodbye, Hello, Message, Publish, Published, Welcome
from trowamp.router import RouterStatistics
from trowamp.wire import Link

from .harness import REALM, Speaker, held_by, roles_with

T = TypeVar("T")

PATIENCE: Final = 30.0  # seconds of the real world, for anything at all
_AT_ONCE: Final = 2**16  # octets
_ANSWERS: Final[dict[type[Message], type[Message]]] = {Hello: Welcome, Goodbye: Goodbye}  # where no request may follow


class SocketClient(Speaker):
    """One connection to a router under test, over WebSocket or RawSocket.

    Args:
        world: Where the router is.
        link: A new one, for the client's side.
    """

    def __init__(self, world: SocketWorld, link: Link) -> None:
        super().__init__()
        self._world = world
        self._link = link
        self._heard: list[Message] = []
        self._is_over = False
        self._socket = socket.create_connection(world.address, timeout=PATIENCE)

    def open(self) -> None:
        """Do the transport's handshake."""
        while not self._link.is_open:
            assert not self._link.is_closed, self._link.close_reason
            self._exchange()

    def send(self, message: Message) -> None:
        """Say something, and wait until the router has acted upon it."""
        self._link.send(message)
        answer = _ANSWERS.get(type(message))
        if answer is None:
            self._ask()
        else:
            self._hear(lambda heard: isinstance(heard, answer))

    def received(self) -> list[Message]:
        """Return what the router has sent since the last time."""
        self._ask()
        heard, self._heard = self._heard, []
        return heard

    def drop(self) -> None:
        """Close the socket, and wait until the router has noticed."""
        self._is_over = True
        self._socket.close()
        self._world.forget(self)

    def _ask(self) -> None:
        """Hear the answer to a request made now, and everything before it; or the end."""
        request_id = self.next_id()
        self._link.send(Publish(request_id, {"acknowledge": True, "eligible": []}, "com.example.nobody"))
        answer = self._hear(lambda heard: isinstance(heard, Published) and heard.request_id == request_id)
        if answer is not None:
            self._heard.remove(answer)

    def _hear(self, is_wanted: Callable[[Message], bool]) -> Message | None:
        while not self._is_over:
            messages = self._exchange()
            self._heard += messages
            self._is_over = self._link.is_closed or any(isinstance(each, Goodbye | Abort) for each in messages)
            for message in messages:
                if is_wanted(message):
                    return message
        return None

    def _exchange(self) -> list[Message]:
        self._socket.sendall(self._link.take_data_to_send())
        data = self._socket.recv(_AT_ONCE)
        if data:
            self._link.receive_data(data)
        else:
            self._link.receive_eof()
        return self._link.received()


class SocketWorld:
    """A router that listens, and the time, which is the router's alone. It has to be closed.

    Attributes:
        address: Host and port of the router.
    """

    def __init__(self) -> None:
        self._clock = MockClock()
        self._clients: set[SocketClient] = set()
        self._links = itertools.cycle((rawsocket, websocket))
        self._end = trio.CancelScope()
        self._started: SimpleQueue[tuple[Router, trio.lowlevel.TrioToken]] = SimpleQueue()
        self._thread = threading.Thread(target=trio.run, args=(self._run,), kwargs={"clock": self._clock}, daemon=True)
        self._thread.start()
        router, self._token = self._started.get(timeout=PATIENCE)
        self._core = router._shell.core
        place = parse_url(router.urls[0])
        self.address = (place.host, place.port)

    @property
    def now(self) -> float:
        """The time of the router."""
        return self._clock.current_time()

    def join(self, *, serializer: str, features: tuple[str, ...]) -> SocketClient:
        """Return an established session that announced `features` for all roles; every second one has a WebSocket."""
        client = SocketClient(self, next(self._links)(serializer))
        self._clients.add(client)
        client.open()
        return client.join(REALM, roles=roles_with(features))

    def pass_time(self, seconds: float) -> None:
        """Let the router's time pass, and what is due then happen."""
        self._there(lambda: self._clock.jump(seconds))  # there, as this is what wakes it
        self._wait_until(lambda: (self._core.next_deadline() or float("inf")) > self.now)

    def figures(self) -> RouterStatistics:
        """Return what the router counts."""
        return self._there(self._core.statistics)

    def held(self) -> dict[str, int]:
        """Return everything that the router still holds."""
        return self._there(lambda: held_by(self._core))

    def forget(self, client: SocketClient) -> None:
        """Wait until the router knows that a client is gone."""
        self._clients.discard(client)
        self._wait_until(lambda: self._core.statistics().connections == len(self._clients))

    def close(self) -> None:
        """End the router and the thread, whoever is there."""
        for client in list(self._clients):
            client.drop()
        self._there(self._end.cancel)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the router does not end"

    async def _run(self) -> None:
        with self._end:
            async with open_router([REALM], ["ws://127.0.0.1:0/"]) as router:
                self._started.put((router, trio.lowlevel.current_trio_token()))
                await trio.sleep_forever()

    def _there(self, do: Callable[[], T]) -> T:
        """Do something in the router's thread."""
        return trio.from_thread.run_sync(do, trio_token=self._token)

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        async def wait() -> None:
            patient_until = time.monotonic() + PATIENCE  # the router's clock stands still
            while not is_so():
                assert time.monotonic() < patient_until, self._core.statistics()
                await trio.lowlevel.checkpoint()

        trio.from_thread.run(wait, trio_token=self._token)
