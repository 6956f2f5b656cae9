"""What a word of the command line means: a number, a string, JSON, the content of a file.

Rule: a word that is JSON is that value, a word in single or double quotes is a string, `@name` is the content of a file, all else is a string.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any, NamedTuple

_JSON_STARTS = frozenset('-0123456789"[{tfn')


class Payload(NamedTuple):
    """What travels with a call, a result, an event: positional and keyword values."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def typed(word: str) -> Any:
    """Return the value that a word stands for.

    Raises:
        ValueError: The word names a file that cannot be read.
    """
    if len(word) > 1 and word[0] == "@":
        return content_of(word[1:])
    if len(word) > 1 and word[0] == word[-1] == "'":
        return word[1:-1]
    if word[:1] in _JSON_STARTS:
        try:
            return from_json(word)
        except ValueError:
            return word
    return word


def typed_pair(word: str) -> tuple[str, Any]:
    """Split `key=value`; the value is typed.

    Raises:
        ValueError: There is no key, or the value cannot be had.
    """
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise ValueError(f"{word!r} is not of the form key=value")
    return key, typed(value)


def content_of(name: str) -> str | bytes:
    """Return the content of a file, or of standard input for `-`: text if it is UTF-8, octets if not.

    Raises:
        ValueError: The file cannot be read.
    """
    try:
        octets = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror or error}") from error
    return text_or_octets(octets)


def text_or_octets(octets: bytes) -> str | bytes:
    """Return text if the octets are UTF-8, else the octets."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets


def json_value(word: str) -> Any:
    """Return the value of a word that has to be JSON, or of the file that it names with `@`.

    Raises:
        ValueError: It is not JSON, or the file cannot be read.
    """
    text = content_of(word[1:]) if word.startswith("@") else word
    try:
        return from_json(text)
    except ValueError as error:
        raise ValueError(f"{word!r} is not JSON: {error}") from error


def from_json(text: str | bytes) -> Any:
    """Read JSON; a string of U+0000 and base64 stands for octets.

    Raises:
        ValueError: It is not JSON.
    """
    return _with_octets(json.loads(text, parse_constant=_refuse_constant))


def payload_of_json(value: Any) -> Payload:
    """Turn a JSON value into a payload: an array into positional values, all else into one value.

    An object with `args` or `kwargs` is the payload that it describes.

    Raises:
        ValueError: `args` is no array or `kwargs` no object.
    """
    if isinstance(value, list):
        return Payload(tuple(value), {})
    if isinstance(value, dict) and ("args" in value or "kwargs" in value):
        args, kwargs = value.get("args", []), value.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise ValueError('"args" must be an array and "kwargs" an object')
        return Payload(tuple(args), kwargs)
    return Payload((value,), {})


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Write a value as JSON; octets as U+0000 and base64, which is WAMP's own rule."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(value, ensure_ascii=False, indent=indent, separators=separators, default=_octets_as_text)


def _octets_as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return "\0" + b64encode(value).decode("ascii")
    raise TypeError(f"{type(value).__name__} is not a value that WAMP carries")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _with_octets(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("\0"):
        return b64decode(value[1:], validate=True)
    if isinstance(value, list):
        return [_with_octets(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_octets(item) for key, item in value.items()}
    return value
