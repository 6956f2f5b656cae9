"""What is lost with a connection, who is told so, and how it is noticed at all."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from trowamp_compat.wamp import message
from trowamp_compat.wamp._transports import TransportConfig
from trowamp_compat.wamp.exception import ApplicationError, TransportLost

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, join, on_both, transport, until
from trowamp.wire import TCP_KEEPALIVE


@pytest.mark.parametrize(
    ("config", "pings"),
    [
        pytest.param("ws://localhost/", (10, 10), id="by default"),
        pytest.param({"url": "ws://localhost/", "options": {"autoPingInterval": 0}}, (0, 10), id="switched off"),
        pytest.param(
            {"url": "ws://localhost/", "options": {"autoPingInterval": 2.5, "autoPingTimeout": 0}}, (2.5, 0), id="asked"
        ),
        pytest.param("rs://localhost:8080", (0, 10), id="RawSocket"),
    ],
)
def test_a_silent_router_is_pinged_unless_a_transport_says_otherwise(config: Any, pings: tuple[float, float]) -> None:
    made = TransportConfig(config)
    assert (made.ping_interval, made.ping_timeout) == pings


@on_both
@pytest.mark.parametrize("kind", ["rawsocket", "websocket"])
def test_the_kernel_looks_after_a_connection(run: Run, router_url: str, kind: str) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, kind))
        beneath = session._transport.transport
        sock = beneath.getHandle() if kit.name == "twisted" else beneath.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        for name, value in TCP_KEEPALIVE.items():
            assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        await session.leave()

    run(scenario)


@on_both
def test_a_lost_request_tells_whether_it_may_have_been_executed(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        router.answers.clear()
        pending = session.call("com.example.sent")
        router.close()
        with pytest.raises(TransportLost) as sent:
            await pending
        with pytest.raises(TransportLost) as never_sent:
            session.call("com.example.too_late")
        assert (sent.value.maybe_executed, never_sent.value.maybe_executed) == (True, False)

    run(scenario)


@on_both
def test_a_request_that_a_closed_session_leaves_behind_tells_whether_it_may_have_been_executed(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        router.answers.clear()
        pending = session.call("com.example.sent")
        router.say(message.Goodbye("wamp.close.system_shutdown"))
        with pytest.raises(ApplicationError) as sent:
            await pending
        assert (sent.value.error, sent.value.maybe_executed) == ("wamp.close.system_shutdown", True)
        router, session = joined(kit)
        router.answers[message.Call] = lambda asked: message.Error(message.Call.MESSAGE_TYPE, asked.request, "com.no")
        with pytest.raises(ApplicationError) as answered:
            await session.call("com.example.answered")
        assert answered.value.maybe_executed is None

    run(scenario)


@on_both
def test_a_goodbye_that_a_frozen_router_does_not_answer_ends_with_a_transport_that_is_lost(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trowamp_compat.wamp._lifecycle.GOODBYE_TIMEOUT", 0.01)

    async def scenario(kit: Kit) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            session, peer = await joined_to(kit, listener)
            told: list[Any] = []
            session.on("leave", lambda session, details: told.append((details.reason, details.message)))
            session.on("disconnect", lambda session, was_clean: told.append(was_clean))
            with peer:
                session.leave()
                await until(kit, lambda: len(told) == 2)
            assert told == [("wamp.close.transport_lost", "the router did not answer the GOODBYE"), False]

    run(scenario)


@on_both
def test_a_connection_whose_peer_takes_nothing_is_closed_when_it_has_had_its_time(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            session, peer = await joined_to(kit, listener)
            with peer:
                session.transport.close_timeout = 0.05
                session.publish("com.example.topic", "x" * 15_000_000)
                session.disconnect()
                await session.transport.when_closed()

    run(scenario)


async def joined_to(kit: Kit, listener: socket.socket) -> tuple[Any, socket.socket]:
    """Return a session that has joined a router which says nothing more, and that router's end of the connection."""
    body = b'[2,1,{"roles":{"broker":{}}}]'
    url = f"rs://127.0.0.1:{listener.getsockname()[1]}"
    joining = kit.face.as_future(join, kit, transport(url, serializer="json"))
    listener.setblocking(False)
    peer, _ = await until(kit, lambda: accepted(listener))
    peer.sendall(b"\x7f\xf1\0\0" + len(body).to_bytes(4, "big") + body)
    return await joining, peer


def accepted(listener: socket.socket) -> Any:
    try:
        return listener.accept()
    except BlockingIOError:
        return None
