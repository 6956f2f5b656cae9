"""How connections end, on both frameworks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from .pairs import FRAMEWORKS, World, told

CODE_1006 = 1006


@pytest.mark.parametrize("closer", ["server", "client"])
@pytest.mark.parametrize(
    ("arguments", "heard", "echoed"),
    [
        ((), (True, None, None), (True, 1000, None)),
        ((1000,), (True, 1000, None), (True, 1000, None)),
        ((3000, "enough"), (True, 3000, "enough"), (True, 1000, None)),
        ((4999, "ü" * 100), (True, 4999, "ü" * 61), (True, 1000, None)),
    ],
)
def test_both_sides_know_how_it_was_closed(
    world: World, closer: str, arguments: tuple[Any, ...], heard: tuple[Any, ...], echoed: tuple[Any, ...]
) -> None:
    server, client = world.connect()
    own, other = (server, client) if closer == "server" else (client, server)
    own.sendClose(*arguments)
    own.sendClose(3001, "a second time")
    assert own.state == own.STATE_CLOSING
    world.run()
    assert told(other, "onClose") == [heard]
    assert told(own, "onClose") == [echoed]
    assert own.closedByMe
    assert not other.closedByMe
    assert own.wasClean
    assert other.wasClean
    assert own.state == other.state == own.STATE_CLOSED
    assert server.droppedByMe
    assert not client.droppedByMe
    assert world.result(own.is_closed) is own


@pytest.mark.parametrize("closer", ["server", "client"])
def test_code_and_reason_can_be_echoed(world: World, closer: str) -> None:
    server, client = world.connect(
        server_options={"echoCloseCodeReason": True}, client_options={"echoCloseCodeReason": True}
    )
    own, other = (server, client) if closer == "server" else (client, server)
    own.sendClose(3000, "enough")
    world.run()
    assert told(own, "onClose") == [(True, 3000, "enough")]
    assert (other.localCloseCode, other.localCloseReason) == (3000, b"enough")


@pytest.mark.parametrize(
    "arguments", [(1001,), (2999,), (5000,), ("1000",), (True,), (None, "reason without code"), (1000, b"octets")]
)
def test_illegal_codes_and_reasons_are_refused(world: World, arguments: tuple[Any, ...]) -> None:
    _, client = world.connect()
    with pytest.raises(Exception, match="code|reason"):
        client.sendClose(*arguments)
    assert client.state == client.STATE_OPEN


def test_messages_before_the_closing_handshake_arrive(world: World) -> None:
    server, client = world.connect()
    client.sendMessage(b"last words")
    client.sendClose()
    world.run()
    assert [call[0] for call in server.log_of_test] == ["onOpen", "onMessage", "onClose"]


def test_a_dropped_connection_was_not_clean(world: World) -> None:
    server, client = world.connect()
    client.dropConnection(abort=True)
    client.dropConnection()
    world.run()
    assert told(client, "onClose") == [(False, CODE_1006, 'connection was closed uncleanly ("None")')]
    (heard,) = told(server, "onClose")
    assert heard[:2] == (False, CODE_1006)
    assert "peer dropped the TCP connection" in heard[2]
    assert not server.droppedByMe


def test_who_does_not_answer_the_closing_handshake_is_dropped(world: World) -> None:
    server, client = world.connect(
        {"onCloseHandshakeTimeout": lambda self: self.log_of_test.append(("late",))},
        server_options={"closeHandshakeTimeout": 3},
    )
    client.transport.pause_reading()
    server.sendClose()
    world.advance(2.5)
    assert told(server, "onClose") == []
    world.advance(1)
    assert told(server, "late") == [()]
    (heard,) = told(server, "onClose")
    assert heard[:2] == (False, CODE_1006)
    assert "closing handshake timeout" in heard[2]


def test_a_server_that_does_not_end_the_connection_is_left(world: World) -> None:
    server, client = world.connect(
        {"dropConnection": lambda self, abort=False: None},
        {"onServerConnectionDropTimeout": lambda self: self.log_of_test.append(("late",))},
        client_options={"serverConnectionDropTimeout": 2},
    )
    client.sendClose()
    world.advance(1.5)
    assert told(client, "onClose") == []
    world.advance(1)
    assert told(client, "late") == [()]
    assert told(client, "onClose")[0][:2] == (False, CODE_1006)
    assert server.remoteCloseCode is None


@pytest.mark.parametrize("by_drop", [False, True])
def test_whoever_breaks_the_protocol_is_told_unless_it_is_dropped(world: World, by_drop: bool) -> None:
    def echo(self: Any, payload: bytes, is_binary: bool) -> None:
        self.sendMessage(payload, is_binary)

    server, client = world.connect({"onMessage": echo}, server_options={"failByDrop": by_drop})
    client.sendMessage(b"before")
    client.transport.write(b"\x83\x80\0\0\0\0")  # a reserved opcode
    world.run()
    assert told(client, "onMessage") == [(b"before", False)]
    expected = (False, CODE_1006) if by_drop else (True, 1002)
    assert told(client, "onClose")[0][:2] == expected
    assert server.failedByMe
    assert server.droppedByMe is by_drop
    (heard,) = told(server, "onClose")
    assert heard[:2] == (False, CODE_1006)
    assert "reserved opcode 3" in heard[2]


def test_text_that_is_not_utf_8_fails_before_its_frame_is_complete(world: World) -> None:
    server, client = world.connect(server_options={"failByDrop": False})
    client.beginMessage()
    client.beginMessageFrame(1000)
    client.sendMessageFrameData(b"abc\xff")
    world.run()
    assert server.localCloseCode == 1007


def test_text_need_not_be_utf_8_if_nobody_cares(world: World) -> None:
    server, client = world.connect(server_options={"utf8validateIncoming": False})
    client.sendMessage(b"abc\xff")
    world.run()
    assert told(server, "onMessage") == [(b"abc\xff", False)]


def test_a_peer_that_never_ends_after_it_was_told_so_is_dropped(world: World) -> None:
    server, client = world.connect(server_options={"failByDrop": False, "closeHandshakeTimeout": 2})
    client.transport.pause_reading()
    client.transport.write(b"\x83\x80\0\0\0\0")
    world.run()
    assert told(server, "onClose") == []
    world.advance(3)
    assert told(server, "onClose")[0][:2] == (False, CODE_1006)


@pytest.mark.parametrize("by_drop", [False, True])
def test_a_method_that_fails_ends_the_connection(world: World, by_drop: bool) -> None:
    def fail(self: Any, payload: bytes, is_binary: bool) -> None:
        raise LookupError("a bug")

    _, client = world.connect({"onMessage": fail}, server_options={"failByDrop": by_drop})
    client.sendMessage(b"")
    world.run()
    assert told(client, "onClose")[0][:2] == ((False, CODE_1006) if by_drop else (True, 1011))
    assert [type(error) for error in world.errors] == [LookupError]


def test_an_asynchronous_method_that_fails_ends_the_connection(world: World) -> None:
    async def fail(self: Any, payload: bytes, is_binary: bool) -> None:
        raise LookupError("a bug")

    _, client = world.connect({"onMessage": fail}, server_options={"failByDrop": False})
    client.sendMessage(b"")
    world.run()
    assert told(client, "onClose")[0][:2] == (True, 1011)
    assert [type(error) for error in world.errors] == [LookupError]


@pytest.mark.parametrize("by_drop", [False, True])
def test_after_a_method_has_failed_no_more_messages_are_handled(world: World, by_drop: bool) -> None:
    def fail(self: Any, payload: bytes, is_binary: bool) -> None:
        self.log_of_test.append(("onMessage", payload))
        raise LookupError("a bug")

    server, client = world.connect({"onMessage": fail}, server_options={"failByDrop": by_drop})
    for payload in (b"first", b"second", b"third"):
        client.sendMessage(payload)
    world.run()
    assert told(server, "onMessage") == [(b"first",)]
    assert len(world.errors) == 1


PROGRAM_THAT_FAILS = """
import sys
from tests.compat.websocket.pairs import a_world

def fail(self, payload, is_binary):
    raise LookupError("a bug")

with a_world(sys.argv[1]) as world:
    if sys.argv[1] == "asyncio":
        world.loop.set_exception_handler(None)
    _, client = world.connect({"onMessage": fail})
    client.sendMessage(b"")
    world.run()
"""


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_method_that_fails_in_a_program_that_logs_nothing_is_told_on_stderr(framework: str) -> None:
    program = [sys.executable, "-W", "error", "-c", PROGRAM_THAT_FAILS, framework]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=30, check=True)
    assert "Noting failed: LookupError('a bug')" in ended.stderr
    assert "Traceback (most recent call last)" in ended.stderr
    assert "in fail\n" in ended.stderr
    assert ended.stdout == ""


def test_asynchronous_methods_run(world: World) -> None:
    async def answer(self: Any, payload: bytes, is_binary: bool) -> None:
        await world.succeed(None)
        self.sendMessage(payload[::-1], is_binary)

    _, client = world.connect({"onMessage": answer})
    client.sendMessage(b"abc")
    world.run()
    assert told(client, "onMessage") == []
    world.advance(2)
    assert told(client, "onMessage") == [(b"cba", False)]


def test_nothing_is_handled_after_the_connection_was_dropped(world: World) -> None:
    def drop(self: Any, payload: bytes, is_binary: bool) -> None:
        self.log_of_test.append(("onMessage", payload))
        self.dropConnection()

    server, client = world.connect({"onMessage": drop})
    client.sendMessage(b"first")
    client.sendMessage(b"second")
    world.run()
    assert told(server, "onMessage") == [(b"first",)]


def test_futures_tell_of_the_beginning_and_the_end(world: World) -> None:
    server, client = world.connect()
    assert world.result(client.is_open) is client
    closed = server.is_closed
    client.sendClose()
    world.run()
    assert world.result(closed) is server
    assert world.result(client.is_closed) is client


def test_who_was_not_open_is_not_open_later(world: World) -> None:
    end = world.attach(world.module.WebSocketServerFactory())
    opened = end.protocol.is_open
    world.lose(end)
    with pytest.raises(ConnectionError):
        world.result(opened)
    with pytest.raises(ConnectionError):
        world.result(end.protocol.is_open)


# Pings


def test_pings_are_answered(world: World) -> None:
    server, client = world.connect()
    client.sendPing(b"are you there?")
    client.sendPing()
    server.sendPong(b"unasked")
    world.run()
    assert told(server, "onPing") == [(b"are you there?",), (b"",)]
    assert told(client, "onPong") == [(b"unasked",), (b"are you there?",), (b"",)]


@pytest.mark.autobahn("C-29")
@pytest.mark.parametrize("size", [4, 12, 125])
def test_automatic_pings_find_out_whether_the_peer_is_there(world: World, size: int) -> None:
    pongs: list[Any] = []
    server, client = world.connect(
        {
            "onAutoPong": lambda self, *pong: pongs.append(pong),
            "onAutoPingTimeout": lambda self: self.log_of_test.append(("late",)),
        },
        server_options={"autoPingInterval": 10, "autoPingTimeout": 5, "autoPingSize": size},
    )
    world.advance(35)
    assert len(told(client, "onPing")) == 3
    assert {len(payload) for (payload,) in told(client, "onPing")} == {size}
    assert [(number, round_trip, len(payload)) for _, number, _, round_trip, payload in pongs] == [
        (number, 0, size) for number in (1, 2, 3)
    ]
    assert told(server, "onPong") == []
    client.transport.pause_reading()
    world.advance(16)
    assert told(server, "late") == [()]
    assert "ping timeout" in told(server, "onClose")[0][2]


@pytest.mark.parametrize(("any_traffic", "pings"), [(True, 0), (False, 4)])
def test_anything_received_can_count_as_life(world: World, any_traffic: bool, pings: int) -> None:
    server, client = world.connect(
        server_options={"autoPingInterval": 10, "autoPingTimeout": 5, "autoPingRestartOnAnyTraffic": any_traffic}
    )
    for _ in range(9):
        world.advance(5)
        client.sendMessage(b"alive")
        world.run()
    assert len(told(client, "onPing")) == pings
    assert told(server, "onClose") == []


def test_traffic_stands_for_a_pong(world: World) -> None:
    server, client = world.connect(
        {}, {"sendPong": lambda self, payload=None: None}, server_options={"autoPingInterval": 10, "autoPingTimeout": 5}
    )
    for _ in range(10):
        world.advance(4)
        client.sendMessage(b"alive")
        world.run()
    world.advance(11)
    client.sendMessage(b"instead of a pong")
    world.advance(6)
    assert told(server, "onClose") == []
    world.advance(20)
    assert "ping timeout" in told(server, "onClose")[0][2]


def test_who_pings_on_and_on_without_reading_is_dropped(world: World) -> None:
    server, client = world.connect()
    pause, _ = WRITING[world.name]
    getattr(server, pause)()
    server.transport.resume_reading()
    for _ in range(3000):
        client.sendPing(b"x" * 125)
    world.run()
    assert "without reading" in told(server, "onClose")[0][2]


# Backpressure

WRITING = {"asyncio": ("pause_writing", "resume_writing"), "twisted": ("pauseProducing", "resumeProducing")}


class Producer:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


@pytest.mark.autobahn("W-5")
def test_a_server_takes_nothing_from_a_client_that_takes_nothing(world: World) -> None:
    server, client = world.connect()
    pause, resume = WRITING[world.name]
    getattr(server, pause)()
    client.sendMessage(b"waits")
    world.run()
    assert told(server, "onMessage") == []
    getattr(server, resume)()
    world.run()
    assert told(server, "onMessage") == [(b"waits", False)]


class Pulled(Producer):
    """Has nothing to write when it is asked."""

    def __init__(self, channel: Any) -> None:
        super().__init__()
        self.channel = channel

    def resumeProducing(self) -> None:
        super().resumeProducing()
        self.channel.unregisterProducer()


@pytest.mark.autobahn("W-5")
@pytest.mark.parametrize("side", ["server", "client"])
def test_producers_are_told_when_to_pause(world: World, side: str) -> None:
    server, client = world.connect()
    own = server if side == "server" else client
    pause, resume = WRITING[world.name]
    producer = Producer()
    own.registerProducer(producer, True)
    with pytest.raises(RuntimeError):
        own.registerProducer(producer, True)
    getattr(own, pause)()
    getattr(own, resume)()
    assert producer.calls == ["pause", "resume"]
    own.unregisterProducer()
    getattr(own, pause)()
    assert producer.calls == ["pause", "resume"]
    pulled = Pulled(own)
    own.registerProducer(pulled, False)
    assert "resume" not in pulled.calls
    getattr(own, resume)()
    world.run()
    assert pulled.calls[-1] == "resume"
