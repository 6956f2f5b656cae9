"""What the parts of a WAMP client have to offer to each other."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import (
        Challenge,
        CloseDetails,
        ComponentConfig,
        EncodedPayload,
        RegisterOptions,
        SessionDetails,
        SubscribeOptions,
        TransportDetails,
    )

__all__ = [
    "IAuthenticator",
    "ICryptosignKey",
    "IEthereumKey",
    "IKey",
    "IMessage",
    "IObjectSerializer",
    "IPayloadCodec",
    "ISecurityModule",
    "ISerializer",
    "ISession",
    "ITransport",
    "ITransportHandler",
]


class IObjectSerializer(abc.ABC):
    """Turns lists of plain values into octets and back."""

    @property
    @abc.abstractmethod
    def NAME(self) -> str:
        """What it is called, for example "json"."""

    @property
    @abc.abstractmethod
    def BINARY(self) -> bool:
        """Whether WebSocket carries what it makes in binary messages."""

    @abc.abstractmethod
    def serialize(self, obj: Any) -> bytes:
        """Return the octets for a value."""

    @abc.abstractmethod
    def unserialize(self, payload: bytes) -> list[Any]:
        """Return the values in a body: one, or those of a batch."""


class IMessage(abc.ABC):
    """A WAMP message."""

    @property
    @abc.abstractmethod
    def MESSAGE_TYPE(self) -> int:
        """Its number on the wire."""

    @staticmethod
    @abc.abstractmethod
    def parse(wmsg: list[Any]) -> IMessage:
        """Make the message of a decoded list."""

    @abc.abstractmethod
    def serialize(self, serializer: ISerializer) -> bytes:
        """Return its octets; they are remembered."""

    @abc.abstractmethod
    def uncache(self) -> None:
        """Forget the octets."""


class ISerializer(abc.ABC):
    """Turns messages into octets and back."""

    @property
    @abc.abstractmethod
    def MESSAGE_TYPE_MAP(self) -> dict[int, type[IMessage]]:
        """The class of each message by its number."""

    @property
    @abc.abstractmethod
    def SERIALIZER_ID(self) -> str:
        """Its name in the WebSocket subprotocol, for example "json.batched"."""

    @property
    @abc.abstractmethod
    def RAWSOCKET_SERIALIZER_ID(self) -> int:
        """Its number in the RawSocket handshake."""

    @property
    @abc.abstractmethod
    def PAYLOAD_SERIALIZER_ID(self) -> str:
        """The name of the serializer for the application's values."""

    @property
    @abc.abstractmethod
    def MIME_TYPE(self) -> str:
        """Its media type."""

    @abc.abstractmethod
    def serialize(self, message: IMessage) -> tuple[bytes, bool]:
        """Return the octets of a message, and whether they are binary."""

    @abc.abstractmethod
    def unserialize(self, payload: bytes, is_binary: bool | None = None) -> list[IMessage]:
        """Return the messages in a body."""


class ITransport(abc.ABC):
    """Carries messages to the other side."""

    @abc.abstractmethod
    def send(self, message: IMessage) -> None:
        """Send a message."""

    @abc.abstractmethod
    def isOpen(self) -> bool:
        """Return whether messages can be sent."""

    @property
    @abc.abstractmethod
    def transport_details(self) -> TransportDetails | None:
        """What is known of the connection."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close in good order."""

    @abc.abstractmethod
    def abort(self) -> None:
        """Close at once."""


class ITransportHandler(abc.ABC):
    """Receives what a transport carries."""

    @abc.abstractmethod
    def onOpen(self, transport: ITransport) -> None:
        """Take the transport: it is open."""

    @abc.abstractmethod
    def onMessage(self, message: IMessage) -> None:
        """Take a message."""

    @abc.abstractmethod
    def onClose(self, wasClean: bool) -> None:
        """Let the transport go: it is closed."""


class ISession(abc.ABC):
    """A WAMP session. As `register` is a method of sessions, `abc_register` is what other abstract classes call so."""

    @classmethod
    def abc_register(cls, subclass: type) -> type:
        """Declare that a class is an `ISession` without deriving from it."""
        return abc.ABCMeta.register(cls, subclass)

    @property
    @abc.abstractmethod
    def config(self) -> ComponentConfig:
        """What it was constructed with."""

    @property
    @abc.abstractmethod
    def transport(self) -> ITransport | None:
        """Its transport, while there is one."""

    @property
    @abc.abstractmethod
    def session_details(self) -> SessionDetails | None:
        """What is known of it, while it is joined."""

    @abc.abstractmethod
    def onUserError(self, fail: Any, msg: str) -> Any:
        """Be told that a function of the application has failed."""

    @abc.abstractmethod
    def onConnect(self) -> Any:
        """Be told that the transport is open."""

    @abc.abstractmethod
    def join(
        self,
        realm: str,
        authmethods: list[str] | None = None,
        authid: str | None = None,
        authrole: str | None = None,
        authextra: dict[str, Any] | None = None,
        resumable: bool | None = None,
        resume_session: int | None = None,
        resume_token: str | None = None,
    ) -> Any:
        """Join a realm."""

    @abc.abstractmethod
    def onChallenge(self, challenge: Challenge) -> Any:
        """Return the signature for a challenge."""

    @abc.abstractmethod
    def onWelcome(self, welcome: Any) -> Any:
        """Return None to join, or why not."""

    @abc.abstractmethod
    def onJoin(self, details: SessionDetails) -> Any:
        """Be told that the session is joined."""

    @abc.abstractmethod
    def leave(self, reason: str | None = None, message: str | None = None) -> Any:
        """Leave the realm."""

    @abc.abstractmethod
    def onLeave(self, details: CloseDetails) -> Any:
        """Be told that the session has ended."""

    @abc.abstractmethod
    def disconnect(self) -> Any:
        """Close the transport."""

    @abc.abstractmethod
    def onDisconnect(self) -> Any:
        """Be told that the transport is closed."""

    @abc.abstractmethod
    def is_connected(self) -> bool:
        """Return whether there is an open transport."""

    @abc.abstractmethod
    def is_attached(self) -> bool:
        """Return whether the session is joined."""

    @abc.abstractmethod
    def set_payload_codec(self, payload_codec: IPayloadCodec | None) -> None:
        """Encode and decode payloads with a codec."""

    @abc.abstractmethod
    def get_payload_codec(self) -> IPayloadCodec | None:
        """Return the codec."""

    @abc.abstractmethod
    def define(self, exception: type[BaseException], error: str | None = None) -> None:
        """Declare which exception class an error URI stands for."""

    @abc.abstractmethod
    def call(self, procedure: str, *args: Any, **kwargs: Any) -> Any:
        """Call a procedure; return a future."""

    @abc.abstractmethod
    def register(
        self,
        endpoint: Callable[..., Any] | Any,
        procedure: str | None = None,
        options: RegisterOptions | None = None,
        prefix: str | None = None,
        check_types: bool | None = None,
    ) -> Any:
        """Register a procedure, or all that an object declares; return a future."""

    @abc.abstractmethod
    def publish(self, topic: str, *args: Any, **kwargs: Any) -> Any:
        """Publish an event; return a future if it is to be acknowledged."""

    @abc.abstractmethod
    def subscribe(
        self,
        handler: Callable[..., Any] | Any,
        topic: str | None = None,
        options: SubscribeOptions | None = None,
        check_types: bool | None = None,
    ) -> Any:
        """Subscribe a handler, or all that an object declares; return a future."""


class IAuthenticator(abc.ABC):
    """Proves to a router who joins."""

    @abc.abstractmethod
    def on_challenge(self, session: Any, challenge: Challenge) -> Any:
        """Return the signature for a challenge, or a future for it."""

    @abc.abstractmethod
    def on_welcome(self, session: Any, authextra: dict[str, Any] | None) -> Any:
        """Return None if the router has proved what it must, else why not. Implementations may take `authextra` only (C-25)."""


class IPayloadCodec(abc.ABC):
    """Encodes payloads that the router shall not read."""

    @abc.abstractmethod
    def encode(
        self, is_originating: bool, uri: str, args: list[Any] | None = None, kwargs: dict[str, Any] | None = None
    ) -> EncodedPayload | None:
        """Encode a payload; None leaves it as it is.

        Args:
            is_originating: Whether it goes out with a request of this side, rather than with an answer.
            uri: The procedure, topic or error.
            args: Positional payload.
            kwargs: Keyword payload.
        """

    @abc.abstractmethod
    def decode(
        self, is_originating: bool, uri: str, encoded_payload: EncodedPayload
    ) -> tuple[str, list[Any] | None, dict[str, Any] | None]:
        """Decode a payload; return the URI that it was encoded for, and what it holds."""


class IKey(abc.ABC):
    """A key, perhaps one that cannot leave the hardware that it lives in."""

    @property
    @abc.abstractmethod
    def security_module(self) -> ISecurityModule | None:
        """Where it lives."""

    @property
    @abc.abstractmethod
    def key_no(self) -> int | None:
        """Its number there."""

    @property
    @abc.abstractmethod
    def key_type(self) -> str:
        """Its type: "cryptosign"."""

    @abc.abstractmethod
    def public_key(self, binary: bool = False) -> str | bytes:
        """Return the public key, in hexadecimal digits or as octets."""

    @abc.abstractmethod
    def can_sign(self) -> bool:
        """Return whether the private key is at hand."""

    @abc.abstractmethod
    def sign(self, data: bytes) -> Any:
        """Return a future for the signature of octets."""

    @abc.abstractmethod
    def recover(self, data: bytes, signature: bytes) -> bytes:
        """Return the public key that a signature was made with."""


class ICryptosignKey(IKey):
    """A key for WAMP-cryptosign."""

    @abc.abstractmethod
    def sign_challenge(
        self, challenge: Challenge, channel_id: bytes | None = None, channel_id_type: str | None = None
    ) -> Any:
        """Return a future for the answer to a challenge."""

    @abc.abstractmethod
    def verify_challenge(
        self,
        challenge: Challenge,
        signature: bytes,
        channel_id: bytes | None = None,
        channel_id_type: str | None = None,
    ) -> Any:
        """Return whether a signature answers a challenge."""


class IEthereumKey(IKey):
    """A key for Ethereum."""

    @abc.abstractmethod
    def address(self, binary: bool = False) -> str | bytes:
        """Return the address."""

    @abc.abstractmethod
    def sign_typed_data(self, data: dict[str, Any]) -> Any:
        """Return a future for the signature of structured data."""

    @abc.abstractmethod
    def verify_typed_data(self, data: dict[str, Any], signature: bytes, signer_address: str | bytes) -> Any:
        """Return whether an address has signed structured data."""


class ISecurityModule(abc.ABC):
    """Hardware or software that keys live in, by their numbers."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def __contains__(self, key_no: int) -> bool: ...

    @abc.abstractmethod
    def __getitem__(self, key_no: int) -> IKey: ...

    @abc.abstractmethod
    def __setitem__(self, key_no: int, key: IKey) -> None: ...

    @abc.abstractmethod
    def __delitem__(self, key_no: int) -> None: ...

    @abc.abstractmethod
    def open(self) -> Any:
        """Open it."""

    @abc.abstractmethod
    def close(self) -> Any:
        """Close it."""

    @property
    @abc.abstractmethod
    def is_open(self) -> bool:
        """Whether it is open."""

    @property
    @abc.abstractmethod
    def can_lock(self) -> bool:
        """Whether it can be locked."""

    @property
    @abc.abstractmethod
    def is_locked(self) -> bool:
        """Whether it is locked."""

    @abc.abstractmethod
    def lock(self) -> Any:
        """Lock it."""

    @abc.abstractmethod
    def unlock(self) -> Any:
        """Unlock it."""

    @abc.abstractmethod
    def create_key(self, key_type: str) -> Any:
        """Make a key; return a future for its number."""

    @abc.abstractmethod
    def delete_key(self, key_no: int) -> Any:
        """Delete a key."""

    @abc.abstractmethod
    def get_random(self, octets: int) -> Any:
        """Return random octets."""

    @abc.abstractmethod
    def get_counter(self, counter_no: int) -> Any:
        """Return the value of a counter."""

    @abc.abstractmethod
    def increment_counter(self, counter_no: int) -> Any:
        """Increment a counter; return its value."""
