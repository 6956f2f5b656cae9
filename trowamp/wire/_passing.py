"""Large payloads on their way through a router: a receiver with the sender's serializer gets the octets that the sender wrote.

What comes in is decoded all the same, because nothing else tells that every receiver can read it; but it is not encoded again. Small payloads are:
to find their octets costs as much.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ._pieces import put_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..messages import Message
    from ._pieces import Octets

WORTH_PASSING: Final = 2048  # octets of a message


class PassedArgs(list[Any]):
    """The positional arguments of a message, with the octets in which they and the keyword arguments arrived. Not to be changed.

    Attributes:
        octets: The elements of the message from Arguments on, encoded, to its end.
        kwargs: The keyword arguments that they end with, if they do.
        serializer: Who has encoded them.
    """

    __slots__ = ("kwargs", "octets", "serializer")

    kwargs: dict[str, Any] | None
    octets: memoryview
    serializer: HeadSerializer


class HeadSerializer(Protocol):
    """A serializer that can write the beginning of a message."""

    def encode_head(self, elements: Sequence[Any], payload: int) -> bytes | None:
        """Return the octets of a message's first elements, before `payload` more; None if they are not portable."""
        ...


def keep_octets(message: Message, raw: list[Any], body: bytes, serializer: HeadSerializer) -> None:
    """Give a received message's payload the octets it arrived in, if they can be found.

    Args:
        message: The message.
        raw: Its elements, decoded; nothing was lost or put right in decoding them.
        body: Its octets.
        serializer: Who has decoded it, and would have written the same octets before the payload; other encoders may have their own ways.
    """
    at = message.payload_at
    if (
        at is None or at >= len(raw) or type(raw[at]) is not list or not raw[-1]
    ):  # an empty payload is never written (BP-C4)
        return
    head = serializer.encode_head(raw[:at], len(raw) - at)
    if head is not None and body.startswith(head):
        passed = PassedArgs(raw[at])
        passed.octets = memoryview(body)[len(head) :]
        passed.kwargs = message.kwargs  # type: ignore[attr-defined]  # messages with a payload have them
        passed.serializer = serializer
        message.args = passed  # type: ignore[attr-defined]


def passed_args(wire: Sequence[Any]) -> PassedArgs | None:
    """Return the arguments in a message's wire form if they have kept octets."""
    for element in wire[-2:]:
        if type(element) is PassedArgs:
            return element
    return None


def spliced(wire: Sequence[Any], args: PassedArgs, serializer: HeadSerializer) -> Octets | None:
    """Return the octets of a message that passes a payload on; None if they have to be encoded: by another serializer, or with other arguments."""
    payload = 1 if wire[-1] is args else 2
    if args.serializer is not serializer or args.kwargs is not (wire[-1] if payload == 2 else None):
        return None
    head = serializer.encode_head(wire[:-payload], payload)
    return None if head is None else put_before(head, args.octets)


def without_octets(message: Message) -> Message:
    """Return a copy of a message whose arguments are a list like any other."""
    return msgspec.structs.replace(message, args=list(message.args))  # type: ignore[attr-defined]
