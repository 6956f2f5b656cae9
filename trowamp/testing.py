"""For tests of programs that speak WAMP: a router in memory, components that run against it, and a peer that says what the test tells it to say.

With pytest the plugin gives the fixtures `trowamp_router` and `trowamp_session`; `pytest --wamp-router=URL` runs the same tests against a live
router.

```python
async def test_the_service_adds(trowamp_router, trowamp_session):
    async with open_component(app, trowamp_router):
        assert await trowamp_session.call("com.example.add2", 2, 3) == 5
```
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeVar, Unpack

import trio

from . import uris
from ._byte_pump import BytePump
from ._component import Component
from ._exceptions import ConnectError
from ._failures import open_service_nursery
from ._join import JoinOptions, open_link
from ._keywords import known_to, require_known
from ._open import SessionOptions, open_session
from ._run_session import Opened, run_session
from ._serve import Router, open_router
from ._session import Session
from ._stream import memory_pair
from ._transport import InProcess, Transport
from .messages import Goodbye, Hello, Message, Welcome
from .router._features import ROUTER_ROLES
from .wire import get_serializer, rawsocket_client, rawsocket_server

M = TypeVar("M", bound=Message)

_JOIN_TIMEOUT = 10.0

ALL_FEATURES: Final[dict[str, Any]] = ROUTER_ROLES
"""What a `ScriptedRouter` announces unless told otherwise."""


class ScriptedRouter:
    """The router's end of one connection, played by a test: it sees every message and sends whatever it likes, legal or not.

    Made by `open_scripted_router`. HELLO and GOODBYE are answered by themselves; everything else waits until the test expects it.

    Attributes:
        transport: For a component: the way to this router. Like `open_session`, it can be used once.
        hello: What the client said of itself, once it has.
        goodbyes: Every GOODBYE of the client.
        answers_goodbye: Whether the router answers them. True unless the test says otherwise.
    """

    def __init__(self, pump: BytePump, client: BytePump, roles: dict[str, Any]) -> None:
        self._pump = pump
        self._client = client
        self._roles = roles
        self.transport: Transport = InProcess("scripted", self._connect)
        self.hello: Hello | None = None
        self.goodbyes: list[Goodbye] = []
        self.answers_goodbye = True
        self._is_taken = False
        self._send, self._receive = trio.open_memory_channel[Message](10_000)

    def open_session(
        self, realm: str = "realm1", **options: Unpack[JoinOptions]
    ) -> AbstractAsyncContextManager[Session]:
        """Open the client's session. Arguments and errors are those of `trowamp.open_session`."""
        require_known(options, known_to(JoinOptions))
        return self._open_session(realm, options)

    async def expect(self, kind: type[M]) -> M:
        """Wait for the client's next message.

        Raises:
            AssertionError: It is of another kind, or the client has gone.
        """
        return await self.expect_any(kind)

    async def expect_any(self, *kinds: type[M]) -> M:
        """Wait for the client's next message, which may be of several kinds.

        Raises:
            AssertionError: It is of another kind, or the client has gone.
        """
        names = " or ".join(kind.__name__ for kind in kinds)
        try:
            message = await self._receive.receive()
        except trio.EndOfChannel:
            raise AssertionError(f"expected {names}, but the client has gone") from None
        assert isinstance(message, kinds), f"expected {names}, got {message!r}"
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

    @asynccontextmanager
    async def _open_session(self, realm: str, options: JoinOptions) -> AsyncGenerator[Session, None]:
        async with run_session(await self._connect(), realm, options) as session:
            yield session

    async def _connect(self) -> Opened:
        if self._is_taken:
            raise ConnectError("a scripted router has one connection, and it was used")
        self._is_taken = True
        messages = await open_link(self._client, "the scripted router")
        return Opened(self._client, messages, trio.current_time() + _JOIN_TIMEOUT, None)

    def _take(self, message: Message) -> None:
        if isinstance(message, Hello):
            self.hello = message
            self.send(Welcome(4711, {"roles": self._roles, "realm": message.realm}))
        elif isinstance(message, Goodbye):
            self.goodbyes.append(message)
            if self.answers_goodbye:
                self.send(Goodbye({}, uris.CLOSE_GOODBYE_AND_OUT))
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
    server = BytePump(far, rawsocket_server([serializer]))
    client = BytePump(near, rawsocket_client(serializer))
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

    Attributes:
        urls: Where it listens.
        transport: For a component: the way to this router.
    """

    def __init__(self, url: str, realm: str) -> None:
        self.urls = [url]
        self.transport = Transport(url)
        self.realm = realm

    def open_session(
        self, *, realm: str | None = None, **options: Unpack[SessionOptions]
    ) -> AbstractAsyncContextManager[Session]:
        """Open a session there. Arguments and errors are those of `trowamp.open_session`."""
        return open_session(self.urls[0], realm=realm or self.realm, **options)


@asynccontextmanager
async def open_component(
    component: Component, router: Router | LiveRouter | ScriptedRouter
) -> AsyncGenerator[Session, None]:
    """Run a component against the router of a test, wherever its own transports lead.

    `async with open_component(app, router) as session: ...`

    Args:
        component: The component.
        router: The router; one in memory, a scripted one or a live one.

    Yields:
        The component's session, once it is ready. At the end of the block the component leaves.

    Raises:
        Exception: What ended the component: as `Component.run` does.
    """
    async with open_service_nursery() as nursery:
        yield await nursery.start(functools.partial(component.run, transports=[router.transport]))


@asynccontextmanager
async def open_test_router(url: str | None = None, realm: str = "realm1") -> AsyncGenerator[Router | LiveRouter, None]:
    """Open what the fixture `trowamp_router` is: a router in memory, or a live one if there is a URL.

    Args:
        url: The live router's URL, or None.
        realm: The realm of the test.

    Yields:
        The router.
    """
    if url is not None:
        yield LiveRouter(url, realm)
        return
    async with open_router(realms=[realm]) as router:
        yield router
