"""R24: TLS that is not as it should be is refused, and a stream that is cut is a loss, never an end in good order."""

from __future__ import annotations

import random
import socket
import ssl
import warnings

import pytest
import trio
import trustme
from OpenSSL import SSL

from tests.faults.goals import check, scaled, seed_of
from tests.faults.proxy import Cut, Plan, Way, open_proxy
from tests.transports import client_tls, server_tls
from trowamp import ConnectError, Router, SessionClosed, SessionLost, open_router, open_session

RECORDS = 20  # after each of which a stream is cut: handshake, tickets, and some of a session
ELSEWHERE = 20
CORRUPTED = 10
HOST = "localhost"
EXPECTED = (ConnectError, SessionLost)
CUTS: tuple[Cut, ...] = ("fin", "rst")


def old_tls() -> ssl.SSLContext:
    """Return the configuration of a server that speaks nothing newer than TLS 1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    authority = trustme.CA()
    authority.issue_cert(HOST).configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("client", "server"),
    [
        pytest.param(None, server_tls(), id="an authority that nobody knows"),
        pytest.param(client_tls(), server_tls(expired=True), id="an expired certificate"),
        pytest.param(None, old_tls(), id="TLS 1.1"),
    ],
)
async def test_what_is_not_to_be_trusted_is_refused_by_default(
    client: ssl.SSLContext | None, server: ssl.SSLContext
) -> None:
    refused = 0
    async with open_router(["realm1"], ["wss://127.0.0.1:0/", "rss://127.0.0.1:0"], tls=server) as router:
        for url in (each.replace("127.0.0.1", HOST) for each in router.urls):
            with pytest.raises(ConnectError):
                async with open_session(url, realm="realm1", tls=client):
                    raise AssertionError("it was let in")
            refused += 1
    check("R24", "untrustworthy TLS, refused on each framing", refused, "==", 2)


async def test_another_host_is_refused() -> None:
    async with open_router(["realm1"], ["wss://127.0.0.2:0/"], tls=server_tls()) as router:
        with pytest.raises(ConnectError, match="certificate"):
            async with open_session(router.urls[0], realm="realm1", tls=client_tls()):
                raise AssertionError("it was let in")


async def test_nothing_falls_back_to_plain_octets() -> None:
    async with open_router(["realm1"], ["ws://127.0.0.1:0/"]) as router:
        with pytest.raises(ConnectError, match="TLS"):
            async with open_session(router.urls[0].replace("ws:", "wss:"), realm="realm1", tls=client_tls()):
                raise AssertionError("it was let in")


async def visit(router: Router, scheme: str, plan: Plan, ends: list[str]) -> None:
    async with open_proxy(router.urls[0], lambda _: plan) as proxy:
        url = f"{scheme}://{HOST}:{proxy.port}/"
        try:
            async with open_session(url.rstrip("/"), realm="realm1", tls=client_tls(), connect_timeout=5) as session:
                while True:
                    await session.call("wamp.session.count")
        except EXPECTED as error:
            ends.append(type(error).__name__)
        except SessionClosed:
            ends.append("in good order")


@pytest.mark.parametrize("scheme", ["wss", "rss"])
async def test_a_stream_that_is_cut_or_corrupted_is_never_an_end_in_good_order(scheme: str) -> None:
    """Between two records no octet is missing: what tells of the cut is that there was no goodbye."""
    chance = random.Random(seed_of("cut within TLS"))
    ends: list[str] = []
    ways = [Way(cut_record=number, cut=cut) for number in range(RECORDS) for cut in CUTS]
    ways += [
        Way(cut_at=chance.randrange(1, 8000), cut=chance.choice(CUTS), slices=500) for _ in range(scaled(ELSEWHERE))
    ]
    ways += [Way(corrupt=0.001) for _ in range(scaled(CORRUPTED))]
    async with open_router(["realm1"], [f"{scheme}://127.0.0.1:0"], tls=server_tls()) as router:
        async with trio.open_nursery() as nursery:
            for way in ways:
                nursery.start_soon(visit, router, scheme, Plan(down=way, seed=chance.randrange(2**32)), ends)
        with trio.fail_after(5):
            while router.connections:
                await trio.lowlevel.checkpoint()
    check("R24", f"TLS streams cut or corrupted, {scheme}", len(ends), "==", len(ways))
    check("R24", f"cut TLS streams taken for an end in good order, {scheme}", ends.count("in good order"), "==", 0)
    check("R24", f"cut TLS streams of sessions, {scheme}", ends.count("SessionLost"), ">=", len(ways) / 8)


async def test_nobody_can_renegotiate() -> None:
    server = server_tls()
    server.maximum_version = ssl.TLSVersion.TLSv1_2  # newer ones do not know it

    def renegotiate(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            connection = SSL.Connection(context, sock)
            connection.set_connect_state()
            connection.do_handshake()
            connection.renegotiate()
            connection.do_handshake()
            connection.recv(1)

    async with open_router(["realm1"], ["rss://127.0.0.1:0"], tls=server) as router:
        with pytest.raises(SSL.Error, match="renegotiation"):
            await trio.to_thread.run_sync(renegotiate, int(router.urls[0].rpartition(":")[2]))
        with trio.fail_after(5):
            while router.connections:
                await trio.lowlevel.checkpoint()
