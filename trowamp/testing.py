"""For tests of programs that speak WAMP: a router in memory, sessions of it, and a peer that says what the test tells it to say.

With pytest the plugin gives the fixtures `trowamp_router` and `trowamp_session`; `pytest --wamp-router=URL` runs the same tests against a live
router.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, Unpack

import trio

from ._failures import open_service_nursery
from ._join import JoinOptions, open_link
from ._open import SessionOptions, open_session
from ._pump import Pump
from ._run_session import Opened, run_session
from ._serve import Router, open_router
from ._session import Session
from ._stream import memory_pair
from .messages import Goodbye, Hello, Message, Welcome
from .wire import get_serializer, rawsocket_client, rawsocket_server

M = TypeVar("M", bound=Message)

ALL_FEATURES: dict[str, Any] = {
    "broker": {
        "features": {
            "pattern_based_subscription": True,
            "publisher_exclusion": True,
            "publisher_identification": True,
            "subscriber_blackwhite_listing": True,
            "subscription_revocation": True,
        }
    },
    "dealer": {
        "features": {
            "call_canceling": True,
            "call_timeout": True,
            "caller_identification": True,
            "pattern_based_registration": True,
            "progressive_call_results": True,
            "registration_revocation": True,
            "shared_registration": True,
        }
    },
}
"""What a `ScriptedRouter` announces unless told otherwise."""


class ScriptedRouter:
    """The router's end of one connection, played by a test: it sees every message and sends whatever it likes, legal or not.

    Made by `open_scripted_router`.
    """

    def __init__(self, pump: Pump, client: Pump, roles: dict[str, Any]) -> None:
        self._pump = pump
        self._client = client
        self._roles = roles
        self._send, self._receive = trio.open_memory_channel[Message](10_000)

    @asynccontextmanager
    async def open_session(
        self, realm: str = "realm1", **options: Unpack[JoinOptions]
    ) -> AsyncGenerator[Session, None]:
        """Open the client's session; HELLO and GOODBYE are answered by themselves. Arguments and errors are those of `trowamp.open_session`."""
        messages = await open_link(self._client, "the scripted router")
        opened = Opened(self._client, messages, trio.current_time() + 10, None)
        async with run_session(opened, realm, options) as session:
            yield session

    async def expect(self, kind: type[M]) -> M:
        """Wait for the client's next message.

        Raises:
            AssertionError: It is of another kind, or the client has gone.
        """
        try:
            message = await self._receive.receive()
        except trio.EndOfChannel:
            raise AssertionError(f"expected {kind.__name__}, but the client has gone") from None
        assert isinstance(message, kind), f"expected {kind.__name__}, got {message!r}"
        return message

    def has_received(self) -> list[Message]:
        """Return what the client sent and nobody has expected yet."""
        received = []
        while True:
            try:
                received.append(self._receive.receive_nowait())
            except trio.WouldBlock:
                return received
            except trio.EndOfChannel:
                return received

    def send(self, *messages: Message) -> None:
        """Send messages to the client, all in one piece."""
        for message in messages:
            self._pump.link.send(message)
        self._pump.flush()

    async def send_octets(self, octets: bytes) -> None:
        """Send octets to the client as they are, behind the transport's handshake."""
        await self._pump.transport.send_all(octets)

    def disconnect(self) -> None:
        """Cut the connection without a word."""
        self._pump.transport.abort()

    async def play(self) -> None:
        """Receive until the connection ends."""
        async with self._send:
            await open_link(self._pump, "the client")
            while not self._pump.link.is_closed:
                for message in await self._pump.receive():
                    self._take(message)

    def _take(self, message: Message) -> None:
        if isinstance(message, Hello):
            self.send(Welcome(4711, {"roles": self._roles, "realm": message.realm}))
        elif isinstance(message, Goodbye):
            self.send(Goodbye({}, "wamp.close.goodbye_and_out"))
        else:
            self._send.send_nowait(message)


@asynccontextmanager
async def open_scripted_router(roles: dict[str, Any] | None = None) -> AsyncGenerator[ScriptedRouter, None]:
    """Open a connection in memory whose router end is played by the test.

    Args:
        roles: What the router announces in WELCOME. Default: `ALL_FEATURES`.

    Yields:
        The scripted router; `async with router.open_session() as session:` opens the client's end.
    """
    near, far = memory_pair()
    serializer = get_serializer("msgpack")
    server = Pump(far, rawsocket_server([serializer]))
    client = Pump(near, rawsocket_client(serializer))
    router = ScriptedRouter(server, client, ALL_FEATURES if roles is None else roles)
    async with open_service_nursery() as nursery:
        nursery.start_soon(server.write, name="scripted router's writer")
        nursery.start_soon(router.play, name="scripted router")
        yield router


class LiveRouter:
    """A router that runs elsewhere, with the face of an embedded one as far as tests use it.

    Args:
        url: Where it listens.
        realm: The realm that `open_session` joins by default.
    """

    def __init__(self, url: str, realm: str) -> None:
        self.urls = [url]
        self.realm = realm

    def open_session(
        self, *, realm: str | None = None, **options: Unpack[SessionOptions]
    ) -> AbstractAsyncContextManager[Session]:
        """Open a session there. Arguments and errors are those of `trowamp.open_session`."""
        return open_session(self.urls[0], realm=realm or self.realm, **options)


@asynccontextmanager
async def open_test_router(url: str | None = None, realm: str = "realm1") -> AsyncGenerator[Router | LiveRouter, None]:
    """Open what the fixture `trowamp_router` is: a router in memory, or a live one if there is a URL."""
    if url is not None:
        yield LiveRouter(url, realm)
        return
    async with open_router(realms=[realm]) as router:
        yield router
