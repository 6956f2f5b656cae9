"""Payloads that an application's codec encodes: octets in place of the arguments, and `enc_*` keys that say how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trowamp
from trowamp.messages import Event, Invocation, Result

from .exception import ApplicationError
from .types import EncodedPayload

# positional payload or octets, keyword payload, options
Encoded = tuple[tuple[Any, ...] | bytes, dict[str, Any] | None, dict[str, Any] | None]
_NOTHING: dict[str, Any] = {}


def encoded(codec: Any, uri: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_originating: bool) -> Encoded:
    """Encode a payload, if there is a codec and it wants to.

    Args:
        codec: An `IPayloadCodec`, or None.
        uri: The procedure or topic.
        args: Positional payload.
        kwargs: Keyword payload.
        is_originating: Whether this side has made the request.
    """
    payload = None if codec is None else codec.encode(is_originating, uri, list(args), kwargs)
    if payload is None:
        return args, kwargs, None
    return payload.payload, None, _keys_of(payload)


def encoded_error(
    codec: Any, error: ApplicationError
) -> tuple[trowamp.ApplicationError, tuple[bytes, dict[str, Any]] | None]:
    """Turn an error into the one that is sent, and encode its payload if there is a codec."""
    to_send = trowamp.ApplicationError(error.error, *error.args)
    to_send.kwargs = error.kwargs
    payload = None if codec is None else codec.encode(False, error.error, list(error.args), error.kwargs)
    return to_send, None if payload is None else (payload.payload, _keys_of(payload))


def decoded(
    codec: Any, uri: str, message: Result | Event | Invocation, *, is_originating: bool
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the payload of a message, decoded if it is encoded.

    Raises:
        ApplicationError: It cannot be decoded.
    """
    args = message.args
    if type(args) is not bytes:
        return args or (), message.kwargs or _NOTHING
    return decoded_octets(codec, uri, args, message.details, is_originating=is_originating)


def decoded_octets(
    codec: Any, uri: str, octets: bytes, details: dict[str, Any], *, is_originating: bool
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Decode a payload.

    Raises:
        ApplicationError: There is no codec for it, or the codec refuses it, or it was meant for another URI.
    """
    algorithm = details.get("enc_algo")
    if algorithm is None:
        return (octets,), _NOTHING
    if codec is None:
        raise ApplicationError(ApplicationError.ENC_NO_PAYLOAD_CODEC, f"no codec to decode {algorithm!r} with")
    payload = EncodedPayload(octets, algorithm, details.get("enc_serializer"), details.get("enc_key"))
    try:
        trusted, args, kwargs = codec.decode(is_originating, uri, payload)
    except Exception as error:
        raise ApplicationError(ApplicationError.ENC_DECRYPT_ERROR, f"cannot be decoded: {error}") from error
    if trusted != uri:
        raise ApplicationError(
            ApplicationError.ENC_TRUSTED_URI_MISMATCH, f"encoded for {trusted!r}, but received for {uri!r}"
        )
    return args or (), kwargs or _NOTHING


def _keys_of(payload: EncodedPayload) -> dict[str, Any]:
    keys = {name: getattr(payload, name) for name in ("enc_algo", "enc_serializer", "enc_key")}
    return {name: value for name, value in keys.items() if value is not None}
