"""TLS: who is trusted, what is said when it fails, and how connections end."""

from __future__ import annotations

import ssl

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import trowamp
from trowamp._tls import TlsTransport
from trowamp.auth import Accept, AnonymousAuthenticator, Attempt, Deny

from .transports import HOST, TRUST, client_tls, server_tls, shake_hands, sockets, tls_pair


async def fail(near: TlsTransport, far: TlsTransport) -> tuple[str, str]:
    """Let the handshake fail; return what the client and the server say."""
    said = {}

    async def shake(name: str, transport: TlsTransport) -> None:
        with pytest.raises(trio.BrokenResourceError) as caught:  # a server may learn of it only when it reads
            await transport.handshake()
            await transport.receive_some()
        said[name] = str(caught.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake, "client", near)
        nursery.start_soon(shake, "server", far)
    near.abort()
    far.abort()
    return said["client"], said["server"]


@pytest.mark.parametrize(
    ("host", "client", "server", "client_says", "server_says"),
    [
        pytest.param(
            HOST,
            ssl.create_default_context(),
            server_tls(),
            f"its certificate was not accepted: unable to get local issuer certificate; {TRUST}",
            "TLS failed: the peer does not know who issued the certificate",
            id="unknown authority",
        ),
        pytest.param(
            "other.example",
            client_tls(),
            server_tls(),
            "its certificate was not accepted: Hostname mismatch, certificate is not valid for 'other.example'.",
            "TLS failed: sslv3 alert bad certificate",
            id="other host",
        ),
        pytest.param(
            "127.0.0.2",
            client_tls(),
            server_tls(),
            "its certificate was not accepted: IP address mismatch, certificate is not valid for '127.0.0.2'.",
            "TLS failed: sslv3 alert bad certificate",
            id="other address",
        ),
        pytest.param(
            HOST,
            client_tls(),
            server_tls(expired=True),
            "its certificate was not accepted: certificate has expired",
            "TLS failed: sslv3 alert certificate expired",
            id="expired",
        ),
        pytest.param(
            HOST,
            client_tls(),
            server_tls(wants_certificate=True),
            "TLS failed: the peer wants a certificate",
            "TLS failed: the peer has no certificate",
            id="no client certificate",
        ),
    ],
)
async def test_a_failed_handshake_is_explained_on_both_sides(
    host: str, client: ssl.SSLContext, server: ssl.SSLContext, client_says: str, server_says: str
) -> None:
    assert await fail(*tls_pair(client, server, host)) == (client_says, server_says)


@pytest.mark.checklist("TLS-R1")
async def test_a_client_may_have_a_certificate_that_authenticators_see() -> None:
    near, far = tls_pair(client_tls(has_certificate=True), server_tls(wants_certificate=True))
    await shake_hands(near, far)
    certificate = far.details["certificate"]
    assert certificate["names"] == ["DNS:client.example"]
    assert len(certificate["sha256"]) == 64
    assert isinstance(certificate["subject"], dict)
    assert near.details == {"type": "unix", "tls": True}
    near.send_now(b"hello")
    assert await far.receive_some() == b"hello"
    near.abort()
    far.abort()


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x7f\x00\x00\x00\x00", b"SSH-2.0-x\r\n" * 9])
async def test_a_server_without_tls_is_recognized(octets: bytes) -> None:
    inner, peer = sockets()
    near = TlsTransport(inner, client_tls(), server_hostname=HOST)
    peer.send_now(octets)
    with pytest.raises(trio.BrokenResourceError, match="^TLS failed: the peer does not speak TLS$"):
        await near.handshake()
    near.abort()
    peer.abort()


@pytest.mark.parametrize("octets", [b"GET /ws HTTP/1.1\r\n\r\n", b"\x7f\xf1\x00\x00", b"\x7f"])
async def test_a_client_without_tls_is_recognized_by_its_first_octet(octets: bytes) -> None:
    inner, peer = sockets()
    far = TlsTransport(inner, server_tls())
    peer.send_now(octets)
    with pytest.raises(trio.BrokenResourceError, match="^TLS failed: the peer does not speak TLS$"):
        await far.handshake()
    far.abort()
    peer.abort()


async def test_a_peer_that_goes_during_the_handshake_is_told_of() -> None:
    inner, peer = sockets()
    near = TlsTransport(inner, client_tls(), server_hostname=HOST)
    peer.abort()
    with pytest.raises(trio.BrokenResourceError, match=r"the TLS handshake|Broken pipe"):
        await near.handshake()
    near.abort()


async def test_an_end_without_close_notify_is_no_good_end() -> None:
    near, far = tls_pair()
    await shake_hands(near, far)
    far.send_now(b"x")
    await near.receive_some()  # with the session tickets: a socket closed over unread octets resets the connection
    near.send_now(b"part of it")
    near.abort()
    assert await far.receive_some() == b"part of it"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="^the peer ended the connection without closing TLS$"):
            await far.receive_some()
    far.abort()


async def test_octets_that_are_no_tls_break_the_connection_after_what_came_before() -> None:
    near, far = tls_pair()
    await shake_hands(near, far)
    near.send_now(b"good")
    near._inner.send_now(b"no TLS at all, in no version")
    assert await far.receive_some() == b"good"
    for _ in range(2):
        with pytest.raises(trio.BrokenResourceError, match="^TLS failed: "):
            await far.receive_some()
    with pytest.raises(trio.BrokenResourceError, match="^TLS failed: "):
        await near.receive_some()  # the alert
    near.abort()
    far.abort()


async def test_what_follows_close_notify_is_not_read() -> None:
    near, far = tls_pair()
    await shake_hands(near, far)
    near.send_now(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        near._engine.unwrap()
    near._flush()
    near._inner.send_now(b"more")
    assert await far.receive_some() == b"last words"
    assert await far.receive_some() == b""
    near.abort()
    far.abort()


async def test_many_small_messages_are_received_together() -> None:
    near, far = tls_pair()
    await shake_hands(near, far)
    for number in range(50):
        near.send_now(b"%02d" % number)
    assert await far.receive_some() == b"".join(b"%02d" % number for number in range(50))
    near.abort()
    far.abort()


async def test_octets_that_come_with_the_end_of_the_handshake_are_received() -> None:
    near, far = tls_pair()

    async def shake_and_speak() -> None:
        await near.handshake()
        near.send_now(b"early")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake_and_speak)
        with pytest.raises(ssl.SSLWantReadError):
            far._engine.do_handshake()
        await far._feed("")
        with pytest.raises(ssl.SSLWantReadError):
            far._engine.do_handshake()
        await far._send_unsent()
        await wait_all_tasks_blocked(0.01)  # the client has spoken before the server looks again
    await far._feed("")
    far._engine.do_handshake()
    assert await far.receive_some() == b"early"
    near.abort()
    far.abort()


async def test_closing_never_waits_for_a_peer_that_does_not_read() -> None:
    near, far = tls_pair()
    await shake_hands(near, far)
    while near.send_now(bytes(65536)):
        pass
    with trio.move_on_after(5) as scope:
        await near.aclose()
    assert not scope.cancelled_caught
    far.abort()


async def test_closing_before_the_handshake_just_closes() -> None:
    near, far = tls_pair()
    with trio.move_on_after(5) as scope:
        await near.aclose()
    assert not scope.cancelled_caught
    far.abort()


async def test_a_configuration_for_the_other_side_is_refused() -> None:
    inner, peer = sockets()
    with pytest.raises(ssl.SSLError):
        TlsTransport(inner, server_tls(), server_hostname=HOST)
    with pytest.raises(ssl.SSLError):
        TlsTransport(inner, client_tls())
    inner.abort()
    peer.abort()


async def test_it_says_that_it_is_encrypted() -> None:
    near, far = tls_pair()
    assert near.description == "unix (TLS)"
    assert near.details == {"type": "unix", "tls": True}
    near.abort()
    far.abort()


@pytest.mark.checklist("TLS-R1")
async def test_a_certificate_can_be_an_identity() -> None:
    class ByCertificate(AnonymousAuthenticator):
        def begin(self, attempt: Attempt) -> Accept | Deny:
            certificate = attempt.transport.get("certificate")
            if certificate is None:
                return Deny(trowamp.uris.ERROR_AUTHENTICATION_DENIED, "show a certificate")
            return Accept(authid=certificate["names"][0].removeprefix("DNS:"), role="known")

    context = server_tls(wants_certificate=True)
    context.verify_mode = ssl.CERT_OPTIONAL
    limits = trowamp.RouterOptions(authenticators=[ByCertificate(lambda: 1)])
    async with trowamp.open_router(listen=["wss://127.0.0.1:0/ws"], tls=context, limits=limits) as router:
        url = router.urls[0]
        async with trowamp.open_session(url, realm="realm1", tls=client_tls(has_certificate=True)) as session:
            assert session.details.authid == "client.example"
            found = await session.call("wamp.session.get", session.id)
            assert "certificate" not in found["transport"]
        with pytest.raises(trowamp.AuthenticationDenied, match="show a certificate"):
            async with trowamp.open_session(url, realm="realm1", tls=client_tls()):
                pass
