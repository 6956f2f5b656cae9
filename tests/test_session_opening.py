"""trowamp/_open.py, _join.py, _pump.py: how a session begins, how long that may take, and how a silent router is found."""

from __future__ import annotations

import math
import socket

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import open_ends, open_played_session, pending, rawsocket, settle, websocket
from trowamp import ConnectError, JoinError, NoSuchRealm, RemoteProtocolError, SessionLost, open_session
from trowamp import messages as m
from trowamp._run_session import KeepAlive, Opened, run_session
from trowamp.testing import open_scripted_router


async def test_hello_says_what_was_asked_for() -> None:
    async with open_scripted_router() as router:
        options = {"authid": "joe", "authrole": "user", "authextra": {"x": 1}, "agent": "test-1"}
        async with router.open_session("com.example.realm", **options) as session:  # type: ignore[arg-type]
            assert session.realm == "com.example.realm"
            assert session.id == 4711
            assert session.details.session_id == 4711
            assert repr(session) == "<Session 4711 in 'com.example.realm', open>"
        assert router.hello is not None
        assert router.hello.realm == "com.example.realm"
        for key, value in options.items():
            assert router.hello.details[key] == value
        assert set(router.hello.details["roles"]) == {"caller", "callee", "publisher", "subscriber"}


@pytest.mark.parametrize("arguments", [{}, {"url": "ws://localhost/", "connection": object()}])
async def test_a_session_needs_a_url_or_a_connection(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="either a URL or an open connection"):
        async with open_session(realm="realm1", **arguments):  # type: ignore[arg-type]  # the mistake
            pytest.fail("there is nothing to connect to")


@pytest.mark.parametrize(("interval", "timeout"), [(0, 1), (1, 0), (-1, 1)])
def test_keep_alive_needs_time(interval: float, timeout: float) -> None:
    with pytest.raises(ValueError, match="must be more than 0 seconds"):
        KeepAlive(interval, timeout)


# ---- a router that is played octet by octet


@pytest.mark.parametrize("links", [rawsocket, websocket])
async def test_a_router_that_falls_silent_is_found(links: type, autojump_clock: MockClock) -> None:
    """It is found within the interval and the timeout, whatever waits for it."""
    async with open_ends(*links()) as (ours, theirs):
        began = math.inf
        with pytest.raises(ExceptionGroup) as caught:
            async with open_played_session(ours, theirs, KeepAlive(10, 5)) as session:
                began = trio.current_time()
                await session.call("com.example.f")
        (lost,) = caught.value.exceptions
        assert isinstance(lost, SessionLost)
        assert str(lost) == "no answer to a ping within 5 s"
        assert lost.maybe_executed
        assert trio.current_time() - began == pytest.approx(15)
        assert pending(session) == {}


@pytest.mark.parametrize("links", [rawsocket, websocket])
async def test_a_router_that_answers_pings_is_kept(links: type, autojump_clock: MockClock) -> None:
    async with open_ends(*links()) as (ours, theirs), open_played_session(ours, theirs, KeepAlive(10, 5)) as session:

        async def answer() -> None:
            while not theirs.link.is_closed:
                for message in await theirs.receive():
                    if isinstance(message, m.Goodbye):
                        theirs.link.send(message)
                theirs.flush()
            theirs.link.close()
            theirs.flush()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await trio.sleep(1005)
            assert ours.link.pongs == 100
            assert session.is_open
            session.leave()
            await settle()
            theirs.transport.abort()


async def test_a_router_that_falls_silent_after_an_answer_is_found_as_soon(autojump_clock: MockClock) -> None:
    async with open_ends(*rawsocket()) as (ours, theirs):
        began = math.inf
        with pytest.raises(ExceptionGroup):
            async with open_played_session(ours, theirs, KeepAlive(10, 20)):
                await trio.sleep(10)
                await theirs.receive()
                theirs.flush()
                assert ours.link.pongs == 0
                await settle()
                assert ours.link.pongs == 1
                began = trio.current_time()
                await trio.sleep_forever()
        assert trio.current_time() - began == pytest.approx(30)


async def test_any_octet_is_a_sign_of_life(autojump_clock: MockClock) -> None:
    async with open_ends(*rawsocket()) as (ours, theirs):
        with pytest.raises(ExceptionGroup):
            async with open_played_session(ours, theirs, KeepAlive(10, 5)):
                for _ in range(20):
                    await trio.sleep(9)
                    theirs.link.send(m.Event(1, 1, {}))
                    theirs.flush()
                assert ours.link._pings == 0
                await trio.sleep(9)
                began = trio.current_time()
                await trio.sleep_forever()
        assert trio.current_time() - began == pytest.approx(6)


# ---- joining


async def test_a_router_that_does_not_answer_hello_is_given_up(autojump_clock: MockClock) -> None:
    async with open_ends(*rawsocket()) as (ours, theirs):
        opened = Opened(ours, [], trio.current_time() + 10, None)
        with pytest.raises(ConnectError, match="did not answer the request to join realm 'realm1' in time"):
            async with run_session(opened, "realm1", {}):
                pytest.fail("nobody said welcome")
        assert trio.current_time() == pytest.approx(opened.join_deadline)
        assert isinstance((await theirs.receive())[0], m.Hello)
        assert await theirs.receive() == []
        assert theirs.has_ended


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (m.Abort({"message": "none"}, trowamp.uris.ERROR_NO_SUCH_REALM), NoSuchRealm, "none"),
        (m.Abort({}, "com.example.error.closed"), JoinError, "com.example.error.closed"),
        (m.Event(1, 1, {}), RemoteProtocolError, "EVENT"),
    ],
)
async def test_a_refusal_comes_out_as_itself(answer: m.Message, error: type[Exception], words: str) -> None:
    async with open_ends(*rawsocket()) as (ours, theirs), trio.open_nursery() as nursery:

        async def refuse() -> None:
            assert isinstance((await theirs.receive())[0], m.Hello)
            theirs.link.send(answer)
            theirs.flush()

        nursery.start_soon(refuse)
        with pytest.raises(error, match=words):
            async with run_session(Opened(ours, [], math.inf, None), "realm1", {}):
                pytest.fail("there is no session")


async def test_a_connection_that_ends_while_joining_says_so() -> None:
    async with open_ends(*rawsocket()) as (ours, theirs), trio.open_nursery() as nursery:

        async def hang_up() -> None:
            assert isinstance((await theirs.receive())[0], m.Hello)
            theirs.transport.abort()

        nursery.start_soon(hang_up)
        with pytest.raises(ConnectError, match="the connection ended while joining realm 'realm1'"):
            async with run_session(Opened(ours, [], math.inf, None), "realm1", {}):
                pytest.fail("there is no session")


async def test_what_comes_right_behind_the_welcome_is_not_lost() -> None:
    async with open_ends(*rawsocket()) as (ours, theirs), trio.open_nursery() as nursery:

        async def welcome_and_goodbye() -> None:
            assert isinstance((await theirs.receive())[0], m.Hello)
            theirs.link.send(m.Welcome(1, {"roles": {"broker": {}}}))
            theirs.link.send(m.Goodbye({}, trowamp.uris.CLOSE_SYSTEM_SHUTDOWN))
            theirs.flush()

        nursery.start_soon(welcome_and_goodbye)
        with pytest.raises(trowamp.SessionClosed, match="system_shutdown"):
            async with run_session(Opened(ours, [], math.inf, None), "realm1", {}):
                await trio.sleep_forever()


@pytest.mark.parametrize("scheme", ["ws", "rs"])
async def test_a_server_that_says_nothing_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        with trio.fail_after(5), pytest.raises(ConnectError, match="did not answer within 0.1 s"):
            async with open_session(url, realm="realm1", connect_timeout=0.1):
                pytest.fail("nobody answered")


async def test_nobody_at_home_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"rs://127.0.0.1:{server.getsockname()[1]}"
    with trio.fail_after(5), pytest.raises(ConnectError, match="127.0.0.1") as caught:
        async with open_session(url, realm="realm1"):
            pytest.fail("nobody listens")
    assert isinstance(caught.value, OSError)


async def test_a_router_that_takes_no_message_as_long_as_hello_cannot_be_joined() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")

    async def answer() -> None:
        async with await listener.accept() as stream:
            request = await stream.receive_some(4)
            await stream.send_all(bytes([0x7F, request[1] & 0x0F, 0, 0]))  # messages of 512 octets
            await stream.receive_some(1)

    async with listener, trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        url = f"rs://127.0.0.1:{listener.socket.getsockname()[1]}"
        with pytest.raises(ConnectError, match="exceeds the limit of 512"):
            async with open_session(url, realm="realm1", serializers=["json"]):
                pytest.fail("it was let in")
