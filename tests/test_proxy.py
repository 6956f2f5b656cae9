"""Connecting through proxies: HTTP CONNECT and SOCKS, and why it fails."""

from __future__ import annotations

import base64
import ssl
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from trowamp import ConnectError
from trowamp._connect import open_transport
from trowamp._url import parse_url

from .test_connect import echo, serving, serving_tls, unused
from .transports import HOST, Resolver, cancelled_at_every_step, client_tls, no_files_left_open, server_tls

__all__ = ["unused"]

Talk = Callable[[trio.SocketStream], Awaitable[None]]


class HttpProxy:
    """A proxy that knows one way: to a port of this machine.

    Args:
        target: The port; every host is this machine.
        credentials: What it wants to be told, as `user:password`.
    """

    def __init__(self, target: int, credentials: str | None = None) -> None:
        self.target = target
        self.credentials = credentials
        self.requests: list[bytes] = []

    async def serve(self, stream: trio.SocketStream) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await exactly(stream, 1)
        self.requests.append(head)
        if self.credentials is not None:
            wanted = b"Proxy-Authorization: Basic " + base64.b64encode(self.credentials.encode())
            if wanted not in head.split(b"\r\n"):
                await stream.send_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
        await stream.send_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
        await join(stream, self.target)


class SocksProxy:
    """A SOCKS5 proxy (RFC 1928, RFC 1929) that knows one way: to a port of this machine.

    Args:
        target: The port; every host is this machine.
        credentials: What it wants to be told: user and password.
        reply: How it answers requests; 0 is success.
    """

    def __init__(self, target: int, credentials: tuple[bytes, bytes] | None = None, reply: int = 0) -> None:
        self.target = target
        self.credentials = credentials
        self.reply = reply
        self.hosts: list[bytes] = []

    async def serve(self, stream: trio.SocketStream) -> None:
        _, count = await exactly(stream, 2)
        methods = await exactly(stream, count)
        method = 0 if self.credentials is None else 2
        if method not in methods:
            await stream.send_all(b"\x05\xff")
            return
        await stream.send_all(bytes([5, method]))
        if self.credentials is not None and not await self._authenticated(stream):
            return
        await exactly(stream, 3)
        kind = (await exactly(stream, 1))[0]
        size = {1: 4, 4: 16}.get(kind) or (await exactly(stream, 1))[0]
        self.hosts.append(await exactly(stream, size))
        await exactly(stream, 2)
        await stream.send_all(bytes([5, self.reply, 0, 1]) + bytes(6))
        if not self.reply:
            await join(stream, self.target)

    async def _authenticated(self, stream: trio.SocketStream) -> bool:
        await exactly(stream, 1)
        given = [await exactly(stream, (await exactly(stream, 1))[0]) for _ in range(2)]
        is_right = tuple(given) == self.credentials
        await stream.send_all(b"\x01\x00" if is_right else b"\x01\x01")
        return is_right


async def exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        if not part:
            raise trio.BrokenResourceError
        data += part
    return data


async def join(stream: trio.SocketStream, port: int) -> None:
    """Carry octets between a client and a port of this machine, until either ends."""

    async def carry(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
        async for data in source:
            await sink.send_all(data)
        scope.cancel()

    async with await trio.open_tcp_stream("127.0.0.1", port) as target:
        with trio.CancelScope() as scope:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(carry, stream, target, scope)
                    nursery.start_soon(carry, target, stream, scope)
            except* trio.BrokenResourceError:
                pass


@asynccontextmanager
async def http_proxy(credentials: str | None = None) -> AsyncGenerator[tuple[HttpProxy, int], None]:
    """Run a proxy to an echo server; yield it and its port."""
    async with serving(echo) as target:
        proxy = HttpProxy(target, credentials)
        async with serving(proxy.serve) as port:
            yield proxy, port


@asynccontextmanager
async def socks_proxy(
    credentials: tuple[bytes, bytes] | None = None, reply: int = 0
) -> AsyncGenerator[tuple[SocksProxy, int], None]:
    async with serving(echo) as target:
        proxy = SocksProxy(target, credentials, reply)
        async with serving(proxy.serve) as port:
            yield proxy, port


async def talk(url: str, proxy: str, tls: ssl.SSLContext | None = None) -> None:
    """Connect through a proxy and have something echoed."""
    trio.socket.set_custom_hostname_resolver(Resolver())
    transport = await open_transport(parse_url(url), tls=tls, proxy=proxy)
    try:
        await transport.send_all(b"hello")
        assert await transport.receive_some() == b"hello"
    finally:
        transport.abort()


async def failure(url: str, proxy: str) -> str:
    """Fail to connect through a proxy; return why."""
    with pytest.raises(ConnectError) as caught:
        await talk(url, proxy)
    return str(caught.value)


# ---- HTTP


async def test_an_http_proxy_is_asked_for_the_host_by_its_name() -> None:
    async with http_proxy() as (proxy, port):
        await talk("rs://only.the-proxy-knows.example:9000", f"http://{HOST}:{port}")
    assert proxy.requests == [
        b"CONNECT only.the-proxy-knows.example:9000 HTTP/1.1\r\nHost: only.the-proxy-knows.example:9000\r\n\r\n"
    ]


async def test_an_ipv6_address_stands_in_brackets() -> None:
    async with http_proxy() as (proxy, port):
        await talk("rs://[2001:db8::1]:9000", f"http://127.0.0.1:{port}")
    assert proxy.requests[0].startswith(b"CONNECT [2001:db8::1]:9000 HTTP/1.1\r\n")


async def test_an_http_proxy_is_told_user_and_password() -> None:
    async with http_proxy("jöe:p@ss:word") as (_, port):
        await talk("rs://h.example:9000", f"http://j%C3%B6e:p%40ss%3Aword@127.0.0.1:{port}")


async def test_tls_goes_through_a_proxy_to_the_router() -> None:
    async with serving_tls(server_tls()) as target, serving(HttpProxy(target).serve) as port:
        await talk(f"wss://{HOST}/ws", f"http://127.0.0.1:{port}", client_tls())


async def test_an_http_proxy_wants_credentials() -> None:
    async with http_proxy("joe:secret") as (_, port):
        for given in ("", "joe:wrong@"):
            assert await failure("ws://h.example/ws", f"http://{given}127.0.0.1:{port}") == (
                f"cannot connect to ws://h.example:80/ws: through the proxy http://127.0.0.1:{port}: "
                "it wants other credentials, as in http://user:password@host: 407 Proxy Authentication Required"
            )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "it refuses the connection: 403 Forbidden"),
        (b"HTTP/1.1 502 \x1b[31mBad\r\n\r\n", "it refuses the connection: 502 \ufffd[31mBad"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "it sends data although nobody has spoken yet"),
        (b"SSH-2.0-server\r\n\r\n", "it does not speak HTTP: 'SSH-2.0-server'"),
        (b"\r\n\r\n", "it does not speak HTTP: ''"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "its answer to CONNECT does not end"),
        (b"HTTP/1.1 200 OK\r\n", "it closed the connection instead of answering CONNECT"),
        (b"", "it closed the connection instead of answering CONNECT"),
    ],
    ids=["refused", "unreadable", "too much", "other protocol", "nothing", "endless", "half", "closed"],
)
async def test_an_http_proxy_does_not_do_it(answer: bytes, words: str) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    async with serving(serve) as port:
        assert (await failure("ws://h.example/", f"http://127.0.0.1:{port}")).endswith(
            f": through the proxy http://127.0.0.1:{port}: {words}"
        )


async def test_an_answer_may_come_in_pieces() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        for octet in b"HTTP/1.1 200 OK\r\n\r\n":
            await stream.send_all(bytes([octet]))
            await trio.testing.wait_all_tasks_blocked()
        await echo(stream)

    async with serving(serve) as port:
        await talk("rs://h.example:1", f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_nobody_listens_at_the_proxy(scheme: str, unused: int) -> None:
    assert await failure("ws://h.example/", f"{scheme}://joe:secret@127.0.0.1:{unused}") == (
        f"cannot connect to ws://h.example:80/: through the proxy {scheme}://127.0.0.1:{unused}: Connection refused"
    )


async def test_nobody_knows_the_proxy() -> None:
    assert await failure("ws://h.example/", "http://unknown.example") == (
        "cannot connect to ws://h.example:80/: through the proxy http://unknown.example:80: Name or service not known"
    )


# ---- SOCKS


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
async def test_a_socks_proxy_is_asked_for_the_host_by_its_name(scheme: str) -> None:
    async with socks_proxy() as (proxy, port):
        await talk("rs://only.the-proxy-knows.example:9000", f"{scheme}://127.0.0.1:{port}")
    assert proxy.hosts == [b"only.the-proxy-knows.example"]


async def test_a_socks_proxy_is_told_user_and_password() -> None:
    async with socks_proxy((b"joe", b"p@ss")) as (_, port):
        await talk("rs://h.example:9000", f"socks5://joe:p%40ss@127.0.0.1:{port}")


async def test_tls_goes_through_socks_to_the_router() -> None:
    async with serving_tls(server_tls()) as target, serving(SocksProxy(target).serve) as port:
        await talk(f"rss://{HOST}:1", f"socks5://127.0.0.1:{port}", client_tls())


async def test_a_socks_proxy_wants_credentials() -> None:
    async with socks_proxy((b"joe", b"secret")) as (_, port):
        assert "it refuses the connection: No acceptable authentication methods" in await failure(
            "rs://h.example:1", f"socks5://127.0.0.1:{port}"
        )
        assert "it refuses the connection: Username and password authentication failure" in await failure(
            "rs://h.example:1", f"socks5://joe:wrong@127.0.0.1:{port}"
        )


async def test_a_socks_proxy_cannot_reach_the_host() -> None:
    async with socks_proxy(reply=4) as (_, port):
        assert await failure("rs://h.example:1", f"socks5://127.0.0.1:{port}") == (
            f"cannot connect to rs://h.example:1: through the proxy socks5://127.0.0.1:{port}: "
            "it refuses the connection: Host unreachable"
        )


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05"])
@pytest.mark.parametrize("scheme", ["socks5", "socks4"])
async def test_a_socks_proxy_talks_nonsense(scheme: str, answer: bytes) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)

    async with serving(serve) as port:
        assert f"through the proxy {scheme}://127.0.0.1:{port}: it refuses the connection: " in await failure(
            "rs://127.0.0.1:1", f"{scheme}://127.0.0.1:{port}"
        )


async def test_a_password_that_socks_cannot_carry_is_not_shown() -> None:
    async with socks_proxy((b"joe", b"secret")) as (_, port):
        words = await failure("rs://h.example:1", f"socks5://joe:s%C3%A4cret@127.0.0.1:{port}")
    assert words.endswith("SOCKS carries ASCII only, 255 characters of host, user and password each")
    assert "cret" not in words


async def test_the_library_for_socks_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    assert (await failure("rs://h.example:1", "socks5://127.0.0.1")).endswith(
        'through the proxy socks5://127.0.0.1:1080: SOCKS needs a library: pip install "trowamp[proxy]"'
    )


# ---- both


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "proxy.example:3128",
        "https://proxy.example:3128",
        "ws://proxy.example",
        "http://",
        "http://:3128",
        "http://joe:secret@proxy.example:port",
        "http://joe:secret@proxy.example:99999",
        "http://joe:sec/ret@proxy.example",
        "http://[joe:secret@proxy.example",
        "http://proxy.example/path",
        "http://proxy.example?x",
    ],
)
async def test_what_is_no_proxy_is_refused_without_showing_a_password(proxy: str) -> None:
    with pytest.raises(
        ValueError, match="^a proxy's URL is http://host:port, socks5://host:port or socks4://host:port$"
    ):
        await open_transport(parse_url("ws://h.example"), proxy=proxy)


async def test_cancelled_at_any_step_on_the_way_through_a_proxy_nothing_stays_open() -> None:
    with no_files_left_open():
        async with http_proxy("joe:secret") as (_, port):
            way = partial(talk, "rs://h.example:1", f"http://joe:secret@{HOST}:{port}")
            assert await cancelled_at_every_step(way) > 5
        async with socks_proxy((b"joe", b"secret")) as (_, port):
            way = partial(talk, "rs://h.example:1", f"socks5://joe:secret@127.0.0.1:{port}")
            assert await cancelled_at_every_step(way) > 5
