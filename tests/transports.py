"""What tests of transports need: connected pairs of each kind, certificates, resolvers, and a cancellation at every step."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any

import trio
import trustme
from trio.abc import Instrument

from trowamp._stream import ByteTransport, SocketTransport, memory_pair
from trowamp._tls import TlsTransport

HOST = "router.example"
TRUST = "to trust its issuer: tls=ssl.create_default_context(cafile=…)"  # what is said of strange certificates
KINDS = ["memory", "unix", "tcp", "tls1.2", "tls1.3"]


@cache
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(*, expired: bool = False, wants_certificate: bool = False) -> ssl.SSLContext:
    """Return the configuration of a server with a certificate for `HOST`, localhost and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    not_after = datetime(2001, 1, 1, tzinfo=UTC) if expired else None
    authority().issue_cert(HOST, "localhost", "127.0.0.1", "::1", not_after=not_after).configure_cert(context)
    if wants_certificate:
        authority().configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(*, has_certificate: bool = False) -> ssl.SSLContext:
    """Return the configuration of a client that trusts the authority."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if has_certificate:
        authority().issue_cert("client.example").configure_cert(context)
    return context


def sockets() -> tuple[SocketTransport, SocketTransport]:
    near, far = (trio.socket.from_stdlib_socket(sock) for sock in socket.socketpair())
    return SocketTransport(near, "unix", {"type": "unix"}), SocketTransport(far, "unix", {"type": "unix"})


async def tcp_sockets() -> tuple[SocketTransport, SocketTransport]:
    with trio.socket.socket() as listening:
        await listening.bind(("127.0.0.1", 0))
        listening.listen()
        near = trio.socket.socket()
        await near.connect(listening.getsockname())
        far, _ = await listening.accept()
    return SocketTransport(near, "tcp", {"type": "tcp"}), SocketTransport(far, "tcp", {"type": "tcp"})


def tls_pair(
    client: ssl.SSLContext | None = None, server: ssl.SSLContext | None = None, host: str = HOST
) -> tuple[TlsTransport, TlsTransport]:
    """Return both ends of a TLS connection before its handshake."""
    near, far = sockets()
    return (
        TlsTransport(near, client or client_tls(), server_hostname=host),
        TlsTransport(far, server or server_tls()),
    )


async def shake_hands(*transports: ByteTransport) -> None:
    """Do the handshake of those that have one."""
    async with trio.open_nursery() as nursery:
        for transport in transports:
            if isinstance(transport, TlsTransport):
                nursery.start_soon(transport.handshake)


@asynccontextmanager
async def open_transports(kind: str) -> AsyncGenerator[tuple[ByteTransport, ByteTransport], None]:
    """Open both ends of a connection."""
    near: ByteTransport
    far: ByteTransport
    if kind == "memory":
        near, far = memory_pair()
    elif kind == "unix":
        near, far = sockets()
    elif kind == "tcp":
        near, far = await tcp_sockets()
    else:
        tls = client_tls()
        tls.maximum_version = {"tls1.2": ssl.TLSVersion.TLSv1_2, "tls1.3": ssl.TLSVersion.TLSv1_3}[kind]
        near, far = tls_pair(tls)
    try:
        await shake_hands(near, far)
        yield near, far
    finally:
        near.abort()
        far.abort()


class Resolver(trio.abc.HostnameResolver):
    """Names of hosts for one test.

    Args:
        names: The addresses of each; other names are not known.
    """

    def __init__(self, **names: list[str]) -> None:
        self._names = {HOST: ["127.0.0.1"], **names}

    async def getaddrinfo(self, host: bytes | None, port: Any, *numbers: int) -> Any:
        await trio.lowlevel.checkpoint()
        name = (host or b"").decode()
        if name not in self._names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for address in self._names[name] for found in socket.getaddrinfo(address, port, *numbers)]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> tuple[str, str]:
        raise AssertionError("nobody asks for names")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # not through a generator that holds one open itself


@contextmanager
def no_files_left_open() -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() == before


class _CancelAt(Instrument):
    """Cancels a scope after so many steps of any task."""

    def __init__(self, steps: int, scope: trio.CancelScope) -> None:
        self._steps = steps
        self._scope = scope

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._steps -= 1
        if self._steps == 0:
            self._scope.cancel()


async def cancelled_at_every_step(operation: Callable[[], Awaitable[None]], at_most: int = 300) -> int:
    """Run an operation again and again, cancelled one step later each time, until it comes to its end; return how often it was cancelled."""
    for steps in range(1, at_most):
        with trio.CancelScope() as scope:
            instrument = _CancelAt(steps, scope)
            trio.lowlevel.add_instrument(instrument)
            try:
                await operation()
            finally:
                trio.lowlevel.remove_instrument(instrument)
        if not scope.cancelled_caught:
            return steps - 1
    raise AssertionError(f"not done after {at_most} steps")
