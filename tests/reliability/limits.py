"""What happens at each limit of a router, and one beyond it: the limits come from a configuration file's text, as an operator writes it.

A behaviour takes a router whose limits are small, goes up to one of them, is served, goes beyond it, and is refused by name. That others go on is
looked after by whoever runs it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import pytest
import trio

from tests.config_text import parsed
from tests.serve_tools import REALM, ROLES, Peer, open_joined_peer, open_peer, rawsocket, websocket
from trowamp import ApplicationError, Router, RouterOptions, SerializationError, open_router, open_session
from trowamp._join import open_link
from trowamp._stream import memory_pair
from trowamp.messages import (
    Abort,
    Authenticate,
    Call,
    Challenge,
    Error,
    Event,
    Goodbye,
    Hello,
    Invocation,
    Publish,
    Published,
    Register,
    Registered,
    Result,
    Subscribe,
    Subscribed,
)

Behaviour = Callable[[Router], Awaitable[None]]

TAKEN: Final = 1_150_000  # about what a connection in memory takes, whoever reads
TOPIC: Final = "com.example.topic"
PROCEDURE: Final = "com.example.procedure"
MORE: Final = """
[router.auth]
anonymous_role = "guest"
[router.auth.principals.joe]
role = "user"
ticket = "sesame"
[[router.event_history]]
uri = "com.example.kept"
max_events = 3
max_octets = 400
"""


@asynccontextmanager
async def open_limited(settings: dict[str, Any]) -> AsyncGenerator[Router, None]:
    """Run a router with these limits."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    config = parsed("\n".join(["[router.limits]", *lines, MORE]))
    limits = RouterOptions(**config.core)
    listen = ["rs://127.0.0.1:0"]
    async with open_router([REALM], listen, auth=config.auth, limits=limits, **config.server) as router:
        yield router


async def refusal(peer: Peer) -> str:
    """Read up to the next ERROR; return its URI."""
    while not isinstance(message := await peer.next_message(), Error):
        pass
    return message.error


# ---- size


async def message_size(router: Router) -> None:
    async with open_joined_peer(router) as peer:
        largest = Publish(1, {"acknowledge": True}, TOPIC, [""])
        room = 4096 - len(peer.link.serializer.encode(largest))
        peer.send(Publish(1, {"acknowledge": True}, TOPIC, ["x" * room]))
        await peer.expect(Published)
        await peer.transport.send_all((4097).to_bytes(4, "big"))
        while not isinstance(message := await peer.next_message(), Abort):
            pass
        assert message.reason == "wamp.error.protocol_violation"


async def message_size_of_a_client(router: Router) -> None:
    url = router.urls[0]
    async with open_session(url, realm=REALM, max_message_size=4096) as small, open_joined_peer(router) as peer:
        await small.register(PROCEDURE, lambda size: "x" * size)
        assert len(await small.call(PROCEDURE, 3000)) == 3000
        with pytest.raises(ApplicationError) as caught:
            await small.call(PROCEDURE, 5000)
        assert caught.value.uri == "wamp.error.payload_size_exceeded"
        peer.send(Call(1, {}, PROCEDURE, [5000]))
        assert isinstance(await peer.next_message(), Result)


async def length_of_uris(router: Router) -> None:
    async with open_joined_peer(router) as peer:
        for make, taken in ((Subscribe, Subscribed), (Register, Registered)):
            peer.send(make(1, {}, "a" * 50))
            await peer.expect(taken)
            peer.send(make(2, {}, "a" * 51))
            assert await refusal(peer) == "wamp.error.invalid_uri"


async def depth(router: Router) -> None:
    def nested(levels: int) -> list[Any]:
        value: list[Any] = []
        for _ in range(levels - 1):
            value = [value]
        return value

    async with router.open_session(realm=REALM) as session, open_joined_peer(router) as peer:
        publisher = session.with_options(acknowledge=True)
        assert await publisher.publish(TOPIC, nested(64))
        with pytest.raises(SerializationError, match="64 deep"):
            await publisher.publish(TOPIC, nested(65))
        for levels in (64, 65):
            octets = f'[16,{levels},{{"acknowledge":true}},"{TOPIC}",[{"[" * levels}{"]" * levels}]]'.encode()
            await peer.transport.send_all(len(octets).to_bytes(4, "big") + octets)
        await peer.expect(Published)
        assert (await peer.expect(Abort)).reason == "wamp.error.protocol_violation"


# ---- time


async def time_to_open(router: Router) -> None:
    async with open_peer(router, websocket) as peer:
        await peer.transport.send_all(b"GET / HT")
        await cut_off_after(peer, 2)


async def time_to_say_hello(router: Router) -> None:
    async with open_peer(router) as peer:
        await trio.sleep(1)
        await open_link(peer.pump, "the router")
        await cut_off_after(peer, 3)


async def time_to_authenticate(router: Router) -> None:
    async with open_peer(router) as peer:
        await challenge(peer)
        began = trio.current_time()
        assert (await peer.expect(Abort)).details["message"] == "no AUTHENTICATE within 4 s"
        assert trio.current_time() - began == pytest.approx(4, abs=0.1)


async def time_to_join(router: Router) -> None:
    async with open_peer(router) as peer:
        await trio.sleep(1)
        await open_link(peer.pump, "the router")
        await cut_off_after(peer, 1)


async def cut_off_after(peer: Peer, seconds: float) -> None:
    began = trio.current_time()
    await peer.is_cut_off()
    assert trio.current_time() - began == pytest.approx(seconds, abs=0.1)


async def challenge(peer: Peer) -> None:
    await open_link(peer.pump, "the router")
    peer.send(Hello(REALM, {"roles": ROLES, "authid": "joe", "authmethods": ["ticket"]}))
    await peer.expect(Challenge)


# ---- connections


async def connections(router: Router) -> None:  # the witness has one of three
    async with open_joined_peer(router), open_joined_peer(router):
        await is_refused(router)
        assert router.statistics().refused_connections == 1


async def connections_without_a_session(router: Router) -> None:
    async with open_peer(router), open_peer(router):
        await trio.testing.wait_all_tasks_blocked()
        await is_refused(router)
    await trio.testing.wait_all_tasks_blocked()
    async with open_joined_peer(router), open_joined_peer(router), open_joined_peer(router):
        assert router.statistics().refused_connections == 1


async def connections_from_an_address(router: Router) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await (await stack.enter_async_context(open_remote(router, "10.0.0.1"))).join()
        refused = await stack.enter_async_context(open_remote(router, "10.0.0.1", opens=False))
        assert "too many connections" in await refused.is_cut_off()
        await (await stack.enter_async_context(open_remote(router, "10.0.0.2"))).join()


async def connections_from_an_address_without_a_session(router: Router) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(open_remote(router, "10.0.0.1"))
        refused = await stack.enter_async_context(open_remote(router, "10.0.0.1", opens=False))
        assert "too many connections" in await refused.is_cut_off()
        await stack.enter_async_context(open_remote(router, "10.0.0.2"))


async def is_refused(router: Router) -> None:
    async with open_peer(router) as peer:
        peer.pump.flush()
        assert "too many connections" in await peer.is_cut_off()


@asynccontextmanager
async def open_remote(router: Router, address: str, *, opens: bool = True) -> AsyncGenerator[Peer, None]:
    """Connect in memory, from an address."""
    near, far = memory_pair()
    far.details = {"type": "tcp", "peer": f"{address}:1234", "tls": False}

    peer = Peer(near, rawsocket())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(router._shell.serve_transport, far)
        if opens:
            await open_link(peer.pump, "the router")
        else:
            peer.pump.flush()
        yield peer
        near.abort()


# ---- what a session holds


async def calls(router: Router) -> None:
    async with open_joined_peer(router) as callee, open_joined_peer(router) as caller:
        await offer(callee)
        caller.send(*(Call(number, {}, PROCEDURE) for number in range(1, 5)))
        assert await refusal(caller) == "trowamp.error.limit_reached"
        assert [type(await callee.next_message()) for _ in range(3)] == [Invocation] * 3
        assert router.statistics().calls_in_flight == 3


async def invocations(router: Router) -> None:
    async with open_joined_peer(router) as callee, open_joined_peer(router) as one, open_joined_peer(router) as other:
        await offer(callee)
        one.send(Call(1, {}, PROCEDURE), Call(2, {}, PROCEDURE))
        await callee.expect(Invocation)
        await callee.expect(Invocation)
        other.send(Call(1, {}, PROCEDURE))
        await callee.expect(Invocation)
        other.send(Call(2, {}, PROCEDURE))
        assert await refusal(other) == "wamp.error.unavailable"


async def offer(callee: Peer) -> None:
    callee.send(Register(1, {}, PROCEDURE))
    await callee.expect(Registered)


async def entries(router: Router) -> None:
    async with open_joined_peer(router) as peer:
        peer.send(Subscribe(1, {}, "a"), Subscribe(2, {}, "b"), Register(3, {}, "c"))
        for _ in range(3):
            assert not isinstance(await peer.next_message(), Error)
        peer.send(Subscribe(4, {}, "d"))
        assert await refusal(peer) == "wamp.error.not_authorized"
        peer.send(Register(5, {}, "e"))
        assert await refusal(peer) == "wamp.error.not_authorized"


# ---- what is kept


async def outbox(router: Router) -> None:
    assert await waiting_for(router, 400_000, pause=0) <= 220_000


async def slowness(router: Router) -> None:
    began = trio.current_time()
    assert await waiting_for(router, 80_000, pause=7) < 8 * 2**20
    assert trio.current_time() - began == pytest.approx(7, abs=0.1)


async def waiting_for(router: Router, octets: int, pause: float) -> int:
    """Publish to somebody who does not read, until it has been dropped; return how much waited for it."""
    async with open_joined_peer(router) as slow, router.open_session(realm=REALM) as publisher:
        await slow.subscribe(TOPIC)
        most = 0
        for _ in range((octets + TAKEN) // 1000):
            await publisher.with_options(acknowledge=True).publish(TOPIC, "x" * 1000)
            most = max(most, *(peer.outbox.size for peer in router._shell.core._peers))
        await trio.sleep(pause + 0.01)
        assert router.statistics().slow_consumers == 1
        while isinstance(message := await slow.next_message(), Event):
            pass
        assert isinstance(message, Goodbye)
        assert "does not read fast enough" in message.details["message"]
    return most


async def retained_topics(router: Router) -> None:
    async with router.open_session(realm=REALM) as session:
        for number in range(4):
            await session.with_options(acknowledge=True, retain=True).publish(f"com.example.t{number}", "x")
    assert router.statistics().retained_events == 3


async def retained_octets(router: Router) -> None:
    async with router.open_session(realm=REALM) as session:
        for number in range(4):
            await session.with_options(acknowledge=True, retain=True).publish(f"com.example.t{number}", "x" * 400)
    assert 1 <= router.statistics().retained_events <= 2


async def testaments(router: Router) -> None:
    async with router.open_session(realm=REALM) as session:
        for _ in range(2):
            await session.call("wamp.session.add_testament", TOPIC, ["x" * 400], {})
        with pytest.raises(ApplicationError, match="testament"):
            await session.call("wamp.session.add_testament", TOPIC, ["x" * 400], {})


async def history(router: Router) -> None:
    async with router.open_session(realm=REALM) as session:
        for number in range(5):
            await session.with_options(acknowledge=True).publish("com.example.kept", number)
        assert router.statistics().past_events == 3
        await session.with_options(acknowledge=True).publish("com.example.kept", "x" * 300)
        assert router.statistics().past_events < 3


# ---- guesses


async def guesses(router: Router) -> None:
    heard = await guess(router, "10.0.0.1", 6)
    assert heard == [True, True, True, False, False, False]
    assert await guess(router, "10.0.0.2", 1) == [True]  # another address may still try
    await trio.sleep(61)
    assert await guess(router, "10.0.0.1", 1) == [True]


async def guess(router: Router, address: str, count: int) -> list[bool]:
    """Guess wrongly; tell which of the guesses were heard."""
    heard = []
    for _ in range(count):
        async with open_remote(router, address) as peer:
            peer.send(Hello(REALM, {"roles": ROLES, "authid": "joe", "authmethods": ["ticket"]}))
            message = await peer.next_message()
            heard.append(isinstance(message, Challenge))
            if heard[-1]:
                peer.send(Authenticate("wrong", {}))
                message = await peer.next_message()
            assert isinstance(message, Abort)
    return heard


# key -> settings, behaviour
BEHAVIOUR: Final[dict[str, tuple[dict[str, Any], Behaviour]]] = {
    "max_message_size": ({"max_message_size": 4096}, message_size),
    "max_uri_length": ({"max_uri_length": 50}, length_of_uris),
    "handshake_timeout": ({"handshake_timeout": 2}, time_to_join),
    "opening_timeout": ({"opening_timeout": 2}, time_to_open),
    "hello_timeout": ({"hello_timeout": 3}, time_to_say_hello),
    "authentication_timeout": ({"authentication_timeout": 4}, time_to_authenticate),
    "max_connections": ({"max_connections": 3}, connections),
    "max_connections_per_address": ({"max_connections_per_address": 2}, connections_from_an_address),
    "max_pending": ({"max_pending": 2}, connections_without_a_session),
    "max_pending_per_address": ({"max_pending_per_address": 2}, connections_from_an_address_without_a_session),
    "max_session_calls": ({"max_session_calls": 3}, calls),
    "max_session_invocations": ({"max_session_invocations": 3}, invocations),
    "max_session_entries": ({"max_session_entries": 3}, entries),
    "outbox_limit": ({"outbox_limit": 200_000}, outbox),
    "outbox_soft_limit": ({"outbox_soft_limit": 50_000, "outbox_soft_timeout": 7}, slowness),
    "outbox_soft_timeout": ({"outbox_soft_limit": 50_000, "outbox_soft_timeout": 7}, slowness),
    "max_testaments": ({"max_testaments": 2}, testaments),
    "max_testament_octets": ({"max_testament_octets": 1200}, testaments),
    "max_retained_topics": ({"max_retained_topics": 3}, retained_topics),
    "max_retained_octets": ({"max_retained_octets": 1200}, retained_octets),
    "max_failed_attempts": ({"max_failed_attempts": 3}, guesses),
}

# limits without a key under [router.limits]: they belong to a client, to a rule of the history, or to what is portable
FIXED: Final[dict[str, Behaviour]] = {
    "max_message_size of a client": message_size_of_a_client,
    "max_events and max_octets of a history": history,
    "depth of a payload": depth,
}

# numbers that limit nothing that grows: where they are tested
OTHER: Final = {
    "authorizer_timeout": "tests/test_authorization.py::test_an_authorizer_that_fails_denies_and_is_logged",
    "goodbye_timeout": "tests/router/test_router.py::test_a_goodbye_that_is_not_answered_in_time_ends_the_connection",
    "close_timeout": "tests/test_serve.py::test_a_peer_that_does_not_answer_cannot_hold_a_router_back",
    "ping_interval": "tests/test_serve_limits.py::test_a_silent_websocket_peer_that_answers_pings_stays",
    "ping_timeout": "tests/test_serve_limits.py::test_a_websocket_peer_that_does_not_answer_is_gone",
    "poll_timeout": "tests/test_long_polls.py::test_a_poll_that_waits_long_enough_is_answered_without_a_message",
    "idle_timeout": "tests/test_long_polls.py::test_a_client_that_asks_for_nothing_any_more_is_gone",
}

# what peers could make grow -> the limits
ISSUE: Final[dict[str, tuple[str, ...]]] = {
    "message size both ways": ("max_message_size", "max_message_size of a client"),
    "handshake time": ("handshake_timeout", "opening_timeout", "hello_timeout"),
    "authentication time": ("authentication_timeout",),
    "connections in total": ("max_connections", "max_pending"),
    "connections per address": ("max_connections_per_address", "max_pending_per_address"),
    "pending calls": ("max_session_calls",),
    "subscriptions and registrations per session": ("max_session_entries",),
    "invocations in flight": ("max_session_invocations",),
    "outbox": ("outbox_limit", "outbox_soft_limit", "outbox_soft_timeout"),
    "history": ("max_events and max_octets of a history", "max_retained_topics", "max_retained_octets"),
    "testaments": ("max_testaments", "max_testament_octets"),
    "length of URIs": ("max_uri_length",),
    "depth": ("depth of a payload",),
    "failed authentications per address and time": ("max_failed_attempts",),
}
