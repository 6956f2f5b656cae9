"""What is tested: a server or client that sends back every message. It runs in a process of its own, as a reactor or loop wants it for itself.

python testee.py asyncio server                  # prints its port, serves until its standard input ends
python testee.py twisted client PORT AT_ONCE     # runs all cases of the suite's server at that port, so many at the same time
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from trowamp_compat.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponseAccept,
)

OPTIONS: dict[str, Any] = {"failByDrop": False, "openHandshakeTimeout": 30}
AGENT = "trowamp"


def accept_offer(offers: list[Any]) -> Any:
    return PerMessageDeflateOfferAccept(offers[0]) if offers else None


class Echo:
    """Mixed into a protocol."""

    sendMessage: Callable[..., None]

    def onMessage(self, payload: bytes, is_binary: bool) -> None:
        self.sendMessage(payload, is_binary)


class Cases:
    """What a client still has to run; each connection that ends is followed by the next one."""

    def __init__(self, port: int, at_once: int, connect: Callable[[str], None], done: Callable[[], None]) -> None:
        self._at_once = at_once
        self._url = f"ws://127.0.0.1:{port}"
        self._connect = connect
        self._done = done
        self._waiting: list[str] | None = None
        self._running = 1
        connect(f"{self._url}/getCaseCount")

    def counted(self, payload: bytes) -> None:
        paths = [f"/runCase?case={case}&agent={AGENT}" for case in range(1, int(payload) + 1)]
        self._waiting = paths[::-1]

    def ended(self) -> None:
        self._running -= 1
        while self._waiting and self._running < self._at_once:
            self._start(self._waiting.pop())
        if not self._running:
            if self._waiting is None:
                self._done()
            else:
                self._waiting = None
                self._start(f"/updateReports?agent={AGENT}")

    def _start(self, path: str) -> None:
        self._running += 1
        self._connect(self._url + path)


def client_factory(factory_class: Any, protocol_class: Any, url: str, cases: list[Cases]) -> Any:
    class Client(Echo, protocol_class):  # type: ignore[misc]  # its class is an argument
        def onMessage(self, payload: bytes, is_binary: bool) -> None:
            if self.factory.resource == "/getCaseCount":
                cases[0].counted(payload)
            else:
                super().onMessage(payload, is_binary)

        def onClose(self, *_: Any) -> None:
            cases[0].ended()

    factory = factory_class(url)
    factory.protocol = Client
    factory.setProtocolOptions(
        perMessageCompressionOffers=[PerMessageDeflateOffer()],
        perMessageCompressionAccept=PerMessageDeflateResponseAccept,
        **OPTIONS,
    )
    return factory


def server_factory(factory_class: Any, protocol_class: Any) -> Any:
    factory = factory_class(server=AGENT)
    factory.protocol = type("Server", (Echo, protocol_class), {})
    factory.setProtocolOptions(perMessageCompressionAccept=accept_offer, **OPTIONS)
    return factory


def run_asyncio(role: str, port: int = 0, at_once: int = 0) -> None:
    import asyncio

    from trowamp_compat.asyncio import websocket

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        factory = server_factory(websocket.WebSocketServerFactory, websocket.WebSocketServerProtocol)
        server = await loop.create_server(factory, "127.0.0.1", 0)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await loop.run_in_executor(None, sys.stdin.read)

    async def connect_all() -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        tasks = set()
        cases: list[Cases] = []

        def connect(url: str) -> None:
            factory = client_factory(websocket.WebSocketClientFactory, websocket.WebSocketClientProtocol, url, cases)
            tasks.add(loop.create_task(loop.create_connection(factory, "127.0.0.1", port)))

        cases.append(Cases(port, at_once, connect, lambda: done.set_result(None)))
        await done

    asyncio.run(serve() if role == "server" else connect_all())


def run_twisted(role: str, port: int = 0, at_once: int = 0) -> None:
    from trowamp_compat.twisted import websocket
    from twisted.internet import reactor as installed
    from twisted.internet.stdio import StandardIO

    reactor: Any = installed
    if role == "server":
        from twisted.internet.protocol import Protocol

        class UntilEnd(Protocol):
            def connectionLost(self, *_: Any) -> None:
                if reactor.running:
                    reactor.stop()

        factory = server_factory(websocket.WebSocketServerFactory, websocket.WebSocketServerProtocol)
        listener = reactor.listenTCP(0, factory, interface="127.0.0.1")
        sys.stdout.write(f"{listener.getHost().port}\n")
        sys.stdout.flush()
        StandardIO(UntilEnd())  # type: ignore[no-untyped-call]
    else:
        cases: list[Cases] = []

        def connect(url: str) -> None:
            websocket.connectWS(
                client_factory(websocket.WebSocketClientFactory, websocket.WebSocketClientProtocol, url, cases)
            )

        cases.append(Cases(port, at_once, connect, reactor.stop))
    reactor.run()


if __name__ == "__main__":
    run = {"asyncio": run_asyncio, "twisted": run_twisted}[sys.argv[1]]
    run(sys.argv[2], *map(int, sys.argv[3:]))
