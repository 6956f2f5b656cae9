"""The long-poll transports of a router: which there are, and what the requests of their clients mean (checklist §1.4)."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import trio

from ._http_connection import HttpConnection, HttpService, HttpTimes
from ._polled_pump import PolledPump, PolledTransport
from ._router_connection import RouterConnection
from .wire import SERIALIZERS, long_poll
from .wire._http import HttpRequest, HttpResponse, plain
from .wire._longpoll import LARGEST_OPEN, choose, content_type, is_foreign, opened, parse_path
from .wire._origins import may_connect

if TYPE_CHECKING:
    from ._router_shell import RouterShell
    from ._stream import ByteTransport

_log = logging.getLogger("trowamp.router")

_ID_OCTETS: Final = 24  # of an id that nobody guesses (LP-R4)
_PREFLIGHT_AGE: Final = "600"  # seconds

_NO_CONTENT: Final = HttpResponse(HTTPStatus.NO_CONTENT)  # the specification's 202, as clients expect it (checklist T2)
_ENDED: Final = plain(HTTPStatus.NOT_FOUND, "there is no such transport, or it has ended")
_STOPPING: Final = plain(HTTPStatus.SERVICE_UNAVAILABLE, "the router shuts down")
_FULL: Final = plain(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
_NOTHING: Final = plain(
    HTTPStatus.NOT_FOUND,
    "there is nothing at this path: this is a WAMP router, and long-polling begins with POST …/open",
)
_NOT_ALLOWED: Final = plain(
    HTTPStatus.METHOD_NOT_ALLOWED,
    "long-polling is done by POST, WebSocket begins with GET",
    ("Allow", "GET, POST, OPTIONS"),
)
_NEVER_STORED: Final = ("Cache-Control", "no-store")  # LP-R5


class LongPolls:
    """Serves HTTP connections.

    Args:
        router: Whose they are.
    """

    def __init__(self, router: RouterShell) -> None:
        self._router = router
        self._pumps: dict[str, PolledPump] = {}
        self._connections: set[HttpConnection] = set()
        self._service = HttpService(self._body_limit, self._answer)
        self._is_stopping = False

    async def serve(self, transport: ByteTransport, octets: bytes, *, since: float, is_full: bool) -> bytes:
        """Serve a connection until it ends.

        Args:
            transport: The connection.
            octets: What was received already: the beginning of a request.
            since: When, on Trio's clock, the connection was accepted. It has `handshake_timeout` seconds to name a transport that exists.
            is_full: Whether it is one too many: then it is told so.

        Returns:
            What was received of a request for a WebSocket connection; empty if the connection has ended.
        """
        options = self._router.options
        times = HttpTimes(self._router.core.options.handshake_timeout, options.close_timeout)
        connection = HttpConnection(transport, octets, _REFUSING if is_full else self._service, times, since=since)
        self._connections.add(connection)
        try:
            return await connection.serve()
        finally:
            self._connections.discard(connection)

    def stop(self) -> None:
        """Open no more transports; end HTTP connections when the last transport has gone."""
        self._is_stopping = True
        self._release_connections()

    def _end(self, name: str, reason: str) -> None:
        pump = self._pumps.pop(name, None)
        if pump is not None:
            pump.hang_up(reason)

    def _release_connections(self) -> None:
        if self._is_stopping and not self._pumps:
            for connection in self._connections:
                connection.stop()

    # ---- requests

    def _body_limit(self, connection: HttpConnection, request: HttpRequest) -> int:
        target = parse_path(request.path)
        pump = self._pumps.get(target.transport) if target is not None else None
        if pump is None:
            return LARGEST_OPEN
        connection.keep()
        self._router.admission.joined(connection.transport)
        return pump.body_limit

    async def _answer(self, connection: HttpConnection, request: HttpRequest, body: bytes) -> None:
        refusal = self._refusal(request)
        if refusal is not None:
            await connection.respond(refusal, _NEVER_STORED)
            return
        headers = _headers_for(request)
        if request.method == "OPTIONS":
            await connection.respond(_NO_CONTENT, *headers, *_PREFLIGHT)
            return
        target = parse_path(request.path)
        assert target is not None
        if target.operation == "open":
            await connection.respond(self._open(connection, request, body), *headers)
            return
        pump = self._pumps.get(target.transport)
        if pump is None or (pump.is_over and target.operation != "close"):
            if target.operation == "receive":
                self._end(target.transport, "the client has been told that this is the end")
            await connection.respond(_ENDED, *headers)
            return
        with pump.request():
            if target.operation == "receive":
                await self._receive(connection, pump, headers)
            elif target.operation == "send":
                await connection.respond(await _send(pump, request, body), *headers)
            else:
                self._end(target.transport, "the client has closed the transport")
                await connection.respond(_NO_CONTENT, *headers)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        """Return what speaks against a request before it is looked into."""
        host = [request.headers["host"]] if "host" in request.headers else []
        is_name = all(origin.isascii() for origin in request.origins)  # so that it can be repeated in the answer
        if not (is_name and may_connect(request.origins, host, self._router.options.origins)):
            return plain(HTTPStatus.FORBIDDEN, f"web pages of {', '.join(request.origins)} may not connect")
        if parse_path(request.path) is None:
            return _NOTHING
        if request.method not in {"POST", "OPTIONS"}:
            return _NOT_ALLOWED
        return None

    def _open(self, connection: HttpConnection, request: HttpRequest, body: bytes) -> HttpResponse:
        router = self._router
        if self._is_stopping:
            return _STOPPING
        choice = choose(body, SERIALIZERS.values())
        if isinstance(choice, str):
            return plain(HTTPStatus.BAD_REQUEST, choice)
        name = secrets.token_urlsafe(_ID_OCTETS)
        http = {"path": request.path, "headers": request.headers}
        carrier = connection.transport
        transport = PolledTransport(carrier.description, {**carrier.details, "type": "longpoll", "http": http})
        if not router.admit_polled(transport, carrier):
            return _FULL
        connection.keep()
        link = long_poll(choice.serializer, max_size=router.options.max_message_size)
        pump = self._pumps[name] = PolledPump(transport, link, idle_timeout=router.options.idle_timeout)
        session = RouterConnection(router, pump, since=trio.current_time())
        router.start(self._serve_session, name, session, name=f"trowamp router {transport.description}")
        return HttpResponse(HTTPStatus.OK, opened(choice, name, router.options.poll_timeout), "application/json")

    async def _serve_session(self, name: str, connection: RouterConnection) -> None:
        """Serve the session of a transport; a fault of one must not end the others."""
        try:
            await self._router.serve_polled(connection)
        except Exception:  # noqa: BLE001  # as a listener does
            _log.exception("serving %s failed", connection.pump.transport.description)
        finally:
            self._pumps.pop(name, None)
            self._release_connections()

    async def _receive(self, connection: HttpConnection, pump: PolledPump, headers: list[tuple[str, str]]) -> None:
        body = b""
        if not connection.is_gone:
            with connection.until_gone():
                body = await pump.poll(self._router.options.poll_timeout)
        if connection.is_gone and not body:
            return  # nobody waits for the answer, and nothing was fetched
        with pump.delivering():
            response = HttpResponse(HTTPStatus.OK, body, content_type(pump.link.serializer))
            if connection.is_gone or not await connection.respond(response, *headers):
                pump.hang_up("the client went away while it fetched messages")  # what it has missed cannot be told


async def _refuse(connection: HttpConnection, request: HttpRequest, _: bytes) -> None:
    connection.stop()
    await connection.respond(_FULL, *_headers_for(request))


_REFUSING: Final = HttpService(lambda *_: LARGEST_OPEN, _refuse)


async def _send(pump: PolledPump, request: HttpRequest, body: bytes) -> HttpResponse:
    if is_foreign(request.headers.get("content-type", ""), pump.link.serializer):
        expected = content_type(pump.link.serializer)
        return plain(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"this transport carries {expected}")
    words = await pump.post(body)
    return plain(HTTPStatus.BAD_REQUEST, words) if words else _NO_CONTENT


_PREFLIGHT: Final = (
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Max-Age", _PREFLIGHT_AGE),
)


def _headers_for(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what every answer carries: a web page of another origin, which may connect, may also read it (LP-R5)."""
    if not request.origins:
        return [_NEVER_STORED]
    return [
        _NEVER_STORED,
        ("Access-Control-Allow-Origin", request.origins[0]),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]
