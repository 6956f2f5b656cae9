"""What a session does with payloads in another form than their message's: it encodes what it sends, and decodes what it receives.

A payload that cannot be decoded is never handed on: a procedure's caller is answered with the error, a call raises it, an event is logged, counted
and leaves a gap.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ._exceptions import (
    ApplicationError,
    DecryptionFailed,
    FeatureNotSupported,
    LocalProtocolError,
    SerializationError,
    TrustedUriMismatch,
)
from ._types import SessionDetails
from ._uri_pattern import UriPattern
from .messages import Event, Invocation, Result
from .payloads import Encoded, PayloadCodec, Subject, not_encrypted
from .uris import ERROR_INVALID_PAYLOAD

Sent = tuple[Any, dict[str, Any] | None, dict[str, Any]]  # positional payload, keyword payload, options

_log = logging.getLogger("trowamp.session")

_STANDARD: Final = PayloadCodec()
_NOTHING: Final[dict[str, Any]] = {}
_MODE: Final = ("ppt_scheme", "ppt_serializer", "ppt_cipher", "ppt_keyid")
_TRANSPARENT: Final = ("enc_algo", "enc_serializer", "enc_key")
_MODE_FEATURES: Final = ("payload_passthru_mode",)
_TRANSPARENT_FEATURES: Final = ("payload_transparency", "payload_encryption_cryptobox")


class Exchange(msgspec.Struct, frozen=True):
    """A call: how its payload travelled, and what reads the answers.

    Attributes:
        codec: The codec.
        procedure: The procedure.
        request: How the payload of the call travelled; empty if that was an ordinary one.
    """

    codec: PayloadCodec
    procedure: str
    request: Mapping[str, Any] = _NOTHING

    def open(self, message: Result) -> None:
        """Decode a result in its place.

        Raises:
            ApplicationError: It cannot be decoded.
        """
        options = travelled(message.details)
        if options is not None or self.codec is not _STANDARD:
            _open(self.codec, Subject("result", self.procedure, None, self.request), message, options)

    def opened_error(self, error: ApplicationError) -> ApplicationError:
        """Return the error that a peer sent, decoded; or as it is; or, if it is encrypted, the error that kept it from being decoded."""
        options = travelled(error.details)
        if options is None and self.codec is _STANDARD:
            return error
        subject = Subject("error", self.procedure, error.uri, self.request)
        try:
            opened = self._opened(error, subject, options)
        except ApplicationError as failure:
            failure.__cause__ = error
            return failure
        return error if opened is None else ApplicationError.from_wire(error.uri, *opened, error.details)

    def _opened(
        self, error: ApplicationError, subject: Subject, options: dict[str, Any] | None
    ) -> tuple[list[Any], dict[str, Any]] | None:
        """Decode the payload of an error; None: it is to be raised as it is."""
        if not is_encrypted(error.details) and self.codec.refuses_plain(subject):
            raise not_encrypted(subject)
        if options is None:
            return None
        args: Any = list(error.args)
        if "enc_algo" in options and len(args) == 1:
            (args,) = args
        try:
            return _decoded(self.codec, subject, Encoded(args, options, error.kwargs))
        except ApplicationError:
            if is_encrypted(options):
                raise
            return None  # wampy.js says so of errors that it did not serialize


class Coding:
    """The codecs of one session.

    Args:
        codec: What the user gave for all payloads, or None.
        details: Who the session is, and what the router can.
        check_features: Whether to refuse what the router does not announce.

    Attributes:
        own: The user's codec; with None nothing is encoded, and nothing needs to be.
    """

    def __init__(self, codec: PayloadCodec | None, details: SessionDetails, *, check_features: bool) -> None:
        self.own = codec
        self._codec = codec or _STANDARD
        self._details = details
        self._checks_features = check_features

    # ---- what this side begins

    def begin_call(
        self,
        codec: PayloadCodec | None,
        procedure: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wire: dict[str, Any],
    ) -> tuple[Sent, Exchange]:
        """Encode a call.

        Args:
            codec: What the view has instead of the session's codec.
            procedure: The procedure.
            args: Positional payload.
            kwargs: Keyword payload.
            wire: Other options of the call.

        Returns:
            What is sent, and what reads the answers.

        Raises:
            SerializationError, LocalProtocolError: It cannot be encoded.
            FeatureNotSupported: The router does not announce what its form needs.
        """
        codec = codec or self._codec
        encoded = self._encoded(codec, Subject("call", procedure), "dealer", args, kwargs)
        if encoded is None:
            return (args, kwargs, wire), Exchange(codec, procedure)
        return _sent(encoded, wire), Exchange(codec, procedure, encoded.options)

    def encode_event(
        self,
        codec: PayloadCodec | None,
        topic: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wire: dict[str, Any],
    ) -> Sent:
        """Encode an event. Arguments and errors are those of `begin_call`."""
        encoded = self._encoded(codec or self._codec, Subject("event", topic), "broker", args, kwargs)
        return (args, kwargs, wire) if encoded is None else _sent(encoded, wire)

    # ---- what the peers send

    def exchange(self, procedure: str) -> Exchange:
        """Return what reads the answers of a call that was sent as it is."""
        return Exchange(self._codec, procedure)

    def open_event(self, pattern: UriPattern, message: Event) -> None:
        """Decode an event in its place.

        Raises:
            ApplicationError: It cannot be decoded.
        """
        self._open_request("event", pattern, message.details.get("topic"), message)

    def open_invocation(self, pattern: UriPattern, message: Invocation) -> None:
        """Decode the arguments of an invocation in their place. Raises as `open_event` does."""
        self._open_request("call", pattern, message.details.get("procedure"), message)

    def open_input(self, pattern: UriPattern, first: Invocation, message: Invocation) -> None:
        """Decode one more input in its place: of the same procedure, in the same form. Raises as `open_event` does."""
        options = travelled(message.details)
        if options is None and self.own is None:
            return
        uri = first.details.get("procedure") or pattern.uri
        named = message.details.get("procedure") or uri
        if named != uri:
            raise TrustedUriMismatch(f"the router says that this is an input of {named}, in a call of {uri}")
        asked, form = _form(first.details), _form(message.details)
        if asked != form:
            raise DecryptionFailed(f"an input of {uri} is {form}, while the call began {asked}")
        _open(self._codec, Subject("call", uri), message, options)

    # ---- answers

    def encode_result(self, procedure: str, message: Invocation, args: Sequence[Any], kwargs: dict[str, Any]) -> Sent:
        """Encode a result, also a progressive one, in the form of its call.

        Raises:
            SerializationError, LocalProtocolError: It cannot be encoded.
        """
        request = travelled(message.details) or _NOTHING
        subject = Subject("result", procedure, None, request)
        encoded = self._codec.encode(subject, args, kwargs, secrets.token_bytes)
        return (args, kwargs, _NOTHING) if encoded is None else _sent(encoded, _NOTHING)

    def encode_error(
        self, procedure: str, message: Invocation, error: ApplicationError
    ) -> tuple[Any, dict[str, Any]] | None:
        """Encode an error in the form of its call. A payload that cannot be serialized is replaced by words that say so.

        Returns:
            Its payload in another form, and the details that describe it; None: it travels as it is.
        """
        if not isinstance(error.uri, str):  # nothing that could be sent
            return None
        request = travelled(message.details) or _NOTHING
        subject = Subject("error", procedure, error.uri, request)
        try:
            encoded = self._encoded_error(subject, error)
        except LocalProtocolError as failure:
            _log.error("the error %s of %s travels without its payload: %s", error.uri, procedure, failure)
            return (), _NOTHING
        return None if encoded is None else (encoded.args, dict(encoded.options))

    def _encoded_error(self, subject: Subject, error: ApplicationError) -> Encoded | None:
        try:
            return self._codec.encode(subject, error.args, error.kwargs, secrets.token_bytes)
        except SerializationError as failure:
            words = f"the error's payload could not be sent: {failure}"
            return self._codec.encode(subject, (words,), {}, secrets.token_bytes)

    # ---- inner workings

    def _encoded(
        self, codec: PayloadCodec, subject: Subject, role: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Encoded | None:
        encoded = codec.encode(subject, args, kwargs, secrets.token_bytes)
        if encoded is not None and self._checks_features:
            needed = _TRANSPARENT_FEATURES if "enc_algo" in encoded.options else _MODE_FEATURES
            if not any(self._details.supports(role, name) for name in needed):
                raise FeatureNotSupported(needed[0])
        return encoded

    def _open_request(self, kind: Any, pattern: UriPattern, named: Any, message: Event | Invocation) -> None:
        options = travelled(message.details)
        if options is None and self.own is None:
            return
        uri = named or pattern.uri
        if not pattern.matches(uri):  # a plain payload, too: under another name it would need no key
            raise TrustedUriMismatch(f"the router says that this is {uri}, which {pattern.text} is not")
        _open(self._codec, Subject(kind, uri), message, options)


def travelled(details: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what describes the form of a payload, or None for an ordinary one (PPT-B1)."""
    if "enc_algo" in details:
        return {name: details[name] for name in _TRANSPARENT if name in details}
    if details.get("ppt_scheme"):
        return {name: details[name] for name in _MODE if name in details}
    return None


def is_encrypted(details: Mapping[str, Any]) -> bool:
    """Tell whether a payload that has been decoded was encrypted."""
    return "enc_algo" in details or bool(details.get("ppt_scheme") and details.get("ppt_cipher"))


def _form(details: Mapping[str, Any]) -> str:
    """Tell in words what all payloads of one direction of a call have in common."""
    form = [f"{name}={details[name]!r}" for name in ("enc_algo", "ppt_scheme", "ppt_cipher") if details.get(name)]
    return f"{'encrypted' if is_encrypted(details) else 'encoded'} ({', '.join(form)})" if form else "plain"


def unsendable(error: SerializationError | LocalProtocolError) -> ApplicationError:
    """Return what a caller is told when the answer cannot be encoded."""
    return ApplicationError(ERROR_INVALID_PAYLOAD, str(error))


def _open(
    codec: PayloadCodec, subject: Subject, message: Event | Invocation | Result, options: dict[str, Any] | None
) -> None:
    if options is None:
        if codec.refuses_plain(subject):
            raise not_encrypted(subject)
        return
    message.args, message.kwargs = _decoded(codec, subject, Encoded(message.args, options, message.kwargs))


def _decoded(codec: PayloadCodec, subject: Subject, encoded: Encoded) -> tuple[list[Any], dict[str, Any]]:
    try:
        args, kwargs = codec.decode(subject, encoded)
        return list(args), dict(kwargs)
    except ApplicationError:
        raise
    except Exception as error:  # the user's codec, and octets that anybody may have made
        _log.exception("%r failed to decode the %s of %s", codec, subject.kind, subject.uri)
        raise DecryptionFailed(f"the {subject.kind} of {subject.uri} could not be decoded") from error


def _sent(encoded: Encoded, wire: dict[str, Any]) -> Sent:
    return encoded.args, encoded.kwargs, {**wire, **encoded.options}
