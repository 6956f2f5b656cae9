"""The client's side of a long-poll transport (checklist §1.4): one connection waits for messages, another one sends them (LP-C2).

The session's reader polls and its writer posts; no task of a user's ever makes a request, so cancelling one cannot tear anything.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

import trio

from ._connect import default_tls, open_transport
from ._exceptions import ConnectError, MessageTooLarge, RemoteProtocolError
from ._http_channel import HttpChannel
from ._pump import WritingPump
from ._url import RouterUrl
from ._version import __version__
from .messages import Message
from .wire import LongPollLink, Serializer, long_poll
from .wire._http import Headers, HttpResponse, check_headers
from .wire._longpoll import Opened, content_type, open_request, parse_opened

_LONGEST_WORDS: Final = 65536  # octets of an answer that is no message
_TOO_SOON: Final = 0.1  # seconds; a router that answers without messages sooner is not asked again before
_ENDED: Final = {404, 410}  # how a router says that there is no such transport any more
_FAILURES: Final = (ConnectError, RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError)


class PollingTransport:
    """A long-poll transport at a router; it carries messages, alone or in batches.

    Args:
        url: Where it is.
        receiving: Where messages are waited for.
        sending: Where everything else is sent.
        answer_timeout: Seconds within which the router has to answer a request that does not wait for anything.

    Attributes:
        refused: In words, that the router would not have what was sent; empty if it has taken everything so far.
    """

    def __init__(self, url: RouterUrl, receiving: HttpChannel, sending: HttpChannel, *, answer_timeout: float) -> None:
        self.description = f"long-poll {url}"
        self.details: dict[str, Any] = {"type": "longpoll", "tls": url.is_tls}
        self._base, mark, query = url.target.partition("?")
        self._query = mark + query
        self._receiving = receiving
        self._sending = sending
        self._answer_timeout = answer_timeout
        self.refused = ""
        self._has_ended = False  # the router does not know it any more

    async def open(self, offer: Sequence[Serializer]) -> Opened:
        """Open the transport.

        Raises:
            ConnectError: The router cannot be reached, or refuses; or it is none.
        """
        try:
            answer = await self._post(self._sending, "open", open_request(offer), "application/json")
        except ConnectError:
            raise
        except (*_FAILURES, MessageTooLarge) as error:
            raise ConnectError(str(error)) from error
        if answer.status != 200:
            raise ConnectError(f"the router refused to open a long-poll transport: HTTP {_words(answer)}")
        found = parse_opened(answer.body, offer)
        self._base += f"{'' if self._base.endswith('/') else '/'}{found.transport}"
        return found

    async def receive(self, limit: int, timeout: float) -> HttpResponse:
        """Wait for messages."""
        answer = await self._receiving.request(self._target("receive"), b"", "", limit=limit, timeout=timeout)
        self._has_ended = answer.status in _ENDED
        return answer

    async def send(self, body: bytes, content: str) -> None:
        """Send a message, or a batch of them.

        Raises:
            trio.BrokenResourceError: The router did not take it; `refused` says so if it refused to.
        """
        try:
            answer = await self._post(self._sending, "send", body, content)
        except (ConnectError, RemoteProtocolError, MessageTooLarge) as error:
            raise trio.BrokenResourceError(str(error)) from error
        if not 200 <= answer.status < 300:  # LP-C1
            words = f"the router refused a message: HTTP {_words(answer)}"
            if answer.status not in _ENDED:
                self.refused = words
            raise trio.BrokenResourceError(words)

    async def aclose(self) -> None:
        """Tell the router, unless it was the one who ended the transport."""
        try:
            if not (self._has_ended or self._sending.is_busy):
                with suppress(*_FAILURES, MessageTooLarge):  # then it learns by itself
                    await self._post(self._sending, "close", b"", "")
        finally:
            self.abort()
        await trio.lowlevel.checkpoint()

    def abort(self) -> None:
        """Close both connections at once."""
        self._receiving.abort()
        self._sending.abort()

    def _target(self, operation: str) -> str:
        return f"{self._base}{'' if self._base.endswith('/') else '/'}{operation}{self._query}"

    async def _post(self, channel: HttpChannel, operation: str, body: bytes, content: str) -> HttpResponse:
        return await channel.request(
            self._target(operation), body, content, limit=_LONGEST_WORDS, timeout=self._answer_timeout
        )


class PollingPump(WritingPump):
    """Moves whole bodies over a long-poll transport.

    Args:
        transport: The transport, open.
        link: Its link.
        poll_timeout: Seconds within which the router has to answer a request for messages; infinite if it may let it wait for ever.
    """

    transport: PollingTransport
    link: LongPollLink

    def __init__(self, transport: PollingTransport, link: LongPollLink, *, poll_timeout: float) -> None:
        super().__init__(transport, link)
        self._poll_timeout = poll_timeout
        self._content = content_type(link.serializer)

    async def receive(self) -> list[Message]:
        """Ask for messages, and wait; there may be none when the router thinks that it has been long enough (LP-C3)."""
        link = self.link
        began = trio.current_time()
        try:
            answer = await self.transport.receive(link.max_body, self._poll_timeout)
        except MessageTooLarge as error:
            link.fail(error)
        except _FAILURES as error:
            self._lose(str(error))
        else:
            self.last_received = trio.current_time()
            if answer.status != 200:
                self._lose(f"the router has ended the long-poll transport: HTTP {_words(answer)}")
            elif answer.body:
                link.receive_data(answer.body)
            elif self.last_received - began < _TOO_SOON:
                await trio.sleep(_TOO_SOON)
        return link.received()

    async def linger(self) -> None:
        """Wait for nothing: the router has answered everything."""
        await trio.lowlevel.checkpoint()

    async def _write_some(self) -> None:
        body = self.link.take_body()
        self._is_writing = True
        try:
            if body:
                await self.transport.send(body, self._content)
        finally:
            self._is_writing = False
            self.refused = self.transport.refused
        if not self.is_above_high_water:
            self._producers.unpark_all()

    def _lose(self, reason: str) -> None:
        self._break(reason)
        self.has_ended = True
        self.link.ended(self.broken or reason)
        self.link.receive_eof()


def _words(answer: HttpResponse) -> str:
    """Say what the router says."""
    for name, value in answer.headers:
        if name == "location":
            return f"{answer.words} to {value[:200]!r}; redirects are not followed"
    return answer.words


class PollingOptions(NamedTuple):
    """How a router is polled.

    Attributes:
        tls: The TLS configuration for `https`; None for the default one.
        proxy: The URL of a proxy, or None.
        headers: Further HTTP headers of every request.
        max_size: Octets accepted for one answer.
        ping_interval: Seconds for which a router may leave a request for messages without an answer; None: what the router says, if it does.
        ping_timeout: Seconds to wait beyond that, and for the answers to all other requests.
    """

    tls: ssl.SSLContext | None
    proxy: str | None
    headers: Headers
    max_size: int
    ping_interval: float | None
    ping_timeout: float


async def open_polling(url: RouterUrl, offer: Sequence[Serializer], options: PollingOptions) -> PollingPump:
    """Open a long-poll transport.

    Args:
        url: Where the router is.
        offer: The serializers, in order of preference.
        options: How it is polled.

    Raises:
        ConnectError: The router cannot be reached, or refuses; or what is there is none.
        ValueError: An option cannot be used.
    """
    check_headers(options.headers)
    tls = options.tls
    if url.is_tls and tls is None:
        tls = await trio.to_thread.run_sync(default_tls)  # once for all connections
    connect = partial(open_transport, url, tls=tls, proxy=options.proxy)
    headers = _all_headers(url, options.headers)
    transport = PollingTransport(
        url, HttpChannel(connect, headers), HttpChannel(connect, headers), answer_timeout=options.ping_timeout
    )
    try:
        found = await transport.open(offer)
    except ConnectError as error:
        transport.abort()
        raise ConnectError(f"cannot open a session at {url}: {error}") from error
    except BaseException:
        transport.abort()
        raise
    interval = found.poll_timeout if options.ping_interval is None else options.ping_interval
    return PollingPump(
        transport,
        long_poll(found.serializer, max_size=options.max_size),
        poll_timeout=math.inf if interval is None else interval + options.ping_timeout,
    )


def _all_headers(url: RouterUrl, headers: Headers) -> list[tuple[str, str]]:
    """Return what every request carries; the user's own headers take the place of those of the same name."""
    given = {name.lower() for name, _ in headers}
    usual = (("Host", url.host_header), ("User-Agent", f"trowamp/{__version__}"), ("Accept", "*/*"))
    return [*(header for header in usual if header[0].lower() not in given), *headers]
