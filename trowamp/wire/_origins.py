"""Which web pages may connect to a router: browsers name the origin of the page, and ask nobody else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

Origins = Sequence[str | re.Pattern[str]] | None


def may_connect(found: Sequence[str], hosts: Sequence[str], origins: Origins) -> bool:
    """Tell whether a request may be served.

    Args:
        found: Its Origin headers; clients that are no browsers have none.
        hosts: Its Host headers.
        origins: Origins of web pages that may connect: texts, patterns of whole origins, or `"*"`. None: pages from the host they connect to.
    """
    if not found:
        return True
    if len(found) > 1:
        return False
    origin = found[0]
    if origins is None:
        return _host_of(origin) in [_host_of(f"//{host}") for host in hosts[:1]]
    return any(
        allowed in ("*", origin) if isinstance(allowed, str) else allowed.fullmatch(origin) is not None
        for allowed in origins
    )


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url
