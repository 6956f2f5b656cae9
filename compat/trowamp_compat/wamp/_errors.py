"""Errors in both directions: what a peer or the core says becomes what programs catch, what programs raise becomes what is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trowamp

from ..exception import PayloadExceededError
from ._payloads import decoded_octets
from .exception import (
    ApplicationError,
    CallTimeoutError,
    CanceledError,
    InvalidUriError,
    SerializationError,
    SessionNotReady,
    TransportLost,
    TypeCheckError,
)
from .uri import patterns_of

_WELL_KNOWN: dict[str, type[ApplicationError]] = {
    ApplicationError.CANCELED: CanceledError,
    ApplicationError.TIMEOUT: CallTimeoutError,
    ApplicationError.TYPE_CHECK_ERROR: TypeCheckError,
}
_METADATA = ("callee", "callee_authid", "callee_authrole", "forward_for", "enc_algo")


class Explanation(str):
    """A note of this package on an exception: what could not be done because of it."""

    __slots__ = ()


def explanation_of(error: BaseException) -> str | None:
    """Return the first explanation that was added to an exception as a note, or None."""
    return next((note for note in getattr(error, "__notes__", ()) if isinstance(note, Explanation)), None)


class ErrorMap:
    """Which exception classes stand for which error URIs in a session.

    Args:
        user_error: Told when the constructor of a class fails.
        codec: Returns the payload codec, or None.
    """

    def __init__(self, user_error: Callable[[BaseException, str], None], codec: Callable[[], Any]) -> None:
        self._user_error = user_error
        self._codec = codec
        self._uri_of: dict[type[BaseException], str] = {}
        self._class_of: dict[str, Callable[..., BaseException]] = {
            ApplicationError.INVALID_PAYLOAD: SerializationError,
            ApplicationError.PAYLOAD_SIZE_EXCEEDED: PayloadExceededError,
        }

    def define(self, exception: type[BaseException], error: str | None = None) -> None:
        """Let a class stand for a URI: the one it is decorated with, or `error`.

        Raises:
            RuntimeError: There is no URI, or there are two.
        """
        patterns = patterns_of(exception)
        if error is None and not patterns:
            raise RuntimeError(f"{exception.__name__} is not decorated with an error URI, and none is given")
        if error is not None and patterns:
            raise RuntimeError(f"{exception.__name__} is decorated with an error URI; another one is given")
        uri = error if error is not None else patterns[0].uri()
        self._uri_of[exception] = uri
        self._class_of[uri] = exception

    def received(self, error: Exception) -> BaseException:
        """Return what the user gets for an error of the core."""
        if isinstance(error, trowamp.ApplicationError):
            return self._from_peer(error)
        if isinstance(error, trowamp.SessionClosed):
            closed = ApplicationError(error.reason, *([error.message] if error.message else []))
            closed.maybe_executed = error.maybe_executed
            return closed
        return local_error(error)

    def to_send(self, error: BaseException) -> ApplicationError:
        """Return what is sent for an exception of a procedure."""
        if isinstance(error, ApplicationError):
            return _copy(error.error, error.args, error.kwargs)
        if isinstance(error, trowamp.ApplicationError):
            return _copy(error.uri, error.args, error.kwargs)
        kwargs = getattr(error, "kwargs", None)
        return _copy(self._sent_as(error), error.args, kwargs if isinstance(kwargs, dict) else {})

    def _sent_as(self, error: BaseException) -> str:
        uri = self._uri_of.get(type(error))
        if uri is not None:
            return uri
        patterns = patterns_of(type(error))
        return patterns[0].uri() if patterns else "wamp.error.runtime_error"

    def _from_peer(self, error: trowamp.ApplicationError) -> BaseException:
        args, kwargs, details = error.args, error.kwargs, error.details
        if details.get("enc_algo") and len(args) == 1 and type(args[0]) is bytes:
            try:
                decoded = decoded_octets(self._codec(), error.uri, args[0], details, is_originating=True)
                args, kwargs = tuple(decoded[0]), decoded[1]
            except ApplicationError as undecodable:
                return undecodable
        made = self._class_of.get(error.uri)
        if made is not None:
            try:
                return made(*args, **kwargs)
            except Exception as failure:  # noqa: BLE001  # the class is the user's; the error still arrives
                self._user_error(failure, f"cannot construct the exception for {error.uri}")
        metadata = {name: details[name] for name in _METADATA if name in details}
        return _WELL_KNOWN.get(error.uri, ApplicationError).from_wire(error.uri, args, kwargs, **metadata)


def local_error(error: Exception) -> Exception:
    """Return what the user gets for what a command of the core raises, or for the loss of the session."""
    if isinstance(error, trowamp.SessionLost):
        lost = TransportLost(str(error))
        lost.maybe_executed = error.maybe_executed
        return lost
    for kind, make in _LOCAL:
        if isinstance(error, kind):
            return make(str(error))
    return error


@contextmanager
def as_compat_errors() -> Iterator[None]:
    """Turn what the core raises into what programs expect."""
    try:
        yield
    except (trowamp.WampError, ValueError) as error:
        raise local_error(error) from None


# In this order: some of the core's errors are ValueErrors too.
_LOCAL: tuple[tuple[type[Exception], Callable[[str], Exception]], ...] = (
    (trowamp.SessionClosed, SessionNotReady),
    (trowamp.SerializationError, SerializationError),
    (trowamp.MessageTooLarge, PayloadExceededError),
    (trowamp.LocalProtocolError, TransportLost),
    (ValueError, InvalidUriError),
)


def _copy(uri: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ApplicationError:
    return ApplicationError.from_wire(uri, args, kwargs)
