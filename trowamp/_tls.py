"""TLS over a socket: the engine works in memory, so that a message can be encrypted and sent without a task switch."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from typing import Any, Final

import trio

from ._stream import CHUNK, SocketTransport

_NO_TLS: Final = "the peer does not speak TLS"
_ENDED: Final = "the peer ended the connection during the TLS handshake"
_HANDSHAKE_RECORD: Final = 22  # its type (RFC 8446 §5.1)
WITHOUT_TLS: Final = {f"TLS failed: {_NO_TLS}", _ENDED}  # how a peer is described that may have none
TO_TRUST: Final = "tls=ssl.create_default_context(cafile=…)"  # what to do about strangers, in a program
_STRANGERS: Final = {18, 19, 20, 21}  # X509_V_ERR_…: certificates that are self-signed, or whose issuer is not known
_REASONS: Final = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the peer wants a certificate",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer has no certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not know who issued the certificate",
}


class TlsTransport:
    """TLS over a socket; octets flow after its `handshake`.

    Args:
        inner: The socket; it belongs to this transport from here on.
        context: The TLS configuration.
        server_hostname: The host that the server has to prove to be; None on the server's side.

    Raises:
        ssl.SSLError, ValueError: The configuration is for the other side, or the host name is none; `inner` is still the caller's.
    """

    wakes_tasks = False

    def __init__(self, inner: SocketTransport, context: ssl.SSLContext, *, server_hostname: str | None = None) -> None:
        self.description = f"{inner.description} (TLS)"
        self.details: dict[str, Any] = {**inner.details, "tls": True}
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._engine = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_hostname is None, server_hostname=server_hostname
        )
        self._unsent = bytearray()  # encrypted, and not taken by the kernel yet
        self._ahead = 0  # octets whose encryption is in there, and which the sender has been told are not taken
        self._broken = ""  # why nothing can be received any more
        self._has_ended = False  # the peer has said close_notify

    async def handshake(self) -> None:
        """Do the TLS handshake.

        Raises:
            trio.BrokenResourceError: It failed.
            trio.ClosedResourceError: This side aborted the connection.
        """
        if self._engine.server_side:
            await self._feed_greeting()
        while True:
            try:
                self._engine.do_handshake()
            except ssl.SSLWantReadError:
                await self._send_unsent()
                await self._feed(_ENDED)
            except ssl.SSLError as error:
                raise self._failure(error) from error
            else:
                await self._send_unsent()  # a server's session tickets
                self._note_certificate()
                return

    def _note_certificate(self) -> None:
        """Say which certificate a client has shown that was verified, if it has (TLS-R1)."""
        if not self._engine.server_side:
            return
        octets = self._engine.getpeercert(binary_form=True)
        verified: dict[str, Any] | None = self._engine.getpeercert()
        if octets is not None and verified:
            self.details["certificate"] = {
                "sha256": hashlib.sha256(octets).hexdigest(),
                "subject": {name: value for part in verified.get("subject", ()) for name, value in part},
                "names": [f"{kind}:{name}" for kind, name in verified.get("subjectAltName", ())],
            }

    async def receive_some(self) -> bytes:
        """Wait for octets."""
        while not (data := self._decrypt()):
            if self._broken:
                raise trio.BrokenResourceError(self._broken)
            if self._has_ended:
                return b""
            if self._outgoing.pending:  # what the engine itself has to answer
                with contextlib.suppress(
                    trio.BrokenResourceError
                ):  # what the peer said before it went is still to be read
                    self._flush()
            await self._feed("the peer ended the connection without closing TLS")
        return data

    def send_now(self, data: bytes | bytearray | memoryview) -> int:
        """Encrypt and give to the kernel what it takes.

        If the kernel does not take all of it, only the last octet is reported as not taken, so that the sender comes back. What the peer may have
        decrypted must count as sent, or a loss now would call a request certainly not executed that was.
        """
        if not self._flush():
            return 0
        taken, self._ahead = self._ahead, 0
        while taken < len(data):
            size = min(CHUNK, len(data) - taken)
            with memoryview(data) as view, view[taken : taken + size] as piece:
                self._encrypt(piece)
            taken += size
            if not self._flush():
                self._ahead = 1
                return taken - 1
        return taken

    async def send_all(self, data: bytes) -> None:
        """Send everything."""
        view = memoryview(data)
        while view := view[self.send_now(view) :]:
            await self._inner.wait_writable()

    def interrupt(self) -> None:
        """Wake the task that waits for octets."""
        self._inner.interrupt()

    def is_stale(self) -> bool:
        """Whether the peer has closed the connection, or said something without being asked."""
        return self._has_ended or bool(self._broken) or self._inner.is_stale()

    def end_sending(self) -> None:
        """Say close_notify, if the kernel takes it."""
        with contextlib.suppress(ssl.SSLError, trio.BrokenResourceError, trio.ClosedResourceError):
            try:
                self._engine.unwrap()
            finally:
                self._flush()

    async def aclose(self) -> None:
        """Say close_notify if the kernel takes it, and close; there is no waiting for the peer's, for nothing follows it."""
        self.end_sending()
        await self._inner.aclose()

    def abort(self) -> None:
        """Close the socket at once."""
        self._inner.abort()

    def _decrypt(self) -> bytes:
        """Return what can be read of what was received: all of it, not record by record."""
        parts = []
        try:
            while self._incoming.pending and not self._has_ended:
                part = self._engine.read(CHUNK)
                parts.append(part)
                self._has_ended = not part
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._broken = str(self._failure(error))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _encrypt(self, data: memoryview) -> None:
        try:
            self._engine.write(data)
        except ssl.SSLError as error:
            raise self._failure(error) from error

    async def _feed_greeting(self) -> None:
        """Wait for the first octets of a client; OpenSSL would wait for five also where one tells that it does not speak TLS."""
        data = await self._inner.receive_some()
        if data and data[0] != _HANDSHAKE_RECORD:
            raise trio.BrokenResourceError(f"TLS failed: {_NO_TLS}")
        self._take(data, _ENDED)

    async def _feed(self, words: str) -> None:
        self._take(await self._inner.receive_some(), words)

    def _take(self, data: bytes, words: str) -> None:
        if not data:
            raise trio.BrokenResourceError(words)
        self._incoming.write(data)

    def _flush(self) -> bool:
        """Give the kernel what the engine has written; return whether it took everything."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
        if self._unsent:
            del self._unsent[: self._inner.send_now(self._unsent)]
        return not self._unsent

    async def _send_unsent(self) -> None:
        while not self._flush():
            await self._inner.wait_writable()

    def _failure(self, error: ssl.SSLError) -> trio.BrokenResourceError:
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            self._flush()  # the alert that tells the peer
        return trio.BrokenResourceError(tls_words(error))


def tls_words(error: ssl.SSLError) -> str:
    """Say why TLS failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = f"; to trust its issuer: {TO_TRUST}" if error.verify_code in _STRANGERS else ""
        return f"its certificate was not accepted: {error.verify_message}{hint}"
    reason = error.reason or str(error)
    return f"TLS failed: {_REASONS.get(reason) or reason.lower().replace('_', ' ')}"
