"""Checks of what stands in messages; they return what they have checked."""

from __future__ import annotations

import re
from typing import Any, Final

from trowamp.uris import is_pattern, is_uri

from .exception import InvalidUriError, ProtocolError

__all__ = ["check_or_raise_extra", "check_or_raise_id", "check_or_raise_realm_name", "check_or_raise_uri"]

_REALM_NAME: Final = re.compile(r"[A-Za-z][A-Za-z\d_\-@.]{2,254}|0x[A-Fa-f\d]{40}")


def check_or_raise_uri(
    value: Any,
    message: str = "WAMP message invalid",
    strict: bool = False,
    allow_empty_components: bool = False,
    allow_last_empty: bool = False,
    allow_none: bool = False,
) -> str | None:
    """Check the syntax of a URI and return it.

    Args:
        value: The URI.
        message: What the text of the error begins with.
        strict: Allow lower-case letters, digits and underscores only.
        allow_empty_components: Whether any component may be empty.
        allow_last_empty: Whether the last one may.
        allow_none: Whether there may be no URI.

    Raises:
        InvalidUriError: It is none.
    """
    if value is None and allow_none:
        return None
    if not isinstance(value, str):
        raise InvalidUriError(f"{message}: invalid type {type(value)} for URI")
    if allow_empty_components:
        is_legal = is_pattern(value, "wildcard", strict=strict)
    elif allow_last_empty:
        is_legal = is_pattern(value, "prefix", strict=strict)
    else:
        is_legal = is_uri(value, strict=strict)
    if not is_legal:
        raise InvalidUriError(f'{message}: invalid value "{value}" for URI')
    return value


def check_or_raise_id(value: Any, message: str = "WAMP message invalid") -> int:
    """Check an id, from 0 to 2**53, and return it.

    Raises:
        ProtocolError: It is none.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise ProtocolError(f"{message}: invalid type {type(value)} for ID")
    if not 0 <= value <= 2**53:
        raise ProtocolError(f"{message}: invalid value {value} for ID")
    return value


def check_or_raise_realm_name(value: Any, message: str = "WAMP message invalid", allow_eth: bool = True) -> str:
    """Check the name of a realm and return it.

    Args:
        value: The name.
        message: What the text of the error begins with.
        allow_eth: Whether it may be an address of Ethereum.

    Raises:
        InvalidUriError: It is none.
    """
    if not isinstance(value, str):
        raise InvalidUriError(f"{message}: invalid type {type(value)} for realm name")
    if not _REALM_NAME.fullmatch(value) or (value.startswith("0x") and not allow_eth):
        raise InvalidUriError(f'{message}: invalid value "{value}" for realm name')
    return value


def check_or_raise_extra(value: Any, message: str = "WAMP message invalid") -> dict[str, Any]:
    """Check a dictionary of options or details, and return it.

    Raises:
        ProtocolError: It is none, or has keys that are no strings.
    """
    if not isinstance(value, dict):
        raise ProtocolError(f"{message}: invalid type {type(value)} for WAMP extra")
    for key in value:
        if not isinstance(key, str):
            raise ProtocolError(f"{message}: invalid type {type(key)} for key in WAMP extra ('{key}')")
    return value
