"""Small things that programs import from here: ids, time, random texts, listeners."""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from .wamp._observable import Observable
from .wamp._ready import face_in_use

__all__ = [
    "EqualityMixin",
    "IdGenerator",
    "ObservableMixin",
    "Stopwatch",
    "Tracker",
    "encode_truncate",
    "generate_activation_code",
    "generate_serial_number",
    "generate_token",
    "generate_user_password",
    "hl",
    "hlcontract",
    "hlid",
    "hltype",
    "hluserid",
    "hlval",
    "id",
    "newid",
    "parse_activation_code",
    "parse_keyfile",
    "rid",
    "rtime",
    "utcnow",
    "utcstr",
    "wildcards2patterns",
    "with_0x",
    "without_0x",
    "write_keyfile",
    "xor",
]

_MAX_ID: Final = 2**53
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

#: Digits and letters that nobody takes for one another.
DEFAULT_TOKEN_CHARS: Final = "345679ACEFGHJKLMNPQRSTUVWXY"

#: Zooko's alphabet for what people type.
DEFAULT_ZBASE32_CHARS: Final = "13456789abcdefghijkmnopqrstuwxyz"


class IdGenerator:
    """Ids of requests: 1, 2, … 2**53, then 1 again. It is an iterator, too."""

    def __init__(self) -> None:
        self._next = 0

    def next(self) -> int:
        """Return the next id."""
        self._next = self._next + 1 if self._next < _MAX_ID else 1
        return self._next

    def __next__(self) -> int:
        return self.next()

    def __iter__(self) -> Iterator[int]:
        return self


def rid() -> int:
    """Return a random id from 1 to 2**53."""
    return secrets.randbelow(_MAX_ID) + 1


def id() -> int:  # noqa: A001  # the name that programs import
    """Return a random id from 1 to 2**53."""
    return rid()


def newid(length: int = 16) -> str:
    """Return a random text of letters and digits.

    Args:
        length: How many.
    """
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def utcstr(ts: datetime | None = None) -> str:
    """Return a time in UTC, for example "2026-11-21T10:06:36.153Z".

    Args:
        ts: The time; default: now. One without a time zone is taken for UTC.
    """
    moment = datetime.now(UTC) if ts is None else ts
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def utcnow() -> str:
    """Return the present time in UTC, for example "2026-11-21T10:06:36.153Z"."""
    return utcstr()


def rtime() -> float:
    """Return the time of the clock on the wall in seconds."""
    return time.time()


class Stopwatch:
    """Measures time in seconds.

    Args:
        start: Whether it runs at once.
    """

    def __init__(self, start: bool = True) -> None:
        self._elapsed = 0.0
        self._since: float | None = time.perf_counter() if start else None

    def elapsed(self) -> float:
        """Return the time it has been running."""
        return self._elapsed + (0.0 if self._since is None else time.perf_counter() - self._since)

    def pause(self) -> float:
        """Stop it for a while; return the time it has been running."""
        self._elapsed = self.elapsed()
        self._since = None
        return self._elapsed

    def resume(self) -> float:
        """Let it go on; return the time it has been running."""
        if self._since is None:
            self._since = time.perf_counter()
        return self.elapsed()

    def stop(self) -> float:
        """Stop it and set it to nothing; return the time it has been running."""
        found = self.elapsed()
        self._elapsed, self._since = 0.0, None
        return found


class Tracker:
    """Notes when something happened, by names.

    Args:
        tracker: Who notes it.
        tracked: About what.
    """

    def __init__(self, tracker: str, tracked: str) -> None:
        self.tracker = tracker
        self.tracked = tracked
        self._timings: dict[str, float] = {}
        self._offset = time.time() - time.perf_counter()

    def track(self, key: str) -> None:
        """Note that something happens now."""
        self._timings[key] = time.perf_counter()

    def diff(self, start_key: str, end_key: str, formatted: bool = True) -> Any:
        """Return the time between two things in seconds, or as a text of eight characters; None or "n.a." if one has not happened.

        Args:
            start_key: The earlier one.
            end_key: The later one.
            formatted: Whether to return a text.
        """
        if start_key not in self._timings or end_key not in self._timings:
            return "n.a.".rjust(8) if formatted else None
        seconds = self._timings[end_key] - self._timings[start_key]
        return _in_words(seconds) if formatted else seconds

    def absolute(self, key: str) -> datetime | None:
        """Return when something happened, in UTC, or None if it has not."""
        found = self._timings.get(key)
        return None if found is None else datetime.fromtimestamp(self._offset + found, UTC).replace(tzinfo=None)

    def __getitem__(self, key: str) -> float | None:
        return self._timings.get(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._timings)

    def __str__(self) -> str:
        return f"Tracker(tracker={self.tracker}, tracked={self.tracked}, timings={self._timings})"


def _in_words(seconds: float) -> str:
    """Return a duration in the unit that leaves up to five digits."""
    for unit, factor in (("ns", 1e9), ("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 100_000:
            return f"{math.floor(seconds * factor):5d} {unit}"
    return f"{math.floor(seconds):5d} s "


def encode_truncate(text: str, limit: int, encoding: str = "utf8", return_encoded: bool = True) -> Any:
    """Shorten a text so that its octets fit, without cutting a character in two.

    Args:
        text: The text.
        limit: How many octets there may be.
        encoding: How it is encoded.
        return_encoded: Whether to return the octets, rather than the text.
    """
    octets = text.encode(encoding)[:limit]
    shortened = octets.decode(encoding, "ignore")
    return shortened.encode(encoding) if return_encoded else shortened


def xor(d1: bytes, d2: bytes) -> bytes:
    """Combine octets of the same length by exclusive or.

    Raises:
        ValueError: They are not of the same length.
    """
    if len(d1) != len(d2):
        raise ValueError(f"{len(d1)} octets cannot be combined with {len(d2)}")
    return bytes(one ^ other for one, other in zip(d1, d2, strict=True))


def with_0x(address: str) -> str:
    """Return an address with "0x" before its digits."""
    return address if address.startswith("0x") else f"0x{address}"


def without_0x(address: str) -> str:
    """Return an address without "0x" before its digits."""
    return address.removeprefix("0x")


def hl(text: Any, bold: bool = False, color: str = "yellow") -> str:  # noqa: ARG001  # the log has no colours here
    """Return a value as text, for a log."""
    return str(text)


def hlval(val: Any, color: str = "white", bold: bool = True) -> str:  # noqa: ARG001
    """Return a value as text, for a log."""
    return str(val)


def hlid(oid: Any) -> str:
    """Return an id as text, for a log."""
    return str(oid)


def hluserid(oid: Any) -> str:
    """Return the name of a user in quotes, for a log."""
    return f'"{oid}"'


def hlcontract(oid: Any) -> str:
    """Return an address in angle brackets, for a log."""
    return f"<{oid}>"


def hltype(obj: Any) -> str:
    """Return the name of a class or function in angle brackets, with its module, for a log."""
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    return f"<{named.__module__}.{named.__qualname__}>"


def wildcards2patterns(wildcards: Sequence[str]) -> list[re.Pattern[str]]:
    """Return regular expressions for texts in which a star stands for anything."""
    return [re.compile(f"^{re.escape(wildcard).replace(re.escape('*'), '.*')}$") for wildcard in wildcards]


def generate_token(
    char_groups: int,
    chars_per_group: int,
    chars: str | None = None,
    sep: str | None = None,
    lower_case: bool | None = False,
) -> str:
    """Return a random token in groups of characters.

    Args:
        char_groups: How many groups.
        chars_per_group: How many characters in each.
        chars: The alphabet; default: digits and letters that nobody takes for one another.
        sep: What stands between groups; default: a hyphen.
        lower_case: Whether to return it in lower case.
    """
    alphabet = chars or DEFAULT_TOKEN_CHARS
    groups = ("".join(secrets.choice(alphabet) for _ in range(chars_per_group)) for _ in range(char_groups))
    token = ("-" if sep is None else sep).join(groups)
    return token.lower() if lower_case else token


def generate_user_password() -> str:
    """Return a random password of 16 characters."""
    return generate_token(1, 16, DEFAULT_ZBASE32_CHARS, "")


def generate_serial_number() -> str:
    """Return a random serial number: six groups of four characters."""
    return generate_token(6, 4)


def generate_activation_code() -> str:
    """Return a random activation code: three groups of four characters."""
    return generate_token(3, 4)


def parse_activation_code(code: str) -> re.Match[str] | None:
    """Match a text with the form of activation codes; None if it has not that form."""
    group = f"([{DEFAULT_TOKEN_CHARS}]{{4}})"
    return re.fullmatch(f"{group}-{group}-{group}", code)


class EqualityMixin:
    """Makes objects of one class equal if all their attributes are."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # attributes can be changed


class ObservableMixin(Observable):
    """Lets others listen to events of an object."""

    def __init__(self) -> None:
        super().__init__()

    def set_valid_events(self, valid_events: Sequence[str] | None = None) -> None:
        """Say which events there are; None allows any."""
        self._events = None if valid_events is None else list(valid_events)

    _events: list[str] | None = None

    def __getattr__(self, name: str) -> Any:
        # a class may have other base classes, and call none of their constructors
        if name == "_listeners":
            self._listeners = {}
            return self._listeners
        if name == "_face":
            return face_in_use()
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _check_event(self, event: str) -> None:
        if self._events is not None and event not in self._events:
            raise RuntimeError(f"Invalid event '{event}'. Expected one of: {', '.join(self._events)}")


def parse_keyfile(key_path: str, private: bool = True) -> dict[str, str]:
    """Read a file of lines `name: value`, as Crossbar.io writes for keys.

    Args:
        key_path: The file.
        private: Whether it has to hold a private key.

    Returns:
        The values by their names.

    Raises:
        ValueError: A line is none, or a name is missing or there twice.
        OSError: The file cannot be read.
    """
    found: dict[str, str] = {}
    with open(key_path, encoding="utf-8") as file:  # noqa: PTH123
        for number, line in enumerate(file, 1):
            if not line.strip() or ":" not in line:  # what is no value is for people
                continue
            name, value = (part.strip() for part in line.split(":", 1))
            if name in found:
                raise ValueError(f"{key_path}:{number}: {name!r} is there twice")
            found[name] = value
    for name in ("public-key-ed25519", *(["private-key-ed25519"] if private else [])):
        if name not in found:
            raise ValueError(f"{key_path}: there is no line {name!r}")
    return found


def write_keyfile(filepath: str, tags: dict[str, Any], msg: str) -> None:
    """Write a file that `parse_keyfile` reads.

    Args:
        filepath: The file; what is there is replaced.
        tags: The values by their names; those that are None or empty are left out.
        msg: The first line, for people.

    Raises:
        OSError: The file cannot be written.
    """
    lines = [msg, ""] + [f"{name}: {value}" for name, value in tags.items() if value]
    with open(filepath, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("\n".join(lines) + "\n")
