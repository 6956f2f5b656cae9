"""Opening a session at a router's URL, or over a WebSocket connection that is open already."""

from __future__ import annotations

import functools
import math
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import trio

from ._byte_pump import BytePump
from ._connect import open_transport
from ._exceptions import ConnectError
from ._join import Auth, JoinOptions, open_link
from ._opening import opening
from ._polling_pump import PollingOptions, open_polling
from ._run_session import DEFAULT_CLOSE_TIMEOUT, KeepAlive, Opened, run_session
from ._session import Session
from ._url import RouterUrl, parse_url
from .messages import Message
from .payloads import PayloadCodec
from .wire import (
    DEFAULT_MAX_SIZE,
    DEFAULT_OFFER,
    Compression,
    Link,
    Serializer,
    get_serializer,
    rawsocket_client,
    websocket_client,
)

if TYPE_CHECKING:
    from trio_websocket import WebSocketConnection

DEFAULT_CONNECT_TIMEOUT = 15.0
DEFAULT_PING_TIMEOUT = 10.0
_PING_INTERVAL = {"websocket": 10.0, "rawsocket": math.inf}  # not every RawSocket router answers its PING


class ConnectOptions(TypedDict, total=False):
    """How a router is reached; `open_session` documents each of them."""

    serializers: Sequence[str] | None
    tls: ssl.SSLContext | None
    headers: Mapping[str, str] | None
    proxy: str | None
    compression: Compression
    connect_timeout: float
    ping_interval: float | None
    ping_timeout: float
    max_message_size: int


class SessionOptions(ConnectOptions, JoinOptions, total=False):
    """Everything that `open_session` takes beside the URL and the realm."""


@opening
async def open_session(
    url: str | None = None,
    *,
    realm: str,
    connection: WebSocketConnection | None = None,
    auth: Auth = None,
    authid: str | None = None,
    authrole: str | None = None,
    authextra: dict[str, Any] | None = None,
    agent: str = "",
    serializers: Sequence[str] | None = None,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
    proxy: str | None = None,
    compression: Compression = None,
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
    close_timeout: float = DEFAULT_CLOSE_TIMEOUT,
    ping_interval: float | None = None,
    ping_timeout: float = DEFAULT_PING_TIMEOUT,
    max_message_size: int = DEFAULT_MAX_SIZE,
    reveal_errors: bool = False,
    check_features: bool = True,
    check_types: bool = False,
    payload_codec: PayloadCodec | None = None,
) -> AsyncGenerator[Session, None]:
    """Connect to a router, join a realm, and leave it at the end of the block.

    `async with trowamp.open_session("ws://127.0.0.1:8080/ws", realm="realm1") as session: ...`

    Leaving the block, also by Ctrl-C or cancellation, says GOODBYE and closes the connection within `close_timeout`. When the session ends by
    itself, everything that waits for it raises, the block is cancelled, and the reason comes out of the `async with`.

    Args:
        url: The router: `ws://host:port/path`, `wss://...`, `rs://host:port`, `rss://...`, `http://host:port/path`, `https://...` (long-polling),
            `ws+unix:///path`, `rs+unix:///path`, `http+unix:///path`.
        realm: The realm to join.
        connection: Instead of `url`, an open `trio_websocket.WebSocketConnection` that negotiated a WAMP subprotocol. It is closed at the end.
        auth: One authentication method or several in order of preference, from `trowamp.auth`. Default: anonymous.
        authid: The identity to claim, when no method has one.
        authrole: The role to ask for, when no method asks for one.
        authextra: Additions to what HELLO carries for authentication.
        agent: How the client names itself. Default: trowamp and its version.
        serializers: What to offer, in order of preference: "cbor", "msgpack", "json". Default: these, in this order.
        tls: The TLS configuration for `wss`, `rss` and `https`, client certificates included. Default: the system's trust store, verified, TLS 1.2
            or later.
        headers: Additional HTTP headers of the WebSocket handshake, or of each request of long-polling.
        proxy: `http://[user:password@]host:port`, or `socks5://...`, `socks4://...` with the extra `trowamp[proxy]`.
        compression: "deflate" offers WebSocket's permessage-deflate. Default: none.
        connect_timeout: Seconds for everything up to the joined session. Default 15.
        close_timeout: Seconds for saying goodbye and closing. Default 2.
        ping_interval: Seconds of silence after which the router is pinged. Default 10 on WebSocket, off on RawSocket; `math.inf` turns it off. There
            are no pings in long-polling: a request for messages must be answered within `ping_interval` and `ping_timeout`. Default there: within
            what the router says and `ping_timeout`, or never, if it does not say.
        ping_timeout: Seconds without any answer after which the connection counts as lost. Default 10.
        max_message_size: The largest message to accept, in octets. Default 16 MiB - 1.
        reveal_errors: Whether callers are told the text of a procedure's unexpected exception. Default: they are told that there was one.
        check_features: Whether options are refused locally that the router does not announce. Default: yes.
        check_types: Whether handlers get payloads converted to what their parameters are annotated with, unless they are registered or subscribed
            otherwise. Default: no.
        payload_codec: What encodes and decodes payloads: a `trowamp.payloads.KeyRing` encrypts end to end. Default: nothing is encoded, and only what
            is not encrypted is decoded.

    Yields:
        The session.

    Raises:
        ConnectError: The router cannot be reached, did not answer in time, or refused the handshake.
        JoinError: The router refused the session; the subclasses name the reason.
        RemoteProtocolError: The peer broke the protocol while joining.
        SessionLost: The connection broke, or either side broke the protocol.
        SessionClosed: The router said goodbye.
        ValueError: An argument is not legal.
    """
    join_options = JoinOptions(
        auth=auth,
        authid=authid,
        authrole=authrole,
        authextra=authextra,
        agent=agent,
        close_timeout=close_timeout,
        reveal_errors=reveal_errors,
        check_features=check_features,
        check_types=check_types,
        payload_codec=payload_codec,
    )
    if (url is None) == (connection is None):
        raise ValueError("give either a URL or an open connection")
    deadline = trio.current_time() + connect_timeout
    if connection is not None:
        from ._trio_websocket import attach  # noqa: PLC0415  # trio-websocket is imported by those who use it

        opened = Opened(attach(connection, max_size=max_message_size), [], deadline, None)
    else:
        assert url is not None
        opened = await connect(
            url,
            serializers=serializers,
            tls=tls,
            headers=headers,
            proxy=proxy,
            compression=compression,
            connect_timeout=connect_timeout,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_message_size=max_message_size,
        )
    async with run_session(opened, realm, join_options) as session:
        yield session


async def connect(url: str, **options: Unpack[ConnectOptions]) -> Opened:
    """Open a connection for `run_session`, up to the point where messages can flow.

    Raises:
        ConnectError, ValueError: As `open_session` does.
    """
    target = parse_url(url)
    timeout = options.get("connect_timeout", DEFAULT_CONNECT_TIMEOUT)
    open_one = _open_polled if target.framing == "longpoll" else _open_stream
    deadline = trio.current_time() + timeout
    with trio.CancelScope(deadline=deadline):
        return await open_one(target, options, deadline)
    raise ConnectError(f"the router at {target.text} did not answer within {timeout:g} s")


async def _open_polled(url: RouterUrl, options: ConnectOptions, deadline: float) -> Opened:
    """Open a long-poll transport."""
    interval, timeout = options.get("ping_interval"), options.get("ping_timeout", DEFAULT_PING_TIMEOUT)
    KeepAlive(math.inf if interval is None else interval, timeout)  # checks them; polling takes the place of pings
    pump = await open_polling(
        url,
        _offer(options),
        PollingOptions(
            tls=options.get("tls"),
            proxy=options.get("proxy"),
            headers=list((options.get("headers") or {}).items()),
            max_size=options.get("max_message_size", DEFAULT_MAX_SIZE),
            ping_interval=interval,
            ping_timeout=timeout,
        ),
    )
    return Opened(pump, [], deadline, None)


async def _open_stream(url: RouterUrl, options: ConnectOptions, deadline: float) -> Opened:
    """Open a connection that carries WebSocket or RawSocket."""
    interval = options.get("ping_interval")
    keep_alive = KeepAlive(
        _PING_INTERVAL[url.framing] if interval is None else interval,
        options.get("ping_timeout", DEFAULT_PING_TIMEOUT),
    )
    links = _links(url, options)
    pump, messages = await _dial(url, links, options.get("tls"), options.get("proxy"))
    return Opened(pump, messages, deadline, keep_alive)


def _offer(options: ConnectOptions) -> list[Serializer]:
    names = options.get("serializers") or DEFAULT_OFFER
    if isinstance(names, str):  # each of its letters would be a name
        raise TypeError(f"serializers is a list: serializers=[{names!r}]")
    return [get_serializer(name) for name in names]


def _links(url: RouterUrl, options: ConnectOptions) -> list[Callable[[], Link]]:
    """What to try one after the other: WebSocket negotiates the serializer, RawSocket has to be asked for one at a time."""
    offer = _offer(options)
    max_size = options.get("max_message_size", DEFAULT_MAX_SIZE)
    if url.framing == "rawsocket":
        return [functools.partial(rawsocket_client, serializer, max_size=max_size) for serializer in offer]
    headers = list((options.get("headers") or {}).items())
    compression = options.get("compression")
    return [
        lambda: websocket_client(
            url.websocket_url,
            offer,
            random_octets=secrets.token_bytes,
            headers=headers,
            compression=compression,
            max_size=max_size,
        )
    ]


async def _dial(
    url: RouterUrl, links: Sequence[Callable[[], Link]], tls: ssl.SSLContext | None, proxy: str | None
) -> tuple[BytePump, list[Message]]:
    """Connect and get a link through its handshake, trying the next link when the router refuses one."""
    failure: ConnectError | None = None
    for make_link in links:
        transport = await open_transport(url, tls=tls, proxy=proxy)
        try:
            pump = BytePump(transport, make_link())
            return pump, await _shake_hands(pump, url)
        except ConnectError as error:
            failure = error
            transport.abort()
        except BaseException:
            transport.abort()
            raise
    assert failure is not None, "an empty offer of serializers is refused before"
    raise failure


async def _shake_hands(pump: BytePump, url: RouterUrl) -> list[Message]:
    """Get the link through its handshake; say what may be wrong where a router ends the connection without a word."""
    try:
        return await open_link(pump, url.text)
    except ConnectError as error:
        if pump.link.received_octets or url.is_tls or url.is_unix:
            raise
        hint = f"if it wants TLS, its URL begins with {url.sibling_scheme}://"
        raise ConnectError(f"{error}; {hint}") from error.__cause__
