"""What a REGISTER or SUBSCRIBE may ask for, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import uris
from .._uri_pattern import is_pattern

if TYPE_CHECKING:
    from ._options import RouterOptions
    from ._session import Session


def problem_of(session: Session, uri: str, match: str, options: RouterOptions) -> tuple[str, str] | None:
    """Say why a session cannot have one more registration or subscription.

    Args:
        session: Who asks.
        uri: What for.
        match: The matching policy.
        options: The router's limits.

    Returns:
        The URI and the words of an ERROR, or None if there is no problem.
    """
    if not is_pattern(uri, match, strict=options.strict_uris):  # URI-B3
        return uris.ERROR_INVALID_URI, f"not a legal URI ({match})"
    if len(uri) > options.max_uri_length:
        return uris.ERROR_INVALID_URI, f"longer than {options.max_uri_length} characters"
    if len(session.registrations) + len(session.subscriptions) >= options.max_session_entries:
        return uris.ERROR_NOT_AUTHORIZED, f"more than {options.max_session_entries} registrations and subscriptions"
    return None
