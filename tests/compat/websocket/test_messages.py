"""Messages over connections of both frameworks: whole, in frames and piece by piece."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from trowamp_compat.exception import Disconnected, PayloadExceededError
from trowamp_compat.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponseAccept,
)

from trowamp import LocalProtocolError

from .pairs import World, told

COMPRESSED: dict[str, Any] = {
    "server_options": {"perMessageCompressionAccept": lambda offers: PerMessageDeflateOfferAccept(offers[0])},
    "client_options": {
        "perMessageCompressionOffers": [PerMessageDeflateOffer()],
        "perMessageCompressionAccept": PerMessageDeflateResponseAccept,
    },
}


def echo(self: Any, payload: bytes, is_binary: bool) -> None:
    self.sendMessage(payload, is_binary)


@pytest.mark.autobahn("S-92")
@pytest.mark.parametrize("is_binary", [False, True])
@pytest.mark.parametrize("payload", [b"", b"hello", "grüß".encode(), b"x" * 70000])
def test_messages_go_both_ways(world: World, payload: bytes, is_binary: bool) -> None:
    server, client = world.connect({"onMessage": echo})
    client.sendMessage(payload, is_binary)
    world.run()
    assert told(client, "onMessage") == [(payload, is_binary)]
    server.sendMessage(b"second", True)
    world.run()
    assert told(client, "onMessage")[1:] == [(b"second", True)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_message_can_be_sent_in_fragments(world: World, size: int) -> None:
    server, client = world.connect()
    client.sendMessage(b"0123456789", True, fragmentSize=size)
    world.run()
    assert told(server, "onMessage") == [(b"0123456789", True)]
    assert (
        server.trafficStats.incomingWebSocketFrames
        == client.trafficStats.outgoingWebSocketFrames
        == max(1, -(-10 // size))
    )


def test_fragments_can_be_an_option(world: World) -> None:
    server, client = world.connect(client_options={"autoFragmentSize": 4})
    client.sendMessage(b"0123456789")
    world.run()
    assert told(server, "onMessage") == [(b"0123456789", False)]
    assert client.trafficStats.outgoingWebSocketFrames == 3


@pytest.mark.parametrize("options", [{}, COMPRESSED])
def test_a_message_can_be_sent_frame_by_frame(world: World, options: dict[str, Any]) -> None:
    server, client = world.connect(**options)
    client.beginMessage(isBinary=True)
    for part in (b"one", b"", b"two"):
        client.sendMessageFrame(part)
    client.sendPing(b"between")
    client.endMessage()
    world.run()
    assert told(server, "onMessage") == [(b"onetwo", True)]
    assert told(server, "onPing") == [(b"between",)]
    assert told(client, "onPong") == [(b"between",)]


@pytest.mark.parametrize("options", [{}, COMPRESSED])
def test_a_frame_can_be_sent_piece_by_piece(world: World, options: dict[str, Any]) -> None:
    server, client = world.connect(**options)
    client.beginMessage()
    client.beginMessageFrame(6)
    assert client.sendMessageFrameData(b"one") == 3
    assert client.sendMessageFrameData(b"two-too-much") == -9
    client.sendMessageFrame(b"!")
    client.endMessage()
    client.sendMessage(b"next")
    world.run()
    assert told(server, "onMessage") == [(b"onetwo!", False), (b"next", False)]


def test_in_a_compressed_message_a_piecewise_frame_is_sent_when_it_is_whole(world: World) -> None:
    server, client = world.connect(**COMPRESSED)
    client.beginMessage()
    client.sendMessageFrame(b"a" * 1000)
    client.beginMessageFrame(1000)
    assert client.sendMessageFrameData(b"a" * 400) == 600
    assert client.sendMessageFrameData(b"a" * 600) == 0
    client.endMessage()
    world.run()
    assert told(server, "onMessage") == [(b"a" * 2000, False)]
    assert client.trafficStats.outgoingOctetsWireLevel < 200


def test_what_is_out_of_turn_is_refused(world: World) -> None:
    _, client = world.connect()
    with pytest.raises(LocalProtocolError):
        client.sendMessageFrame(b"no message was begun")
    with pytest.raises(LocalProtocolError):
        client.endMessage()
    with pytest.raises(LocalProtocolError):
        client.sendMessageFrameData(b"no frame was begun")
    client.beginMessage()
    for wrong in (client.beginMessage, lambda: client.sendMessage(b"inside another")):
        with pytest.raises(LocalProtocolError):
            wrong()
    with pytest.raises(ValueError, match="cannot have -1"):
        client.beginMessageFrame(-1)
    client.beginMessageFrame(2)
    with pytest.raises(LocalProtocolError):
        client.sendMessageFrame(b"inside a frame")
    with pytest.raises(LocalProtocolError):
        client.sendPing(b"inside a frame")


FRAMES = (
    "onMessageBegin",
    "onMessageFrameBegin",
    "onMessageFrameData",
    "onMessageFrameEnd",
    "onMessageFrame",
    "onMessageEnd",
)


def noting_frames(names: tuple[str, ...]) -> dict[str, Any]:
    def method(name: str) -> Any:
        return lambda self, *args: self.log_of_test.append((name, *args))

    return {name: method(name) for name in names}


def test_frames_can_be_received_one_by_one(world: World) -> None:
    server, client = world.connect(noting_frames(("onMessageBegin", "onMessageFrame", "onMessageEnd")))
    client.sendMessage(b"abcdef", True, fragmentSize=4)
    world.run()
    assert server.log_of_test[1:] == [
        ("onMessageBegin", True),
        ("onMessageFrame", [b"abcd"]),
        ("onMessageFrame", [b"ef"]),
        ("onMessageEnd",),
    ]


def test_frames_can_be_received_piece_by_piece(world: World) -> None:
    server, client = world.connect(noting_frames(FRAMES))
    client.beginMessage()
    client.beginMessageFrame(4)
    for piece in (b"ab", b"cd"):
        client.sendMessageFrameData(piece)
        world.run()
    client.endMessage()
    world.run()
    assert server.log_of_test[1:] == [
        ("onMessageBegin", False),
        ("onMessageFrameBegin", 4),
        ("onMessageFrameData", b"ab"),
        ("onMessageFrameData", b"cd"),
        ("onMessageFrameEnd",),
        ("onMessageFrameBegin", 0),
        ("onMessageFrameEnd",),
        ("onMessageEnd",),
    ]


def test_who_listens_to_pieces_gets_whole_messages_too(world: World) -> None:
    def begin(self: Any, is_binary: bool) -> None:
        base(self).onMessageBegin(is_binary)

    def base(self: Any) -> Any:
        return super(type(self), self)

    server, client = world.connect({"onMessageBegin": begin}, **COMPRESSED)
    client.sendMessage(b"abcdef" * 100, fragmentSize=4)
    client.sendMessage(b"", True)
    world.run()
    assert told(server, "onMessage") == [(b"abcdef" * 100, False), (b"", True)]
    assert server.trafficStats.incomingWebSocketFrames == client.trafficStats.outgoingWebSocketFrames


def test_prepared_messages_are_framed_once(world: World) -> None:
    server, client = world.connect()
    prepared = server.factory.prepareMessage(b"for all", isBinary=True)
    server.sendPreparedMessage(prepared)
    client.sendPreparedMessage(client.factory.prepareMessage(b"masked all the same"))
    world.run()
    assert told(client, "onMessage") == [(b"for all", True)]
    assert told(server, "onMessage") == [(b"masked all the same", False)]
    assert b"masked all the same" not in client.transport.sent


@pytest.mark.parametrize("uncompressed", [False, True])
def test_prepared_messages_are_compressed_where_that_was_agreed(world: World, uncompressed: bool) -> None:
    server, client = world.connect(**COMPRESSED)
    server.sendPreparedMessage(server.factory.prepareMessage(b"a" * 1000, doNotCompress=uncompressed))
    world.run()
    assert told(client, "onMessage") == [(b"a" * 1000, False)]
    assert (b"a" * 1000 in server.transport.sent) is uncompressed


@pytest.mark.autobahn("W-2")
def test_masks_come_from_the_systems_random_source(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import random

    state = random.getstate()
    monkeypatch.setattr(random, "getrandbits", None)
    asked: list[int] = []

    def noting_octets(count: int) -> bytes:
        asked.append(count)
        return real(count)

    from trowamp_compat.websocket import _client

    real = secrets.token_bytes
    monkeypatch.setattr(_client, "random_octets", noting_octets)
    server, client = world.connect()
    client.sendMessage(b"hello", True)
    world.run()
    assert told(server, "onMessage") == [(b"hello", True)]
    assert asked
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("side", "options", "is_masked"),
    [
        ("client", {}, True),
        ("client", {"applyMask": False}, False),
        ("client", {"maskClientFrames": False}, False),
        ("server", {}, False),
        ("server", {"maskServerFrames": True}, True),
        ("server", {"maskServerFrames": True, "applyMask": False}, False),
    ],
)
def test_masking_can_be_chosen(world: World, side: str, options: dict[str, Any], is_masked: bool) -> None:
    lenient = {"requireMaskedClientFrames": False}, {"acceptMaskedServerFrames": True}
    server, client = world.connect(
        server_options=lenient[0] | (options if side == "server" else {}),
        client_options=lenient[1] | (options if side == "client" else {}),
    )
    sender, receiver = (client, server) if side == "client" else (server, client)
    sender.sendMessage(b"in the clear?")
    world.run()
    assert told(receiver, "onMessage") == [(b"in the clear?", False)]
    assert (b"in the clear?" not in sender.transport.sent) is is_masked


def test_what_cannot_be_sent_is_refused(world: World) -> None:
    _, client = world.connect(client_options={"maxMessagePayloadSize": 10})
    with pytest.raises(PayloadExceededError):
        client.sendMessage(b"x" * 11)
    for arguments in (("text",), (b"", 1), (b"", True, 0.5)):
        with pytest.raises(AssertionError):
            client.sendMessage(*arguments)
    with pytest.raises(ValueError, match="126 octets"):
        client.sendPing(b"x" * 126)
    client.dropConnection()
    with pytest.raises(Disconnected):
        client.sendMessage(b"")
    for silent in (client.sendPing, client.sendPong, client.beginMessage, client.endMessage, client.sendClose):
        assert silent() is None
    assert client.sendMessageFrameData(b"") is None


@pytest.mark.autobahn("W-5")
def test_the_limit_counts_what_a_message_is_before_it_is_compressed(world: World) -> None:
    options = {**COMPRESSED, "client_options": COMPRESSED["client_options"] | {"maxMessagePayloadSize": 1000}}
    server, client = world.connect(**options)
    with pytest.raises(PayloadExceededError):
        client.sendMessage(b"a" * 1001)
    client.sendMessage(b"a" * 1000)
    world.run()
    assert told(server, "onMessage") == [(b"a" * 1000, False)]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"maxMessagePayloadSize": 10}, b"x" * 11), ({"maxFramePayloadSize": 10}, b"x" * 11)],
)
@pytest.mark.parametrize("by_drop", [False, True])
def test_what_is_too_large_ends_the_connection(
    world: World, options: dict[str, Any], message: bytes, by_drop: bool
) -> None:
    server, client = world.connect({"onMessage": echo}, server_options=options | {"failByDrop": by_drop})
    client.sendMessage(b"x" * 10)
    client.sendMessage(message)
    world.run()
    assert told(client, "onMessage") == [(b"x" * 10, False)]
    (closed,) = told(client, "onClose")
    assert closed[:2] == ((False, 1006) if by_drop else (True, 1009))
    assert server.failedByMe


def test_a_bomb_is_refused_without_any_limit_set(world: World) -> None:
    server, client = world.connect(
        server_options=COMPRESSED["server_options"], client_options=COMPRESSED["client_options"]
    )
    client._channel.send_message(bytes(2**26 + 1), is_binary=True)
    client._flush()
    world.run()
    assert told(server, "onMessage") == []
    assert "exceeds" in server.wasNotCleanReason or "67108864" in server.wasNotCleanReason


def test_listeners_hear_what_methods_are_told(world: World) -> None:
    heard: list[tuple[Any, ...]] = []
    server, client = world.connect()
    client.on("message", lambda payload, is_binary: heard.append((payload, is_binary)))
    client.on("close", lambda was_clean, code, reason: heard.append((was_clean, code, reason)))
    server.sendMessage(b"hello", True)
    server.sendClose(3000, "enough")
    world.run()
    assert heard == [(b"hello", True), (True, 3000, "enough")]
    with pytest.raises(RuntimeError):
        client.on("nonsense", print)
