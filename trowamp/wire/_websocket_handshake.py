"""The opening handshake of WebSocket: what client and router share.

HTTP, and the negotiation of subprotocol and compression, are done by the sans-I/O core of `websockets`; what follows is `WebSocketMessages`.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import PerMessageDeflate

from ._closing import readable
from ._deflate import Deflate
from ._http_head import HeadFinder, HeadTooLong, NotHttp
from ._link import Framing, Link

if TYPE_CHECKING:
    from websockets.http11 import Response

Compression = Literal["deflate"] | None

# Disabled, and outside the tree of loggers: what there is to tell, the link tells its owner.
LOGGER: Final = logging.Logger("trowamp.wire")  # noqa: LOG001
LOGGER.disabled = True


def check_compression(compression: str | None) -> None:
    """Refuse a compression that nobody knows, with ValueError."""
    if compression not in (None, "deflate"):
        raise ValueError(f"unknown compression {compression!r}; there is 'deflate'")


class Handshake(Framing):
    """Collects the head of an HTTP message; both sides share this."""

    __slots__ = ("_finder",)

    words = "WebSocket handshake"

    def __init__(self) -> None:
        self._finder = HeadFinder()

    def receive(self, link: Link, data: bytes) -> None:
        try:
            head = self._finder.feed(data)
        except NotHttp as error:
            link.fail(self.not_http(error.octet))
        except HeadTooLong:
            self.too_long(link)
        else:
            if head is not None:
                self.complete(link, head, self._finder.rest)

    @abstractmethod
    def not_http(self, octet: int) -> Exception:
        """Return the error for an answer or request that cannot be HTTP."""

    @abstractmethod
    def complete(self, link: Link, head: bytes, rest: bytes) -> None:
        """Take the head, up to its empty line, and what came after it."""

    @abstractmethod
    def too_long(self, link: Link) -> None:
        """Give up waiting for the end of the head."""


def negotiated(extensions: Sequence[object]) -> Deflate | None:
    """Return the compression among the extensions that were agreed on, if any."""
    for extension in extensions:
        if isinstance(extension, PerMessageDeflate):
            return Deflate(extension)
    return None


def explain(error: BaseException) -> str:
    """Return why a handshake failed in words, with what lies beneath."""
    if isinstance(error, InvalidStatus):
        return _explain_status(error.response)
    words = str(error)
    while error.__cause__ is not None:
        error = error.__cause__
        words += f"; {error}"
    return readable(words)


def _explain_status(response: Response) -> str:
    text = f"the router refused the WebSocket handshake: HTTP {response.status_code} {response.reason_phrase}".rstrip()
    if 300 <= response.status_code < 400:
        return readable(f"{text} to {', '.join(response.headers.get_all('Location'))}") + "; redirects are not followed"
    body = " ".join(bytes(response.body).decode(errors="replace").split())
    return readable(f"{text}: {body}" if body else text)
