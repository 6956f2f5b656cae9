"""Listening: real ports, sockets of dead processes, and an accept loop that nothing ends but closing it."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import assert_checkpoints, wait_all_tasks_blocked

from trowamp import ConnectError
from trowamp._connect import open_transport
from trowamp._listen import Handler, Listener, open_listener
from trowamp._stream import ByteTransport
from trowamp._url import RouterUrl, parse_url

from .transports import client_tls, no_files_left_open, server_tls, shake_hands


async def echo(transport: ByteTransport) -> None:
    await shake_hands(transport)
    while data := await transport.receive_some():
        await transport.send_all(data)


async def stay(transport: ByteTransport) -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def listening(url: str, handler: Handler = echo) -> AsyncGenerator[Listener, None]:
    listener = await open_listener(parse_url(url), tls=server_tls() if url.startswith(("wss", "rss")) else None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.serve, handler)
        try:
            yield listener
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()
            nursery.cancel_scope.cancel()


async def talk(url: RouterUrl) -> None:
    transport = await open_transport(url, tls=client_tls())
    try:
        await transport.send_all(b"hello")
        assert await transport.receive_some() == b"hello"
    finally:
        transport.abort()


def unix(path: Path) -> str:
    return RouterUrl(scheme="rs+unix", path=str(path)).text


@pytest.mark.parametrize("url", ["ws://127.0.0.1:0/ws", "rs://localhost:0", "rss://127.0.0.1:0", "rs://[::1]:0"])
async def test_a_listener_knows_its_real_port(url: str) -> None:
    async with listening(url) as listener:
        assert listener.url.port
        assert listener.url.with_port(0) == parse_url(url)
        await talk(listener.url)


@pytest.mark.parametrize(
    ("host", "reachable", "unreachable"),
    [
        ("127.0.0.1", ["127.0.0.1"], ["127.0.0.2", "::1"]),
        ("0.0.0.0", ["127.0.0.1", "127.0.0.2"], ["::1"]),
        ("[::]", ["::1"], ["127.0.0.1"]),
        ("[::1]", ["::1"], ["127.0.0.1"]),
    ],
)
async def test_it_listens_at_the_address_it_was_told_and_no_other(
    host: str, reachable: list[str], unreachable: list[str]
) -> None:
    async with listening(f"rs://{host}:0") as listener:
        for address in reachable:
            await talk(RouterUrl(scheme="rs", host=address, port=listener.url.port))
        for address in unreachable:
            with pytest.raises(ConnectError, match="Connection refused"):
                await talk(RouterUrl(scheme="rs", host=address, port=listener.url.port))


async def test_localhost_is_one_port_for_every_family_that_there_is() -> None:
    families = {found[4][0] for found in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)}
    async with listening("rs://localhost:0") as listener:
        for address in families:
            await talk(RouterUrl(scheme="rs", host=str(address), port=listener.url.port))


async def test_an_address_in_use_is_told_of() -> None:
    async with listening("rs://127.0.0.1:0") as listener:
        with pytest.raises(ConnectError) as caught:
            await open_listener(listener.url)
    assert str(caught.value) == f"cannot listen at {listener.url.text}: Address already in use"


async def test_a_port_can_be_used_again_at_once() -> None:
    async with listening("rs://127.0.0.1:0") as first:
        await talk(first.url)
    async with listening(first.url.text) as second:
        await talk(second.url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rs://192.0.2.1:0", "Cannot assign requested address"),
        ("rs://unknown.invalid:0", "Name or service not known"),
        ("rs+unix:///no/such/folder/socket", "No such file or directory"),
        ("rs+unix:///dev/null", "there is a file of that name, and it is no socket"),
        ("rs+unix:///" + "x" * 200, "AF_UNIX path too long"),
    ],
)
async def test_an_address_that_cannot_be_used_is_told_of(url: str, words: str) -> None:
    class NoNames(trio.abc.HostnameResolver):
        async def getaddrinfo(self, *_: object) -> object:  # type: ignore[override]  # whatever the arguments are
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async def getnameinfo(self, *_: object) -> object:  # type: ignore[override]  # whatever the arguments are
            raise AssertionError("nobody asks for names")

    trio.socket.set_custom_hostname_resolver(NoNames())
    with no_files_left_open(), pytest.raises(ConnectError) as caught:
        await open_listener(parse_url(url))
    assert str(caught.value) == f"cannot listen at {parse_url(url).text}: {words}"


async def test_tls_needs_a_server_s_configuration() -> None:
    for tls in (None, client_tls()):
        with pytest.raises(ValueError, match="needs a server's TLS configuration"):
            await open_listener(parse_url("wss://127.0.0.1:0"), tls=tls)


async def test_a_connection_says_where_it_comes_from(tmp_path: Path) -> None:
    seen: list[ByteTransport] = []

    async def look(transport: ByteTransport) -> None:
        seen.append(transport)
        await echo(transport)

    for url in ("rs://127.0.0.1:0", "rs://[::1]:0", "rss://127.0.0.1:0", unix(tmp_path / "socket")):
        async with listening(url, look) as listener:
            await talk(listener.url)
    ipv4, ipv6, tls, local = seen
    assert ipv4.description == f"tcp {ipv4.details['peer']}"
    assert ipv4.details["peer"].startswith("127.0.0.1:")
    assert ipv4.details["type"] == "tcp"
    assert not ipv4.details["tls"]
    assert ipv6.details["peer"].startswith("[::1]:")
    assert tls.description == f"tcp {tls.details['peer']} (TLS)"
    assert tls.details["tls"]
    assert local.description == f"unix {tmp_path}/socket"
    assert local.details == {"type": "unix", "peer": "unix", "tls": False}


# ---- Unix sockets


async def test_a_unix_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "my socket"
    async with listening(unix(path)) as listener:
        assert path.is_socket()
        await talk(listener.url)
    assert not path.exists()


async def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with listening(unix(path)) as listener:
        await talk(listener.url)


async def test_the_socket_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with listening(unix(path)) as first:
        with pytest.raises(ConnectError, match="^cannot listen at .*: somebody listens there already$"):
            await open_listener(first.url)
        await talk(first.url)


async def test_a_busy_process_is_a_living_one(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))  # the queue is full
        with pytest.raises(ConnectError, match="somebody listens there already"):
            await open_listener(parse_url(unix(path)))
        assert path.is_socket()


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data", encoding="utf-8")
    with pytest.raises(ConnectError, match="it is no socket"):
        await open_listener(parse_url(unix(path)))
    assert path.read_text(encoding="utf-8") == "data"


async def test_somebody_else_s_socket_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with listening(unix(path)) as first:
        path.unlink()
        async with listening(unix(path)) as second:
            await first.aclose()
            assert path.is_socket()
            await talk(second.url)
    assert not path.exists()


async def test_a_removed_socket_is_nothing_to_stumble_over(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with listening(unix(path)):
        path.unlink()
    assert not path.exists()


# ---- the accept loop


async def test_a_handler_that_crashes_is_logged_and_ends_its_connection_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def crash(transport: ByteTransport) -> None:
        if await transport.receive_some() == b"crash":
            raise RuntimeError("a mistake")
        await transport.send_all(b"hello")

    async with listening("rs://127.0.0.1:0", crash) as listener:
        transport = await open_transport(listener.url)
        await transport.send_all(b"crash")
        assert await transport.receive_some() == b""
        transport.abort()
        await talk(listener.url)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("serving tcp 127.0.0.1:")
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "a mistake"


async def test_a_handler_s_connection_is_closed_when_the_handler_returns() -> None:
    async def leave(transport: ByteTransport) -> None:
        """Return without closing anything."""

    async with listening("rs://127.0.0.1:0", leave) as listener:
        transport = await open_transport(listener.url)
        assert await transport.receive_some() == b""
        transport.abort()


async def test_a_closed_listener_waits_for_its_connections() -> None:
    listener = await open_listener(parse_url("rs://127.0.0.1:0"))
    returned = trio.Event()

    async def serve() -> None:
        await listener.serve(echo)
        returned.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        transport = await open_transport(listener.url)
        await transport.send_all(b"hello")
        assert await transport.receive_some() == b"hello"
        with assert_checkpoints():
            await listener.aclose()
        await listener.aclose()
        await wait_all_tasks_blocked()
        assert not returned.is_set()
        with pytest.raises(ConnectError, match="Connection refused"):
            await talk(listener.url)
        await transport.send_all(b"still served")
        assert await transport.receive_some() == b"still served"
        transport.abort()
        await returned.wait()


async def test_a_listener_can_be_closed_before_it_serves() -> None:
    with no_files_left_open():
        listener = await open_listener(parse_url("rs://127.0.0.1:0"))
        await listener.aclose()
        with trio.move_on_after(5) as scope:
            await listener.serve(echo)
        assert not scope.cancelled_caught


async def test_cancelling_the_listener_ends_its_connections() -> None:
    with no_files_left_open():
        async with listening("rs://127.0.0.1:0", stay) as listener:
            transport = await open_transport(listener.url)
            await wait_all_tasks_blocked(0.01)
        assert await transport.receive_some() == b""
        transport.abort()


async def test_connections_that_are_gone_before_they_are_served_do_no_harm() -> None:
    async with listening("rss://127.0.0.1:0") as listener:
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", listener.url.port)) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
        await talk(RouterUrl(scheme="rss", host="127.0.0.1", port=listener.url.port))


class Failing:
    """A listening socket whose accept fails first, as the kernel may make it fail."""

    def __init__(self, sock: trio.socket.SocketType, *failures: int) -> None:
        self._sock = sock
        self._failures = list(failures)
        self.close = sock.close

    async def accept(self) -> object:
        await trio.lowlevel.checkpoint()
        if self._failures:
            code = self._failures.pop(0)
            raise OSError(code, os.strerror(code))
        return await self._sock.accept()


async def test_no_failure_of_accept_ends_the_listener(caplog: pytest.LogCaptureFixture) -> None:
    listener = await open_listener(parse_url("rs://127.0.0.1:0"))
    fleeting = [errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN]
    lasting = [errno.ENOBUFS, errno.ENOMEM, errno.ENFILE]
    failing = Failing(listener._sockets[0], *fleeting, *lasting)
    listener._sockets[0] = failing  # type: ignore[call-overload]  # as much of a socket as the listener uses
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.serve, echo)
        await talk(listener.url)
        await listener.aclose()
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot accept connections at {listener.url}: No buffer space available"  # one complaint in a second
    ]


EXHAUSTED = """
import resource, socket, sys, logging, trio
from trowamp._listen import open_listener
from trowamp._url import parse_url

logging.basicConfig(format="%(message)s", stream=sys.stdout)

async def echo(transport):
    while data := await transport.receive_some():
        await transport.send_all(data)

async def main():
    listener = await open_listener(parse_url("rs://127.0.0.1:0"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.serve, echo)
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        clients, address = [], ("127.0.0.1", listener.url.port)
        for _ in range(10):  # more than what is left serves both ends of
            client = trio.socket.socket()
            await client.connect(address)
            clients.append(client)
        while len(clients) < 100:
            try:
                clients.append(trio.socket.socket())
            except OSError:
                break
        late = clients[-1]
        clients.remove(late)
        await late.connect(address)  # waits in the listener's queue
        await late.send(b"late")
        with trio.move_on_after(0.35):
            await late.recv(9)
            print("served without a descriptor")
        for client in clients:
            client.close()
        with trio.fail_after(5):
            print((await late.recv(9)).decode())
        late.close()
        await listener.aclose()

trio.run(main)
"""


def test_a_process_without_free_descriptors_goes_on_when_there_are_some() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", EXHAUSTED],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    complaint, served = done.stdout.splitlines()
    assert complaint.startswith("cannot accept connections at rs://127.0.0.1:")
    assert complaint.endswith(": Too many open files")
    assert served == "late"
