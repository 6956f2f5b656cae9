"""HTTP/1.1 for long-polling, without I/O: one request after the other on a connection, and the answers to them.

Framing of requests and responses is done by `h11`. What it accepts although it could be read in two ways is refused here: a request with both
Content-Length and Transfer-Encoding. What is here also bounds it: the head of a message has a limit, and so has its body, before it arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import h11
import msgspec

from .._exceptions import MessageTooLarge, RemoteProtocolError
from ._closing import readable
from ._http_head import LONGEST_HEAD, joined

Headers = Sequence[tuple[str, str]]

_BEGINNING: Final = b"HTTP/"
_WAITS_FOR_MORE: Final = (h11.NEED_DATA, h11.PAUSED)
_FRAMING: Final = frozenset({"connection", "content-length", "content-type", "transfer-encoding", "upgrade", "expect"})


class HttpRequest(msgspec.Struct, frozen=True):
    """The head of a request.

    Attributes:
        method: "POST", for example.
        path: The target without its query.
        headers: By their names in lower case; those of one name are one (RFC 9110 §5.3).
        origins: Every Origin header.
    """

    method: str
    path: str
    headers: dict[str, str]
    origins: list[str] = []


class HttpResponse(msgspec.Struct, frozen=True):
    """An answer.

    Attributes:
        status: 200, for example.
        body: What it carries.
        content_type: What that is; empty if there is none.
        headers: Further headers.
        keep_for: Seconds that the server says it keeps the connection; None if it does not say (responses received only).
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: list[tuple[str, str]] = []
    keep_for: int | None = None

    @property
    def words(self) -> str:
        """What it says, for people: the status, and the body if that is plain text."""
        text = " ".join(self.body[:1000].decode(errors="replace").split())
        shown = f"{self.status} {_phrase(self.status)}".rstrip()
        return readable(f"{shown}: {text}" if text and self.content_type.startswith("text/plain") else shown)


def plain(status: int, text: str, *headers: tuple[str, str]) -> HttpResponse:
    """Return an answer in words."""
    return HttpResponse(status, text.encode() + b"\n", "text/plain; charset=utf-8", list(headers))


class HttpServer:
    """The server's side of one connection.

    For each request: `head` until it gives one, `body` until it gives one, `respond`; then `is_idle` again, or `must_close`.
    """

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self._outgoing = bytearray()
        self._body = bytearray()
        self._length = 0  # of the request's body, if its head tells
        self._is_head = False  # the request's method is HEAD: the answer is to have no body

    def receive_data(self, data: bytes) -> None:
        """Take octets from the client."""
        self._connection.receive_data(data)

    def receive_eof(self) -> None:
        """Take note that the client sends nothing more."""
        self._connection.receive_data(b"")

    @property
    def pending(self) -> bytes:
        """Octets that no request has used yet."""
        return self._connection.trailing_data[0]

    @property
    def is_idle(self) -> bool:
        """Whether the next request has not begun."""
        return self._connection.their_state is h11.IDLE and not self.pending

    @property
    def has_upgrade(self) -> bool:
        """Whether what waits is a GET: in WAMP that asks for a WebSocket connection, which is not this object's business."""
        return self._connection.their_state is h11.IDLE and self.pending.startswith(b"G")

    @property
    def must_close(self) -> bool:
        """Whether there will be no further request."""
        return self._connection.our_state is not h11.IDLE

    @property
    def body_octets(self) -> int:
        """How much of the request's body has arrived."""
        return len(self._body)

    def head(self) -> HttpRequest | HttpResponse | None:
        """Return the next request's head, None if it is not complete, or what to answer if it is no HTTP."""
        self._is_head = False
        try:
            event = self._connection.next_event()
        except h11.RemoteProtocolError as error:
            return self._refusal(error)
        if isinstance(event, h11.Request):
            self._body.clear()
            self._is_head = event.method == b"HEAD"
            request = _request(event)
            self._length = int(request.headers.get("content-length", "0"))
            return _ambiguity(event.http_version, request.headers) or request
        return None

    def body(self, limit: int) -> bytes | HttpResponse | None:
        """Return the request's body, None if it is not complete, or what to answer if it is wrong or has more octets than `limit`."""
        connection = self._connection
        while max(self._length, len(self._body)) <= limit:
            try:
                event = connection.next_event()
            except h11.RemoteProtocolError as error:
                return self._refusal(error)
            if isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return bytes(self._body)
            else:
                if connection.they_are_waiting_for_100_continue:
                    self._outgoing += connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                return None
        return plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {limit} octets")

    def respond(self, response: HttpResponse, headers: Headers = (), *, closes: bool = False) -> None:
        """Queue the answer; the connection ends after it if the client wants that, has broken HTTP, or `closes` says so."""
        connection = self._connection
        if connection.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        has_body = response.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
        fields = [*headers, *response.headers]
        if response.content_type:
            fields.append(("Content-Type", response.content_type))
        if has_body:
            fields.append(("Content-Length", str(len(response.body))))
        if closes or connection.their_state is not h11.DONE:  # what is left of the request will not be read
            fields.append(("Connection", "close"))
        reason = _phrase(response.status)
        for event in (
            h11.Response(status_code=response.status, headers=fields, reason=reason),
            h11.Data(data=response.body if has_body and not self._is_head else b""),
            h11.EndOfMessage(),
        ):
            self._outgoing += connection.send(event) or b""
        if connection.our_state is connection.their_state is h11.DONE:
            connection.start_next_cycle()

    def take(self) -> bytes:
        """Return what is to be sent, and forget it."""
        octets = bytes(self._outgoing)
        self._outgoing.clear()
        return octets

    def _refusal(self, error: h11.RemoteProtocolError) -> HttpResponse:
        return plain(error.error_status_hint, readable(str(error)))


class HttpClient:
    """The client's side of one connection.

    Args:
        headers: What every request carries beside what it needs; one of them is Host.
    """

    def __init__(self, headers: Headers) -> None:
        self._headers = list(headers)
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._has_ended = False  # the server sends nothing more

    def request(self, target: str, body: bytes, content_type: str) -> bytes:
        """Return the octets of a POST request."""
        headers = [*self._headers, ("Content-Length", str(len(body)))]
        if content_type:
            headers.append(("Content-Type", content_type))
        self._head = None
        self._body.clear()
        events = (
            h11.Request(method="POST", target=target, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        return b"".join(self._connection.send(event) or b"" for event in events)

    def receive_data(self, data: bytes) -> None:
        """Take octets from the server; none at the end of the stream."""
        self._has_ended = not data
        self._connection.receive_data(data)

    def response(self, limit: int) -> HttpResponse | None:
        """Return the answer, or None if it is not complete.

        Args:
            limit: Octets that its body may have.

        Raises:
            RemoteProtocolError: It is no HTTP, or the stream ended before it did.
            MessageTooLarge: Its body has more octets than `limit`.
        """
        if self._head is None and not _BEGINNING.startswith(self._connection.trailing_data[0][: len(_BEGINNING)]):
            raise RemoteProtocolError("no HTTP response: it begins otherwise")  # h11 would wait for the end of a line
        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                if self._has_ended:
                    raise RemoteProtocolError("the router ended the connection without an answer") from None
                raise RemoteProtocolError(f"no HTTP response: {readable(str(error))}") from None
            if isinstance(event, h11.Response):
                self._head = event
                self._check_length(limit)
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > limit:
                    raise MessageTooLarge(len(self._body), limit)
            elif isinstance(event, h11.EndOfMessage):
                return self._complete()
            elif event in _WAITS_FOR_MORE:
                return None

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow."""
        return self._connection.our_state is h11.IDLE

    def _complete(self) -> HttpResponse:
        assert self._head is not None
        headers = {name.decode("ascii"): value.decode(errors="replace") for name, value in self._head.headers}
        connection = self._connection
        if connection.our_state is connection.their_state is h11.DONE:
            connection.start_next_cycle()
        return HttpResponse(
            self._head.status_code,
            bytes(self._body),
            headers.get("content-type", ""),
            list(headers.items()),
            _keep_for(headers.get("keep-alive", "")),
        )

    def _check_length(self, limit: int) -> None:
        assert self._head is not None
        length = dict(self._head.headers).get(b"content-length")
        if length is not None and int(length) > limit:
            raise MessageTooLarge(int(length), limit)


def check_headers(headers: Headers) -> None:
    """Refuse headers that a request cannot carry beside its own.

    Raises:
        ValueError: One is no header, or decides how the request is framed.
    """
    for name, value in headers:
        if name.lower() in _FRAMING:
            raise ValueError(f"the header {name!r} cannot be set")
        host = [] if name.lower() == "host" else [("Host", "x")]
        try:
            h11.Request(method="POST", target="/", headers=[*host, (name, value)])
        except (h11.LocalProtocolError, UnicodeEncodeError):
            raise ValueError(f"the header {name!r} holds characters that HTTP forbids") from None


def _request(event: h11.Request) -> HttpRequest:
    headers = [(name.decode("ascii"), value.decode(errors="replace")) for name, value in event.headers]
    origins = [value for name, value in headers if name == "origin"]
    target = event.target.decode("ascii").partition("?")[0]
    return HttpRequest(event.method.decode("ascii"), target, joined(headers), origins)


def _ambiguity(version: bytes, headers: dict[str, str]) -> HttpResponse | None:
    """Refuse a request that a proxy before this server may have ended elsewhere: that is how others are smuggled past it (RFC 9112 §6.1)."""
    if "transfer-encoding" not in headers:
        return None
    if "content-length" in headers:
        return plain(HTTPStatus.BAD_REQUEST, "a request has either Content-Length or Transfer-Encoding")
    if version < b"1.1":
        return plain(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding")
    return None


def _keep_for(header: str) -> int | None:
    """Return the seconds of `Keep-Alive: timeout=5, max=100`."""
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "timeout" and value.isdecimal():
            return int(value)
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
