"""What the values of a transport's configuration must be. Each check raises a ValueError that names key and value."""

from __future__ import annotations

import math
import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from .._option_checks import COMMON_CHECKS, LIST, Check


def snake_case(name: str) -> str:
    """Return the other spelling of an option such as `autoPingInterval`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


_ANYTHING: Final[Check] = (lambda _: True, "anything")
_OPTION_CHECKS: Final = {snake_case(key): check for key, check in COMMON_CHECKS.items()} | {
    "per_message_compression_offers": LIST
}
_TLS_KEYS: Final = frozenset({"hostname", "trust_root"})


def check_number(what: str, value: Any) -> None:
    """Take a number, 0 or more.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{what} is a number, 0 or more; not {value!r}")


def check_url(url: Any) -> None:
    """Take a text whose port is one; all else that a URL needs is found where it is read.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(url, str):
        raise ValueError(f"the url of a transport must be a string, not {url!r}")
    try:
        port = urlsplit(url).port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from None
    if port == 0:
        raise ValueError(f"{url!r} is no URL to connect to: its port is 0")


def check_port(what: str, value: Any) -> None:
    """Take a port that one can connect to.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"{what} is a number from 1 to 65535, not {value!r}")


def check_retries(retries: Mapping[str, Any]) -> None:
    """Take numbers; their ranges are the schedule's business. The jitter may be a function.

    Raises:
        ValueError: A value is no number.
    """
    for key, value in retries.items():
        kinds: Any = int if key == "max_retries" else int | float
        is_function = key == "retry_delay_jitter" and callable(value)
        if not is_function and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise ValueError(f"{key} is {'a whole number' if kinds is int else 'a number'}, not {value!r}")


def check_options(options: Mapping[str, Any]) -> None:
    """Take protocol options, in snake case.

    Raises:
        ValueError: A value is not what its option needs.
    """
    for key, value in options.items():
        is_good, needed = _OPTION_CHECKS.get(key, _ANYTHING)
        if not is_good(value):
            raise ValueError(f"the option {key} must be {needed}, not {value!r}")


def check_tls(tls: Any) -> None:
    """Take what `tls` may be: nothing, a truth value, a dictionary, or an object of the framework's.

    Raises:
        ValueError: It is something else, a key is not known, or the file of `trust_root` cannot be used.
    """
    if isinstance(tls, str | bytes | int | float | list | tuple | set) and not isinstance(tls, bool):
        raise ValueError(f"tls is True, False, a dictionary or an object of the framework's, not {tls!r}")
    if not isinstance(tls, Mapping):
        return
    unknown = sorted(map(str, set(tls) - _TLS_KEYS))
    if unknown:
        raise ValueError(f"unknown keys of tls: {', '.join(unknown)}; there are {', '.join(sorted(_TLS_KEYS))}")
    hostname, trust_root = tls.get("hostname"), tls.get("trust_root")
    if hostname is not None and (not isinstance(hostname, str) or not hostname):
        raise ValueError(f"the hostname of tls is a string, not {hostname!r}")
    if trust_root is not None and (not isinstance(trust_root, str | os.PathLike) or not os.fspath(trust_root)):
        raise ValueError(f"the trust_root of tls is the path of a file, not {trust_root!r}")
    try:
        trusting(trust_root)
    except OSError as error:
        raise ValueError(str(error)) from None


def trusting(trust_root: Any) -> ssl.SSLContext:
    """Make the TLS of a client.

    Args:
        trust_root: The file of the certificates to trust; None for those that the system trusts.

    Raises:
        OSError: The file cannot be read, or holds no certificates; it is named.
    """
    try:
        return ssl.create_default_context(cafile=trust_root)
    except OSError as error:  # some of these do not say which file it is
        raise OSError(f"the trust_root of tls cannot be used: {os.fspath(trust_root)!r}: {error}") from error
