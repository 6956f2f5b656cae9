"""The driver of scenarios for the compatibility layer: one for asyncio and Twisted, on every loop and reactor that the kit runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trowamp_compat.wamp.cryptobox import Key, KeyRing
from trowamp_compat.wamp.exception import ApplicationError, SessionNotReady, TransportLost
from trowamp_compat.wamp.types import (
    CallOptions,
    CallResult,
    CloseDetails,
    ComponentConfig,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

from tests.compat.kit import Kit, join, transport, turn
from tests.driver import LOST, REALM, TIMEOUT, About, GivenUp, Gone, Place, Proof, Refused, Scenario, Several
from tests.payloads.keys import CALLEE, CALLER, SECRET
from tests.sessions import pending

_OPTION_OF_SECRET = {"ticket": "ticket", "wampcra": "secret", "cryptosign": "privkey", "scram": "password"}
_KEYS = {
    "caller": Key(originator_priv=CALLER.private, responder_pub=CALLEE.public),
    "callee": Key(originator_pub=CALLER.public, responder_priv=CALLEE.private),
}


class CompatSignal:
    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._waiting: list[Any] = []
        self.is_set = False

    def set(self) -> None:
        self.is_set = True
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            self._kit.face.resolve(future)

    async def wait(self) -> None:
        if not self.is_set:
            future = self._kit.face.create_future()
            self._waiting.append(future)
            await future


class CompatCall:
    def __init__(self, kit: Kit, future: Any) -> None:
        self._kit = kit
        self._future = future

    def cancel(self) -> None:
        self._kit.face.cancel(self._future)

    async def result(self) -> Any:
        with _neutral():
            try:
                return _received(await self._future)
            except self._kit.face.canceled as error:
                raise GivenUp from error


class CompatPeer:
    def __init__(self, kit: Kit, session: Any, ending: list[str], over: CompatSignal) -> None:
        self._kit = kit
        self._ending = ending
        self._over = over
        self.session = session
        self.id: int = session.session_id
        self.authid: str = session.authid
        self.authrole: str = session.authrole
        self.authmethod: str = session.authmethod
        self.serializer: str = session.session_details.serializer

    def begin(
        self, procedure: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> CompatCall:
        with _neutral():
            called = self.session.call(procedure, *args, options=CallOptions(**options) if options else None, **kwargs)
        return CompatCall(self._kit, called)

    async def call(self, procedure: str, /, *args: Any, **kwargs: Any) -> Any:
        return await self.begin(procedure, *args, **kwargs).result()

    async def stream(self, procedure: str, /, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        parts: list[Any] = []
        result = await self.call(procedure, *args, options={"on_progress": parts.append}, **kwargs)
        return parts, result

    async def publish(
        self, topic: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> int | None:
        with _neutral():
            published = self.session.publish(
                topic, *args, options=PublishOptions(**options) if options else None, **kwargs
            )
            return None if published is None else (await published).id

    async def register(
        self, procedure: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        with _neutral():
            registration = await self.session.register(
                _handler(function, tells=tells), procedure, _with_details(RegisterOptions, options, tells=tells)
            )
        return registration.unregister  # type: ignore[no-any-return]

    async def subscribe(
        self, topic: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        with _neutral():
            subscription = await self.session.subscribe(
                _handler(function, tells=tells), topic, _with_details(SubscribeOptions, options, tells=tells)
            )
        return subscription.unsubscribe  # type: ignore[no-any-return]

    async def leave(self) -> None:
        await self.session.leave()
        await self._over.wait()

    async def ended(self) -> str:
        await self._over.wait()
        return self._ending[0]

    async def close(self) -> None:
        """Leave in good order; nothing waits any more."""
        if not self._over.is_set:
            await self.publish("com.example.barrier", options={"acknowledge": True})
            assert pending(self.session._core) == {}
            await self.leave()
            assert self._ending[1:] == ["clean"]


class CompatDriver:
    """asyncio or Twisted, running."""

    def __init__(self, place: Place, kit: Kit) -> None:
        self.place = place
        self._kit = kit
        self._peers: list[CompatPeer] = []

    def signal(self) -> CompatSignal:
        return CompatSignal(self._kit)

    async def join(
        self, realm: str = REALM, *, proof: Proof | None = None, key: str | None = None, is_fragile: bool = False
    ) -> CompatPeer:
        url = self.place.auth_url if proof else self.place.fragile_url if is_fragile else self.place.url
        kind = "websocket" if url.startswith("ws") else "rawsocket"
        over = self.signal()
        ending: list[str] = []

        def make(config: ComponentConfig) -> Any:
            session = self._kit.wamp.Session(config)
            if proof is not None:
                secret = {_OPTION_OF_SECRET[proof.method]: proof.secret}
                session.add_authenticator(proof.method, authid=proof.authid, **secret)
            if key is not None:
                ring = KeyRing()
                ring.set_key(SECRET, _KEYS[key])
                session.set_payload_codec(ring)
            return session

        config = transport(url, kind, self.place.serializer)
        if kind == "websocket":
            config["options"] = {"openHandshakeTimeout": TIMEOUT, "closeHandshakeTimeout": TIMEOUT}
        session = await join(self._kit, config, make, realm)

        def left(session: Any, details: CloseDetails) -> None:
            is_lost = details.reason == CloseDetails.REASON_TRANSPORT_LOST
            ending.append(LOST if is_lost else str(details.reason))

        def disconnected(session: Any, was_clean: bool) -> None:
            ending.append("clean" if was_clean else "broken")
            over.set()

        session.on("leave", left)
        session.on("disconnect", disconnected)
        peer = CompatPeer(self._kit, session, ending, over)
        self._peers.append(peer)
        return peer

    async def close(self) -> None:
        """Let everybody leave."""
        for peer in self._peers:
            await peer.close()

    def abandon(self) -> None:
        """Spare the scenarios to come the sessions of one that failed."""
        for peer in self._peers:
            if peer.session.transport is not None:
                peer.session.transport.abort()


async def tell(kit: Kit, scenario: Scenario, place: Place) -> None:
    """Run a scenario with a kit; what the kit's runners run."""
    driver = CompatDriver(place, kit)
    try:
        await scenario(driver)
        await driver.close()
    except BaseException:
        driver.abandon()
        await turn(kit)
        raise


@contextmanager
def _neutral() -> Iterator[None]:
    """Turn the layer's errors into those that scenarios know."""
    try:
        yield
    except ApplicationError as error:
        raise Refused(error.error, *error.args, **error.kwargs) from error
    except (TransportLost, SessionNotReady) as error:
        raise Gone from error


def _received(result: Any) -> Any:
    return Several(tuple(result.results), result.kwresults) if isinstance(result, CallResult) else result


def _returned(result: Any) -> Any:
    return CallResult(*result.args, **result.kwargs) if isinstance(result, Several) else result


def _with_details(kind: Callable[..., Any], options: dict[str, Any], *, tells: bool) -> Any:
    more = {"details_arg": "about"} if tells else {}
    return kind(**options, **more) if options or tells else None


@contextmanager
def _theirs() -> Iterator[None]:
    """Turn an error that a scenario raises into one of the layer."""
    try:
        yield
    except Refused as error:
        raise ApplicationError(error.uri, *error.args, **error.kwargs) from error


def _handler(function: Callable[..., Any], *, tells: bool) -> Callable[..., Any]:
    """Let a function return, raise and be told what the layer's are; it stays sync or async."""
    prepared = _told(function) if tells else function
    if inspect.iscoroutinefunction(function):

        async def serve(*args: Any, **kwargs: Any) -> Any:
            with _theirs():
                return _returned(await prepared(*args, **kwargs))

        return serve

    def serve_inline(*args: Any, **kwargs: Any) -> Any:
        with _theirs():
            return _returned(prepared(*args, **kwargs))

    return serve_inline


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, about: Any, **kwargs: Any) -> Any:
        uri = getattr(about, "procedure", None) or about.topic

        async def progress(*args: Any, **kwargs: Any) -> None:
            about.progress(*args, **kwargs)

        told = About(uri, bool(getattr(about, "retained", False)), about.enc_algo is not None, progress)
        return function(*args, about=told, **kwargs)

    return called
