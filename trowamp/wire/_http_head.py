"""The head of an HTTP/1.1 message (RFC 9112 §2 to §5): all of HTTP that an opening handshake needs, and what every use of HTTP here shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

LONGEST_HEAD: Final = 65536  # octets up to the empty line
_END: Final = re.compile(rb"\n\r?\n")
_LINE: Final = re.compile(rb"\r?\n")
_NAME: Final = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]+")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")


class HttpError(ValueError):
    """A head that is none, or is too long.

    Attributes:
        status: The HTTP status that tells a client so.
    """

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class NotHttp(HttpError):
    """Octets that do not begin as HTTP does.

    Attributes:
        octet: The first of them.
    """

    def __init__(self, octet: int) -> None:
        super().__init__("this is not HTTP")
        self.octet = octet


class HeadTooLong(HttpError):
    """A head without an end."""

    def __init__(self) -> None:
        super().__init__(f"head of more than {LONGEST_HEAD} octets", 431)


class Head(NamedTuple):
    """The first line, and the headers in the order they came."""

    line: str
    fields: list[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        """Return the values of all headers of a name, which is in lower case."""
        return [value for key, value in self.fields if key.lower() == name]


class HeadFinder:
    """Waits for the empty line.

    Attributes:
        rest: What came after it.
    """

    __slots__ = ("_octets", "_searched", "rest")

    def __init__(self) -> None:
        self._octets = bytearray()
        self._searched = 0
        self.rest = b""

    def feed(self, data: bytes) -> bytes | None:
        """Take octets; return the head, its empty line included, once it is complete.

        Raises:
            NotHttp, HeadTooLong: It cannot become one.
        """
        octets = self._octets
        octets += data
        if octets and not octets[:1].isupper():  # both begin with a word in capitals: GET, HTTP
            raise NotHttp(octets[0])
        found = _END.search(octets, max(0, self._searched - 3))
        self._searched = len(octets)
        if found is None or found.end() > LONGEST_HEAD:
            if len(octets) > LONGEST_HEAD:
                raise HeadTooLong
            return None
        self.rest = bytes(octets[found.end() :])
        return bytes(octets[: found.end()])


def parse_head(octets: bytes) -> Head:
    """Take a head apart, which ends with its empty line.

    Raises:
        HttpError: A line of it is no header.
    """
    first, *lines = _LINE.split(octets)[:-2]
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HttpError("malformed header")
        fields.append((name.decode("ascii"), value.decode("latin-1")))
    return Head(first.decode("latin-1"), fields)


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their names in lower case, those of one name as one (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def serialize_head(line: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Put a head together, with its empty line.

    Raises:
        ValueError: A name or value cannot be a header, for example because there is a line break in it.
    """
    lines = [_octets(line)]
    for name, value in fields:
        octets = _octets(value)
        if not _NAME.fullmatch(name.encode(errors="replace")):
            raise ValueError(f"{name!r} is no name of a header")
        lines.append(name.encode() + b": " + octets)
    return b"\r\n".join([*lines, b"", b""])


def _octets(text: str) -> bytes:
    octets = text.encode()
    if not _VALUE.fullmatch(octets):
        raise ValueError(f"{text!r} holds characters that HTTP forbids")
    return octets
