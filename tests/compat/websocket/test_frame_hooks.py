"""What subclasses may override to see frames: the log of frames and of octets, and the Close frame."""

from __future__ import annotations

from typing import Any

import pytest

from .pairs import World, told


def noting_frames() -> dict[str, Any]:
    def received(self: Any, header: Any, payload: list[bytes]) -> None:
        self.log_of_test.append(("received", header.opcode, header.fin, header.rsv, header.mask, b"".join(payload)))

    def sent(self: Any, header: Any, payload: bytes, *rest: Any) -> None:
        self.log_of_test.append(("sent", header.opcode, header.fin, header.rsv, header.mask, payload))
        assert rest == (None, None, False)
        assert header.length == len(payload)

    return {"logRxFrame": received, "logTxFrame": sent}


def connect_noting(world: World, *, log_frames: bool = True) -> tuple[Any, Any]:
    server_factory = world.module.WebSocketServerFactory()
    client_factory = world.module.WebSocketClientFactory("ws://localhost:9000/")
    for factory, base in (
        (server_factory, world.module.WebSocketServerProtocol),
        (client_factory, world.module.WebSocketClientProtocol),
    ):
        factory.protocol = type("Noting", (base,), {"log_of_test": None, "onOpen": start_log, **noting_frames()})
        factory.logFrames = log_frames
    return world.join(server_factory, client_factory)


def start_log(self: Any) -> None:
    self.log_of_test = []


def test_both_sides_see_the_same_frames(world: World) -> None:
    server, client = connect_noting(world)
    client.sendMessage(b"text")
    client.sendMessage(b"in fragments", True, fragmentSize=5)
    client.sendPing(b"ping")
    client.sendMessage(bytes(70_000), True)
    server.sendMessage(bytes(200))
    world.run()
    sent, received = told(client, "sent"), told(server, "received")
    assert sent == received
    assert [(opcode, fin, rsv, payload) for opcode, fin, rsv, _, payload in sent] == [
        (1, True, 0, b"text"),
        (2, False, 0, b"in fr"),
        (0, False, 0, b"agmen"),
        (0, True, 0, b"ts"),
        (9, True, 0, b"ping"),
        (2, True, 0, bytes(70_000)),
    ]
    assert all(len(mask) == 4 for _, _, _, mask, _ in sent)
    assert told(client, "received") == told(server, "sent")
    assert {frame[3] for frame in told(server, "sent")} == {None}
    assert {frame[4] for frame in told(server, "sent")} == {b"ping", bytes(200)}


def test_frames_are_seen_however_their_octets_come(world: World) -> None:
    server, client = connect_noting(world)
    client.sendMessage(bytes(300), True)
    client.sendMessage(b"x")
    octets = bytes(client.transport.written)
    client.transport.written.clear()
    for octet in octets:
        world.feed(server.transport, bytes([octet]))
    assert [frame[4] for frame in told(server, "received")] == [bytes(300), b"x"]


def test_nobody_is_told_of_frames_without_the_option(world: World) -> None:
    server, client = connect_noting(world, log_frames=False)
    client.sendMessage(b"text")
    world.run()
    assert told(server, "received") == told(client, "sent") == []


def test_frames_go_to_the_log_unless_a_subclass_takes_them(world: World) -> None:
    class Log:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def debug(self, text: str, **values: Any) -> None:
            self.lines.append(text.format(**values))

    server, client = world.connect()
    for side in (server, client):
        side.log = Log()
        side.logFrames = side.logOctets = True
    client.sendMessage(b"AB")
    world.run()
    mask = client.transport.sent[-6:-2].hex()
    frame = f"opcode=1, fin=True, rsv=0, length=2, mask={mask}, payload=4142"
    assert f"TX frame to {client.peer} : {frame}" in client.log.lines
    assert f"RX frame from {server.peer} : {frame}" in server.log.lines
    assert client.log.lines[0] == f"TX octets to {client.peer} : {client.transport.sent[-8:].hex()}"


@pytest.mark.parametrize("calls_super", [True, False])
@pytest.mark.parametrize(("code", "reason"), [(None, None), (1000, None), (3000, "enough")])
def test_a_close_frame_is_told_of_and_answered_in_any_case(
    world: World, code: int | None, reason: str | None, calls_super: bool
) -> None:
    def on_close_frame(self: Any, *args: Any) -> None:
        self.log_of_test.append(("onCloseFrame", *args))
        if calls_super:
            super(type(self), self).onCloseFrame(*args)

    server, client = world.connect({"onCloseFrame": on_close_frame}, {"onCloseFrame": on_close_frame})
    client.sendClose(code, reason)
    world.run()
    assert told(server, "onCloseFrame") == [(code, None if reason is None else reason.encode())]
    assert told(client, "onCloseFrame") == [(1000, None)]
    assert told(server, "onClose") == [(True, code, reason)]
    assert told(client, "onClose") == [(True, 1000, None)]
    assert bytes(server.transport.sent).endswith(b"\x88\x02\x03\xe8")
    assert server.transport.sent.count(b"\x88\x02\x03\xe8") == 1


def test_a_close_frame_is_answered_also_if_the_hook_fails(world: World) -> None:
    def on_close_frame(self: Any, *_: Any) -> None:
        raise RuntimeError("the hook fails")

    server, client = world.connect({"onCloseFrame": on_close_frame}, server_options={"failByDrop": False})
    client.sendClose(1000)
    world.run()
    assert server.localCloseCode == 1011
    assert client.remoteCloseCode == 1011
    assert server.transport.is_lost
    assert client.transport.is_lost
