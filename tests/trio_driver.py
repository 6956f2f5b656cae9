"""The driver of scenarios for Trio: our own client."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import trio

import trowamp
from tests.driver import LOST, REALM, TIMEOUT, About, GivenUp, Gone, NotJoined, Place, Proof, Refused, Scenario, Several
from tests.payloads.keys import callees_ring, callers_ring
from tests.sessions import pending
from trowamp import ApplicationError, Event, Invocation, JoinError, Result, Session, SessionClosed, SessionLost
from trowamp._failures import open_service_nursery
from trowamp.auth import CrossbarScram, Cryptosign, Ticket, WampCra

_METHODS: dict[str, Callable[[str, str], Any]] = {
    "ticket": Ticket,
    "wampcra": WampCra,
    "cryptosign": lambda authid, key: Cryptosign(authid, private_key=key),
    "scram": CrossbarScram,
}
_RINGS: dict[str, Callable[[], Any]] = {
    "caller": lambda: callers_ring(dialect="autobahn"),
    "callee": callees_ring,
}


class TrioSignal:
    def __init__(self) -> None:
        self._event = trio.Event()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


class TrioCall:
    """A call in a task of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._scope = trio.CancelScope()
        self._done = trio.Event()
        self._outcome: list[Any] = []
        self._error: Exception | None = None

    async def run(self) -> None:
        try:
            with self._scope:
                self._outcome.append(await self._function())
        except (Refused, Gone) as error:
            self._error = error
        self._done.set()

    def cancel(self) -> None:
        self._scope.cancel()

    async def result(self) -> Any:
        await self._done.wait()
        if self._error is not None:
            raise self._error
        if self._scope.cancelled_caught:
            raise GivenUp
        return self._outcome[0]


class TrioPeer:
    """A session, whose block is held open by a task of its own."""

    session: Session

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._leave = trio.Event()
        self._ended = trio.Event()
        self._reason = ""

    async def run(self, session: AbstractAsyncContextManager[Session], task_status: trio.TaskStatus[None]) -> None:
        try:
            async with session as self.session:
                task_status.started()
                await self._leave.wait()
        except SessionClosed as closed:
            self._reason = closed.reason
        except SessionLost:
            self._reason = LOST
        self._ended.set()

    @property
    def id(self) -> int:
        return self.session.id

    @property
    def authid(self) -> str:
        return str(self.session.details.authid)

    @property
    def authrole(self) -> str:
        return str(self.session.details.authrole)

    @property
    def authmethod(self) -> str:
        return str(self.session.details.authmethod)

    @property
    def serializer(self) -> str:
        return self.session._shell.pump.link.serializer.name

    @property
    def is_over(self) -> bool:
        return self._ended.is_set()

    def begin(self, procedure: str, /, *args: Any, **kwargs: Any) -> TrioCall:
        call = TrioCall(lambda: self.call(procedure, *args, **kwargs))
        self._nursery.start_soon(call.run)
        return call

    async def call(self, procedure: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        with _neutral():
            view = self.session.with_options(**options) if options else self.session
            return _received(await view.call(procedure, *args, **kwargs))

    async def stream(self, procedure: str, /, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        with _neutral():
            async with self.session.open_call(procedure, *args, **kwargs) as stream:
                return [part async for part in stream], _received(await stream.result())

    async def publish(
        self, topic: str, /, *args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> int | None:
        with _neutral():
            view = self.session.with_options(**options) if options else self.session
            return await view.publish(topic, *args, **kwargs)

    async def register(
        self, procedure: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        with _neutral():
            registration = await self.session.register(procedure, _procedure(function, tells=tells), **options)
        return registration.unregister

    async def subscribe(
        self, topic: str, function: Callable[..., Any], *, tells: bool = False, **options: Any
    ) -> Callable[[], Any]:
        with _neutral():
            subscription = await self.session.subscribe(
                topic, _told_of_events(function) if tells else function, **options
            )
        return subscription.unsubscribe

    async def leave(self) -> None:
        self._leave.set()
        await self._ended.wait()

    async def ended(self) -> str:
        await self._ended.wait()
        return self._reason

    async def close(self) -> None:
        """Leave; nothing waits any more."""
        if not self.is_over:
            await self.publish("com.example.barrier", options={"acknowledge": True})
            assert pending(self.session) == {}
            await self.leave()
            assert self._reason == ""


class TrioDriver:
    """Trio, running."""

    def __init__(self, place: Place, nursery: trio.Nursery) -> None:
        self.place = place
        self._nursery = nursery
        self._peers: list[TrioPeer] = []

    def signal(self) -> TrioSignal:
        return TrioSignal()

    async def join(
        self, realm: str = REALM, *, proof: Proof | None = None, key: str | None = None, is_fragile: bool = False
    ) -> TrioPeer:
        peer = TrioPeer(self._nursery)
        session = self.open(realm, proof, key, is_fragile=is_fragile)
        try:
            await self._nursery.start(peer.run, session)
        except JoinError as error:
            raise NotJoined(error.reason) from error
        self._peers.append(peer)
        return peer

    def open(
        self, realm: str, proof: Proof | None, key: str | None, *, is_fragile: bool
    ) -> AbstractAsyncContextManager[Session]:
        """Open a session."""
        return trowamp.open_session(
            self.place.auth_url if proof else self.place.fragile_url if is_fragile else self.place.url,
            realm=realm,
            serializers=[self.place.serializer],
            auth=_METHODS[proof.method](proof.authid, proof.secret) if proof else None,
            payload_codec=_RINGS[key]() if key else None,
        )

    async def close(self) -> None:
        """Let everybody leave."""
        for peer in self._peers:
            await peer.close()


def run_on_trio(scenario: Scenario, place: Place) -> None:
    """Run a scenario in a run of its own."""

    async def run() -> None:
        with trio.fail_after(TIMEOUT):
            async with open_service_nursery() as nursery:
                driver = TrioDriver(place, nursery)
                await scenario(driver)
                await driver.close()

    trio.run(run)


@contextmanager
def _neutral() -> Iterator[None]:
    """Turn our errors into those that scenarios know."""
    try:
        yield
    except ApplicationError as error:
        raise Refused(error.uri, *error.args, **error.kwargs) from error
    except (SessionClosed, SessionLost) as error:
        raise Gone from error


def _received(result: Any) -> Any:
    return Several(result.args, result.kwargs) if isinstance(result, Result) else result


def _returned(result: Any) -> Any:
    return Result(*result.args, **result.kwargs) if isinstance(result, Several) else result


@contextmanager
def _ours() -> Iterator[None]:
    """Turn an error that a scenario raises into one of ours."""
    try:
        yield
    except Refused as error:
        raise ApplicationError(error.uri, *error.args, **error.kwargs) from error


def _procedure(function: Callable[..., Any], *, tells: bool) -> Callable[..., Any]:
    """Let a function return, raise and be told what ours are; it stays sync or async."""
    if tells:
        return _told_of_calls(function)
    if inspect.iscoroutinefunction(function):

        async def serve(*args: Any, **kwargs: Any) -> Any:
            with _ours():
                return _returned(await function(*args, **kwargs))

        return serve

    def serve_inline(*args: Any, **kwargs: Any) -> Any:
        with _ours():
            return _returned(function(*args, **kwargs))

    return serve_inline


def _told_of_calls(function: Callable[..., Any]) -> Callable[..., Any]:
    async def serve(*args: Any, call: Invocation, **kwargs: Any) -> Any:
        about = About(call.procedure, False, call.is_encrypted, call.progress)
        with _ours():
            result = function(*args, about=about, **kwargs)
            return _returned(await result if inspect.isawaitable(result) else result)

    return serve


def _told_of_events(function: Callable[..., Any]) -> Callable[..., Any]:
    def handle(*args: Any, event: Event, **kwargs: Any) -> None:
        retained = bool(event.details.get("retained"))
        function(*args, about=About(event.topic, retained, event.is_encrypted, _no_progress), **kwargs)

    return handle


def _no_progress(*_: Any) -> None:
    raise AssertionError("events have no results")
