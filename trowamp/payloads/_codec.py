"""What a payload codec is, and the one that every session has: it reads what is serialized by itself and not encrypted (checklist §4.19)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from .._exceptions import DecryptionFailed, InvalidArgument, NoPayloadCodec, RemoteProtocolError
from ..wire.serializers import PAYLOAD_SERIALIZERS

Kind = Literal["call", "result", "error", "event"]
RandomOctets = Callable[[int], bytes]
Payload = tuple[Sequence[Any], dict[str, Any]]

NATIVE: Final = "native"
WAMP: Final = "wamp"

_NOTHING: Final[Mapping[str, Any]] = {}


class Subject(msgspec.Struct, frozen=True):
    """What a payload is about.

    Attributes:
        kind: "call", "result" (also a progressive one), "error" or "event".
        uri: The procedure or topic.
        error: The error's URI, for an error.
        request: For a result or error: how the payload of its call travelled, empty if that was an ordinary one.
    """

    kind: Kind
    uri: str
    error: str | None = None
    request: Mapping[str, Any] = _NOTHING

    @property
    def is_answer(self) -> bool:
        """Whether it goes from the procedure back to the caller."""
        return self.kind in ("result", "error")


class Encoded(msgspec.Struct, frozen=True):
    """A payload as it travels.

    Attributes:
        args: The positional part: a list with one binary, or octets alone in Autobahn's form.
        options: What describes it: `ppt_scheme` and so on, or `enc_algo` and so on.
        kwargs: The keyword part, which encoded payloads do not have.
    """

    args: Any
    options: Mapping[str, Any]
    kwargs: dict[str, Any] | None = None

    def octets(self) -> bytes:
        """Return the one binary that the payload is.

        Raises:
            InvalidArgument: It is something else.
        """
        args = self.args
        if "enc_algo" not in self.options and type(args) is list and len(args) == 1:
            args = args[0]
        if type(args) is not bytes or self.kwargs:
            raise InvalidArgument("a payload that is passed through must be one binary, and nothing else")
        return args


class PayloadCodec:
    """Reads payloads that are passed through unencrypted, and answers in the form of the request. Subclasses do more.

    A subclass overrides `encode`, `decode` or both, and leaves what it does not know to these. Codecs are asked in the task that reads from the
    connection: they compute, and wait for nothing.
    """

    def encode(
        self,
        subject: Subject,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        random_octets: RandomOctets,  # noqa: ARG002  # subclasses need it
    ) -> Encoded | None:
        """Encode a payload that this session sends.

        Args:
            subject: What it is about.
            args: Positional payload.
            kwargs: Keyword payload.
            random_octets: Returns as many random octets as it is asked for.

        Returns:
            The payload in another form; None: it travels as it is.

        Raises:
            SerializationError: A value in it is not portable.
            LocalProtocolError: It must not travel as it is, but cannot be encoded.
        """
        scheme, serializer = subject.request.get("ppt_scheme"), subject.request.get("ppt_serializer")
        if scheme is None or "ppt_cipher" in subject.request or not is_known(scheme, serializer):
            return None
        return serialized(scheme, serializer, args, kwargs)

    def decode(self, subject: Subject, encoded: Encoded) -> Payload:  # noqa: ARG002  # subclasses look at the subject
        """Decode a payload that this session received.

        Args:
            subject: What it is about, as the message around it says.
            encoded: The payload.

        Returns:
            The positional and the keyword payload.

        Raises:
            ApplicationError: It cannot be decoded. A caller is answered with this error, a call raises it, an event is logged and counted.
        """
        options = encoded.options
        if "enc_algo" in options or "ppt_cipher" in options:
            raise NoPayloadCodec("the payload is encrypted, and nothing here decrypts it")
        return deserialized(encoded)

    def refuses_plain(self, subject: Subject) -> bool:  # noqa: ARG002  # subclasses look at it
        """Tell whether a received payload about this must be in another form than an ordinary one."""
        return False


def serialized(scheme: str, serializer: str | None, args: Sequence[Any], kwargs: dict[str, Any]) -> Encoded:
    """Serialize a payload by itself (PPT-B2).

    Raises:
        SerializationError: A value in it is not portable.
    """
    options = {"ppt_scheme": scheme} if serializer is None else {"ppt_scheme": scheme, "ppt_serializer": serializer}
    payload = {"args": list(args), "kwargs": kwargs}
    if serializer in (None, NATIVE):  # PPT-B4
        return Encoded([payload], options)
    return Encoded([PAYLOAD_SERIALIZERS[serializer].encode_payload(payload)], options)


def deserialized(encoded: Encoded) -> Payload:
    """Read a payload that is serialized by itself.

    Raises:
        InvalidArgument: Its scheme or serializer is not known, or it is not what they make (PPT-C1).
    """
    scheme, serializer = encoded.options.get("ppt_scheme", ""), encoded.options.get("ppt_serializer", NATIVE)
    if not is_scheme(scheme):
        raise InvalidArgument(f"no known scheme of payload passthru: {scheme!r:.50}")
    if serializer == NATIVE and scheme != WAMP:
        return _native(encoded)
    if serializer not in PAYLOAD_SERIALIZERS or (scheme == WAMP and serializer != "cbor"):
        raise InvalidArgument(f"no known serializer of payloads of the scheme {scheme!r:.50}: {serializer!r:.50}")
    try:
        payload = PAYLOAD_SERIALIZERS[serializer].decode_payload(_octets(encoded, serializer))
    except RemoteProtocolError as error:
        raise InvalidArgument(f"a payload that is not what its serializer makes: {error}") from None
    return payload_of(payload)


def payload_of(payload: dict[str, Any]) -> Payload:
    """Take a payload out of the dictionary that it is serialized in.

    Raises:
        InvalidArgument: There is none in it.
    """
    args, kwargs = payload.get("args"), payload.get("kwargs")
    if not (args is None or type(args) is list) or not (kwargs is None or type(kwargs) is dict):
        raise InvalidArgument("the payload holds no args and kwargs")
    return args or [], kwargs or {}


def not_encrypted(subject: Subject) -> DecryptionFailed:
    """Return the error for a payload that has to be encrypted."""
    what = subject.kind if subject.error is None else f"error {subject.error}"
    return DecryptionFailed(f"the {what} of {subject.uri} is not encrypted, as it has to be")


def is_known(scheme: str, serializer: str | None) -> bool:
    """Tell whether it is certain what a scheme and a serializer make; what somebody's own scheme makes natively is not."""
    if serializer is None:
        return scheme == "mqtt"
    return serializer in PAYLOAD_SERIALIZERS or serializer == NATIVE


def is_scheme(scheme: str) -> bool:
    """Tell whether there is such a scheme, or may be (PPT-B3)."""
    return scheme in (WAMP, "mqtt") or scheme.startswith("x_")


def _octets(encoded: Encoded, serializer: str) -> bytes:
    """Return what is to be deserialized; JSON may have been left as the text that it is, as wampy.js does."""
    args = encoded.args
    if serializer == "json" and type(args) is list and len(args) == 1 and type(args[0]) is str and not encoded.kwargs:
        return args[0].encode(errors="surrogatepass")
    return encoded.octets()


def _native(encoded: Encoded) -> Payload:
    """Read a payload that the session's serializer wrote: a dictionary with args and kwargs, or whatever a scheme puts in their place."""
    args = encoded.args
    if type(args) is list and len(args) == 1 and not encoded.kwargs:
        (payload,) = args
        if type(payload) is dict and payload and payload.keys() <= {"args", "kwargs"}:
            return payload_of(payload)
    if type(args) is bytes:  # in the place of Arguments, as Autobahn has it
        args = [args]
    return args or [], encoded.kwargs or {}
