"""Connecting: what is reached, and why it is not."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from trowamp import ConnectError
from trowamp._connect import default_tls, open_transport
from trowamp._listen import open_listener
from trowamp._stream import ByteTransport
from trowamp._tls import TlsTransport
from trowamp._url import RouterUrl, parse_url

from .transports import HOST, TRUST, Resolver, cancelled_at_every_step, client_tls, no_files_left_open, server_tls

Handler = Callable[[trio.SocketStream], Awaitable[None]]


async def echo(stream: trio.SocketStream) -> None:
    async for data in stream:
        await stream.send_all(data)


async def hang_up(stream: trio.SocketStream) -> None:
    await stream.receive_some()


async def say(octets: bytes, stream: trio.SocketStream) -> None:
    await stream.send_all(octets)
    await stream.receive_some()


@asynccontextmanager
async def serving(handler: Handler, host: str = "127.0.0.1") -> AsyncGenerator[int, None]:
    """Serve plain TCP, yield the port, and do not mind what clients do."""

    async def serve(stream: trio.SocketStream) -> None:
        try:
            async with stream:
                await handler(stream)
        except trio.BrokenResourceError:
            pass

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host=host))
        try:
            yield listeners[0].socket.getsockname()[1]
        finally:
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def serving_tls(tls: ssl.SSLContext) -> AsyncGenerator[int, None]:
    async def serve(transport: ByteTransport) -> None:
        assert isinstance(transport, TlsTransport)
        try:
            await transport.handshake()
            while data := await transport.receive_some():
                await transport.send_all(data)
        except trio.BrokenResourceError:
            pass

    listener = await open_listener(parse_url("rss://127.0.0.1:0"), tls=tls)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.serve, serve)
        try:
            yield listener.url.port
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()
            nursery.cancel_scope.cancel()


async def connect(text: str, tls: ssl.SSLContext | None = None) -> ByteTransport:
    trio.socket.set_custom_hostname_resolver(Resolver(**{"twice.example": ["127.0.0.2", "127.0.0.1"]}))
    return await open_transport(parse_url(text), tls=tls)


async def connect_and_talk(text: str, tls: ssl.SSLContext | None = None) -> None:
    transport = await connect(text, tls)
    try:
        await transport.send_all(b"hello")
        assert await transport.receive_some() == b"hello"
    finally:
        transport.abort()


async def failure(text: str, tls: ssl.SSLContext | None = None) -> str:
    """Fail to connect; return why."""
    with pytest.raises(ConnectError) as caught:
        await connect(text, tls)
    return str(caught.value)


async def test_a_router_is_reached_by_tcp() -> None:
    async with serving(echo) as port:
        await connect_and_talk(f"rs://127.0.0.1:{port}")
        await connect_and_talk(f"ws://{HOST}:{port}/ws")


async def test_all_addresses_of_a_host_are_tried() -> None:
    async with serving(echo) as port:
        await connect_and_talk(f"rs://twice.example:{port}")


async def test_a_router_is_reached_by_tls_and_has_to_prove_who_it_is() -> None:
    async with serving_tls(server_tls()) as port:
        await connect_and_talk(f"rss://{HOST}:{port}", client_tls())
        await connect_and_talk(f"wss://127.0.0.1:{port}", client_tls())


async def test_a_client_certificate_is_shown() -> None:
    async with serving_tls(server_tls(wants_certificate=True)) as port:
        await connect_and_talk(f"rss://{HOST}:{port}", client_tls(has_certificate=True))


async def test_a_router_is_reached_by_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "router socket"
    with trio.socket.socket(socket.AF_UNIX) as listening:
        await listening.bind(str(path))
        listening.listen()
        transport = await connect(RouterUrl(scheme="rs+unix", path=str(path)).text)
        assert transport.description == f"unix {path}"
        transport.abort()


async def test_a_connection_says_where_it_leads() -> None:
    async with serving_tls(server_tls()) as port:
        transport = await connect(f"rss://{HOST}:{port}", client_tls())
        assert transport.description == f"tcp {HOST}:{port} (TLS)"
        assert transport.details == {"type": "tcp", "tls": True}
        transport.abort()
    async with serving(echo) as port:
        transport = await connect(f"ws://{HOST}:{port}")
        assert transport.description == f"tcp {HOST}:{port}"
        assert transport.details == {"type": "tcp", "tls": False}
        transport.abort()


async def test_nobody_listens_at_the_port(unused: int) -> None:
    assert await failure(f"rs://127.0.0.1:{unused}") == (
        f"cannot connect to rs://127.0.0.1:{unused}: Connection refused (is the router running?)"
    )


async def test_one_reason_is_told_once_for_several_addresses(unused: int) -> None:
    assert await failure(f"ws://twice.example:{unused}/ws?token=secret") == (
        f"cannot connect to ws://twice.example:{unused}/ws?…: Connection refused (is the router running?)"
    )


async def test_the_host_is_not_known() -> None:
    assert await failure("ws://unknown.example/ws") == (
        "cannot connect to ws://unknown.example:80/ws: Name or service not known"
    )


async def test_there_is_no_unix_socket(tmp_path: Path) -> None:
    assert await failure(f"rs+unix://{tmp_path}/none") == (
        f"cannot connect to rs+unix://{tmp_path}/none: No such file or directory"
    )


async def test_nobody_listens_at_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    assert (await failure(f"rs+unix://{path}")).endswith(": Connection refused (is the router running?)")


async def test_a_path_is_too_long_for_a_unix_socket() -> None:
    assert (await failure("rs+unix:///" + 200 * "x")).endswith(": AF_UNIX path too long")


async def test_a_unix_socket_may_be_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "forbidden"
    user = os.geteuid()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        if user == 0:
            os.seteuid(65534)  # root may do everything
        try:
            assert (await failure(f"rs+unix://{path}")).endswith(": Permission denied")
        finally:
            os.seteuid(user)


@pytest.mark.parametrize(
    ("host", "tls", "server", "words"),
    [
        (
            HOST,
            None,
            server_tls(),
            f"its certificate was not accepted: unable to get local issuer certificate; {TRUST}",
        ),
        (
            "localhost.example",
            client_tls(),
            server_tls(),
            "its certificate was not accepted: Hostname mismatch, certificate is not valid for 'localhost.example'.",
        ),
        (HOST, client_tls(), server_tls(expired=True), "its certificate was not accepted: certificate has expired"),
    ],
    ids=["unknown authority", "other host", "expired"],
)
async def test_a_certificate_is_not_accepted(
    host: str, tls: ssl.SSLContext | None, server: ssl.SSLContext, words: str
) -> None:
    async with serving_tls(server) as port:
        trio.socket.set_custom_hostname_resolver(Resolver(**{"localhost.example": ["127.0.0.1"]}))
        with pytest.raises(ConnectError) as caught:
            await open_transport(parse_url(f"wss://{host}:{port}/ws"), tls=tls)
    assert str(caught.value) == f"cannot connect to wss://{host}:{port}/ws: {words}"


async def test_a_server_that_wants_a_certificate_says_so_when_it_is_read() -> None:
    async with serving_tls(server_tls(wants_certificate=True)) as port:
        transport = await connect(f"rss://{HOST}:{port}", client_tls())  # in TLS 1.3 the client is done first
        with pytest.raises(trio.BrokenResourceError, match="^TLS failed: the peer wants a certificate$"):
            await transport.receive_some()
        transport.abort()


async def test_the_server_does_not_speak_tls() -> None:
    async with serving(partial(say, b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert await failure(f"wss://{HOST}:{port}") == (
            f"cannot connect to wss://{HOST}:{port}/: TLS failed: the peer does not speak TLS"
            "; if it has no TLS, its URL begins with ws://"
        )


async def test_the_server_hangs_up_on_the_tls_handshake() -> None:
    async with serving(hang_up) as port:
        assert (await failure(f"rss://{HOST}:{port}")).endswith(
            "the peer ended the connection during the TLS handshake; if it has no TLS, its URL begins with rs://"
        )


async def test_the_configuration_is_a_server_s() -> None:
    async with serving(hang_up) as port:
        with pytest.raises(ValueError, match="^tls= is the configuration of a server$"):
            await connect(f"rss://{HOST}:{port}", server_tls())


def test_the_default_verifies_everything() -> None:
    context = default_tls()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_port_0_and_proxied_unix_sockets_make_no_sense() -> None:
    with pytest.raises(ValueError, match="port 0 is for listening only: ws://h:0/"):
        await open_transport(parse_url("ws://h:0"))
    with pytest.raises(ValueError, match="cannot be reached through a proxy"):
        await open_transport(parse_url("rs+unix:///r.sock"), proxy="http://proxy:3128")


async def test_a_connection_that_is_cancelled_at_any_step_leaves_nothing_open() -> None:
    with no_files_left_open():
        async with serving(echo) as port:
            assert await cancelled_at_every_step(partial(connect_and_talk, f"rs://twice.example:{port}")) > 5


async def test_a_tls_connection_that_is_cancelled_at_any_step_leaves_nothing_open() -> None:
    with no_files_left_open():
        async with serving_tls(server_tls()) as port:
            talk = partial(connect_and_talk, f"rss://{HOST}:{port}", client_tls())
            assert await cancelled_at_every_step(talk) > 5


@pytest.fixture
def unused() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
