"""The opening handshake of any WebSocket connection (RFC 6455 §4), with the choices left to its owner.

`ServerOpening` reads a request and says what is wrong with it; its owner accepts or refuses. `ClientOpening` makes a request and checks the answer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, NamedTuple

from websockets.exceptions import InvalidHeaderFormat
from websockets.headers import parse_connection, parse_extension, parse_subprotocol, parse_upgrade

from ._http_head import Head, HeadFinder, HttpError, joined, parse_head, serialize_head

Extension = tuple[str, list[tuple[str, str | None]]]  # name, parameters

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REQUEST_LINE: Final = re.compile(r"([A-Z]+) (\S+) HTTP/1\.([0-9])")
_STATUS_LINE: Final = re.compile(r"HTTP/1\.1 ([0-9]{3})(?: (.*))?")


class UpgradeRequest(NamedTuple):
    """What a client asks for."""

    target: str
    headers: dict[str, str]
    host: str
    version: int
    origin: str | None
    protocols: list[str]
    extensions: list[Extension]
    key: str


class UpgradeResponse(NamedTuple):
    """What a server answers."""

    headers: dict[str, str]
    protocol: str | None
    extensions: list[Extension]


class PlainRequest(NamedTuple):
    """A GET that asks for no WebSocket connection."""

    target: str
    headers: dict[str, str]


class OpeningRefused(Exception):
    """The handshake cannot succeed.

    Attributes:
        status: The HTTP status for the client, or the one that the server sent; 0 if there is none.
        reason: Why, in words.
        headers: More headers for the answer, or those of the server.
    """

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


class ServerOpening:
    """The server's side.

    Args:
        versions: The protocol versions to accept; their frames are all those of RFC 6455.
    """

    __slots__ = ("_finder", "_versions")

    def __init__(self, versions: Iterable[int] = (13,)) -> None:
        self._versions = sorted(versions, reverse=True)
        self._finder = HeadFinder()

    @property
    def rest(self) -> bytes:
        """What came after the request."""
        return self._finder.rest

    def receive_data(self, data: bytes) -> UpgradeRequest | PlainRequest | None:
        """Take octets from the client; return its request once it is complete.

        Raises:
            OpeningRefused: It is no request, or no proper one.
        """
        try:
            octets = self._finder.feed(data)
            if octets is None:
                return None
            head = parse_head(octets)
        except HttpError as error:
            raise OpeningRefused(error.status, str(error)) from None
        target = _target_of(head)
        if not head.all("upgrade"):
            return PlainRequest(target, joined(head.fields))
        try:
            return self._upgrade(head, target)
        except InvalidHeaderFormat as error:
            raise OpeningRefused(400, str(error)) from None

    def _upgrade(self, head: Head, target: str) -> UpgradeRequest:
        version = self._version(head)
        _check_upgrade(head)
        keys = head.all("sec-websocket-key")
        if len(keys) != 1 or not _is_key(keys[0]):
            raise OpeningRefused(400, "Sec-WebSocket-Key is missing, there twice, or not 16 octets in base64")
        origins = head.all("sec-websocket-origin" if version < 13 else "origin")
        if len(origins) > 1:
            raise OpeningRefused(400, "more than one origin")
        protocols = _listed(head, "sec-websocket-protocol")
        if len(set(protocols)) < len(protocols):
            raise OpeningRefused(400, "a subprotocol is offered twice")
        return UpgradeRequest(
            target=target,
            headers=joined(head.fields),
            host=head.all("host")[0],
            version=version,
            origin=origins[0] if origins else None,
            protocols=protocols,
            extensions=_extensions_of(head),
            key=keys[0],
        )

    def _version(self, head: Head) -> int:
        found = head.all("sec-websocket-version")
        if len(found) != 1 or not found[0].isascii() or not found[0].isdigit():
            raise OpeningRefused(400, "Sec-WebSocket-Version is missing, there twice, or no number")
        if int(found[0]) not in self._versions:  # §4.4
            known = ", ".join(map(str, self._versions))
            reason = f"WebSocket version {found[0]} is not supported; there is {known}"
            raise OpeningRefused(426, reason, {"Sec-WebSocket-Version": known})
        return int(found[0])


def acceptance(
    request: UpgradeRequest,
    *,
    protocol: str | None = None,
    extensions: Iterable[str] = (),
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return the answer that opens the connection.

    Args:
        request: What it answers.
        protocol: The subprotocol of the connection.
        extensions: Values for Sec-WebSocket-Extensions.
        headers: More headers.

    Raises:
        ValueError: `protocol` was not offered, or a header cannot be sent.
    """
    if protocol is not None and protocol not in request.protocols:
        raise ValueError(f"the client did not offer the subprotocol {protocol!r}")
    fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), *headers]
    if protocol is not None:
        fields.append(("Sec-WebSocket-Protocol", protocol))
    fields.append(("Sec-WebSocket-Accept", accept_value(request.key)))
    fields.extend(("Sec-WebSocket-Extensions", value) for value in extensions)
    return serialize_head("HTTP/1.1 101 Switching Protocols", fields)


def refusal(status: int, reason: str, *, body: str = "", headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return an HTTP answer that ends the connection.

    Raises:
        ValueError: The reason or a header cannot be sent.
    """
    octets = body.encode()
    fields = [*headers, ("Content-Length", str(len(octets))), ("Connection", "close")]
    return serialize_head(f"HTTP/1.1 {status} {reason}", fields) + octets


class ClientOpening:
    """The client's side.

    Args:
        key: 16 random octets.
        target: What to ask for: path and query.
        host: Value of the Host header.
        protocols: Subprotocols to offer, in order of preference.
        extensions: Values for Sec-WebSocket-Extensions, in order of preference.
        origin: Value of the Origin header, which browsers send; None sends none.
        headers: More headers.
        version: The protocol version to name.

    Attributes:
        request: The octets to send.

    Raises:
        ValueError: A header cannot be sent.
    """

    __slots__ = ("_finder", "_key", "_protocols", "request")

    def __init__(
        self,
        key: bytes,
        *,
        target: str,
        host: str,
        protocols: Iterable[str] = (),
        extensions: Iterable[str] = (),
        origin: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        version: int = 13,
    ) -> None:
        self._key = base64.b64encode(key).decode()
        self._protocols = list(protocols)
        self._finder = HeadFinder()
        fields = [("Host", host), ("Upgrade", "websocket"), ("Connection", "Upgrade"), *headers]
        fields += [("Sec-WebSocket-Key", self._key), ("Sec-WebSocket-Version", str(version))]
        if origin is not None:
            fields.append(("Origin" if version >= 13 else "Sec-WebSocket-Origin", origin))
        if self._protocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(self._protocols)))
        offers = list(extensions)
        if offers:
            fields.append(("Sec-WebSocket-Extensions", ", ".join(offers)))
        if not target or re.search(r"[\s#]", target):
            raise ValueError(f"{target!r} cannot be requested")
        self.request = serialize_head(f"GET {target} HTTP/1.1", fields)

    @property
    def rest(self) -> bytes:
        """What came after the answer."""
        return self._finder.rest

    def receive_data(self, data: bytes) -> UpgradeResponse | None:
        """Take octets from the server; return its answer once it is complete.

        Raises:
            OpeningRefused: It refuses, or is none.
        """
        try:
            octets = self._finder.feed(data)
            return None if octets is None else self._response(parse_head(octets))
        except (HttpError, InvalidHeaderFormat) as error:
            raise OpeningRefused(0, str(error)) from None

    def _response(self, head: Head) -> UpgradeResponse:
        line = _STATUS_LINE.fullmatch(head.line)
        if line is None:
            raise OpeningRefused(0, "the answer is not HTTP/1.1")
        if line[1] != "101":
            raise OpeningRefused(int(line[1]), line[2] or "", joined(head.fields))
        _check_upgrade(head)
        if head.all("sec-websocket-accept") != [accept_value(self._key)]:
            raise OpeningRefused(0, "Sec-WebSocket-Accept does not answer the key")
        selected = head.all("sec-websocket-protocol")
        if len(selected) > 1 or not set(selected) <= set(self._protocols):
            raise OpeningRefused(0, f"the server selected {', '.join(selected)}, which was not offered")
        return UpgradeResponse(joined(head.fields), selected[0] if selected else None, _extensions_of(head))


def accept_value(key: str) -> str:
    """Return the value of Sec-WebSocket-Accept for a key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def _target_of(head: Head) -> str:
    line = _REQUEST_LINE.fullmatch(head.line)
    if line is None:
        raise OpeningRefused(400, "the request line is malformed")
    if line[1] != "GET":
        raise OpeningRefused(405, f"{line[1]} is not allowed", {"Allow": "GET"})
    if line[3] == "0":
        raise OpeningRefused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is needed")
    if len(head.all("host")) != 1:
        raise OpeningRefused(400, "there must be one Host header")
    if "#" in line[2]:
        raise OpeningRefused(400, "a request target has no fragment")
    return line[2]


def _check_upgrade(head: Head) -> None:
    upgrade = [token for value in head.all("upgrade") for token in parse_upgrade(value)]
    connection = [token for value in head.all("connection") for token in parse_connection(value)]
    if "websocket" not in [token.lower() for token in upgrade]:
        raise OpeningRefused(400, "Upgrade does not name websocket")
    if "upgrade" not in [token.lower() for token in connection]:
        raise OpeningRefused(400, "Connection does not name Upgrade")


def _listed(head: Head, name: str) -> list[str]:
    return [str(token) for value in head.all(name) for token in parse_subprotocol(value)]


def _extensions_of(head: Head) -> list[Extension]:
    found = [extension for value in head.all("sec-websocket-extensions") for extension in parse_extension(value)]
    return [(str(name), list(parameters)) for name, parameters in found]


def _is_key(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False
