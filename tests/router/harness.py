"""A router with clients around it, all in memory: messages pass through real links and serializers, both ways.

A client is told what to send and remembers nothing; what the router sends it is decoded when asked for. Time is a number that tests move.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from trowamp._exceptions import RemoteProtocolError
from trowamp.messages import (
    Call,
    Cancel,
    Error,
    Event,
    Goodbye,
    Hello,
    Invocation,
    Message,
    Publish,
    Register,
    Registered,
    Subscribe,
    Subscribed,
    Welcome,
    Yield,
    parse,
)
from trowamp.router import Peer, Router, RouterOptions, RouterStatistics
from trowamp.wire import Serializer, WholeMessages, get_serializer, whole_messages
from trowamp.wire._pieces import Octets

M = TypeVar("M", bound=Message)

REALM = "realm1"
ALL_FEATURES = (
    "progressive_call_results",
    "call_canceling",
    "call_timeout",
    "registration_revocation",
    "subscription_revocation",
)
NO_FEATURES: tuple[str, ...] = ()
PROCEDURE = "com.example.procedure"
PROGRESS = {"receive_progress": True}


def roles_with(features: tuple[str, ...], *roles: str) -> dict[str, Any]:
    names = roles or ("publisher", "subscriber", "caller", "callee")
    return {name: {"features": dict.fromkeys(features, True)} for name in names}


class CountingSerializer:
    """A serializer that counts what it encodes."""

    def __init__(self, name: str) -> None:
        self._inner = get_serializer(name)
        self.name = self._inner.name
        self.subprotocol = self._inner.subprotocol
        self.rawsocket_id = self._inner.rawsocket_id
        self.is_binary = self._inner.is_binary
        self.encoded: list[Message] = []

    def encode(self, message: Message) -> bytes:
        self.encoded.append(message)
        return self._inner.encode(message)

    def encode_in_pieces(self, message: Message) -> Octets:
        self.encoded.append(message)
        return self._inner.encode_in_pieces(message)

    def decode(self, body: bytes) -> Message:
        return self._inner.decode(body)

    def decode_to_pass_on(self, body: bytes) -> Message:
        return self._inner.decode_to_pass_on(body)

    def decode_all(self, body: bytes) -> list[Message]:
        return list(self._inner.decode_all(body))


class Speaker(ABC):
    """A client that says what it is told to, over whatever there is: `send` and `received` are its connection's."""

    def __init__(self) -> None:
        self.session_id = 0
        self.welcome: Welcome | None = None
        self._last_id = 0

    @abstractmethod
    def send(self, message: Message) -> None:
        """Say something legal or not, as a message."""

    @abstractmethod
    def received(self) -> list[Message]:
        """Return what the router has sent since the last time."""

    @abstractmethod
    def drop(self) -> None:
        """The connection is gone."""

    # ---- what it says

    def hello(self, realm: str = REALM, **details: Any) -> None:
        self.send(Hello(realm, {"roles": roles_with(ALL_FEATURES), **details}))

    def join(self, realm: str = REALM, **details: Any) -> Self:
        self.hello(realm, **details)
        self.welcome = self.expect(Welcome)
        self.session_id = self.welcome.session_id
        return self

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def register(self, procedure: str, **options: Any) -> int:
        self.send(Register(self.next_id(), options, procedure))
        return self.expect(Registered).registration_id

    def subscribe(self, topic: str, **options: Any) -> int:
        self.send(Subscribe(self.next_id(), options, topic))
        return self.expect(Subscribed).subscription_id

    def call(self, procedure: str, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> int:
        request_id = self.next_id()
        self.send(Call(request_id, options or {}, procedure, list(args), kwargs))
        return request_id

    def cancel(self, request_id: int, mode: str | None = None) -> None:
        self.send(Cancel(request_id, {"mode": mode} if mode else {}))

    def publish(self, topic: str, *args: Any, options: dict[str, Any] | None = None, **kwargs: Any) -> int:
        request_id = self.next_id()
        self.send(Publish(request_id, options or {}, topic, list(args), kwargs))
        return request_id

    def answer(self, invocation: Invocation, *args: Any, **kwargs: Any) -> None:
        self.send(Yield(invocation.request_id, {}, list(args), kwargs))

    def progress(self, invocation: Invocation, *args: Any) -> None:
        self.send(Yield(invocation.request_id, {"progress": True}, list(args)))

    def fail(self, invocation: Invocation, uri: str, *args: Any, **kwargs: Any) -> None:
        self.send(Error(68, invocation.request_id, {}, uri, list(args), kwargs))

    def goodbye(self) -> None:
        self.send(Goodbye({}, "wamp.close.close_realm"))

    # ---- what it hears

    def expect(self, kind: type[M]) -> M:
        """Return the one message that the router has sent."""
        messages = self.received()
        assert len(messages) == 1, messages
        (message,) = messages
        assert isinstance(message, kind), message
        return message

    def expect_error(self, uri: str) -> Error:
        """Return the one message that the router has sent, an ERROR."""
        error = self.expect(Error)
        assert error.error == uri
        return error

    def events(self) -> list[Event]:
        messages = self.received()
        assert all(isinstance(message, Event) for message in messages), messages
        return [message for message in messages if isinstance(message, Event)]


class Client(Speaker):
    """One connection to a router under test, in memory."""

    def __init__(self, world: World, serializer: Serializer, max_send_size: int | None = None) -> None:
        super().__init__()
        self.world = world
        self.link: WholeMessages = whole_messages(serializer, max_send_size=max_send_size)
        self.peer: Peer = world.router.attach(self.link, transport={"type": "test"}, now=world.now)

    def send(self, message: Message) -> None:
        """Say something legal or not, as a message."""
        self.link.receive_data(self._body(message))
        self._carry()

    def say(self, *raw: Any) -> None:
        """Say something that may be no message at all, as a list."""
        try:
            message = parse(list(raw))
        except RemoteProtocolError as error:
            self.world.router.violation(self.peer, error, self.world.now)
        else:
            self.world.router.receive(self.peer, message, self.world.now)

    def drop(self, reason: str = "connection lost") -> None:
        """The connection is gone."""
        self.world.router.detach(self.peer, reason, self.world.now)

    def received(self) -> list[Message]:
        """Return what the router has sent since the last time."""
        return [self.link.serializer.decode(body) for body in self.link.bodies_to_send()]

    def _body(self, message: Message) -> bytes | str:
        body = self.link.serializer.encode(message)
        return body if self.link.serializer.is_binary else body.decode()

    def _carry(self) -> None:
        for message in self.link.received():
            self.world.router.receive(self.peer, message, self.world.now)
        if self.link.error is not None:
            self.world.router.violation(self.peer, self.link.error, self.world.now)


class World:
    """A router, and the time."""

    def __init__(self, *realms: str, seed: int = 1, **options: Any) -> None:
        source = random.Random(seed)
        self.now = 1000.0
        self.random_id = lambda: source.randint(1, 2**53)
        self.router = Router(
            realms or (REALM,), random_id=self.random_id, utc_now=self.utc_now, options=RouterOptions(**options)
        )

    def utc_now(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def connect(self, serializer: str | Serializer = "msgpack", max_send_size: int | None = None) -> Client:
        """Return a connection that has said nothing yet."""
        chosen = get_serializer(serializer) if isinstance(serializer, str) else serializer
        return Client(self, chosen, max_send_size)

    def join(
        self,
        realm: str = REALM,
        *,
        features: tuple[str, ...] = ALL_FEATURES,
        serializer: str | Serializer = "msgpack",
        max_send_size: int | None = None,
    ) -> Client:
        """Return an established session that announced `features` for all roles."""
        return self.connect(serializer, max_send_size).join(realm, roles=roles_with(features))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.router.tick(self.now)

    def figures(self) -> RouterStatistics:
        """Return what the router counts."""
        return self.router.statistics()

    def held(self) -> dict[str, int]:
        """Return everything that the router still holds."""
        return held_by(self.router)

    def statistics(self) -> dict[str, int]:
        """Return everything that is not zero."""
        figures = self.router.statistics()
        values = {name: getattr(figures, name) for name in figures.__struct_fields__}
        return {name: value for name, value in values.items() if value}


def held_by(router: Router) -> dict[str, int]:
    """Return what ought to be gone when everybody is, and is not."""
    figures = router.statistics()
    gauges = ("connections", "sessions", "registrations", "subscriptions", "calls_in_flight", "deadlines")
    held = {name: getattr(figures, name) for name in gauges}
    held |= {"ids": len(router._ids), "deadline": router.next_deadline() is not None}
    return {name: count for name, count in held.items() if count}


def begin(caller: Client, callee: Client, **options: Any) -> tuple[int, Invocation]:
    """Have the callee register and the caller call; return the request id of the CALL, and the INVOCATION."""
    callee.register(PROCEDURE)
    return again(caller, callee, **options)


def again(caller: Client, callee: Client, **options: Any) -> tuple[int, Invocation]:
    request_id = caller.call(PROCEDURE, 1, options=options, key="value")
    return request_id, callee.expect(Invocation)
