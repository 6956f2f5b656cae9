"""Trust levels of publications: who announced to want them is told, others get the event without (TL-R1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..messages import Event

if TYPE_CHECKING:
    from ..wire._pieces import Octets
    from ._eligibility import Admits
    from ._outbox import Outbox
    from ._session import Session
    from ._subscriptions import Subscription

    Encode = Callable[[Event, Subscription, Session | None, Admits | None, list[tuple[Outbox, Octets]]], None]


class _Hearers:
    """Lets through those that are told of trust levels, or those that are not, and of them whom another filter lets through."""

    __slots__ = ("_are_told", "_inner")

    def __init__(self, inner: Admits | None, *, are_told: bool) -> None:
        self._inner = inner
        self._are_told = are_told

    def admits(self, session: Session) -> bool:
        if session.hears_event_trust is not self._are_told:
            return False
        return self._inner is None or self._inner.admits(session)


def with_trust(encode: Encode, trust_level: int) -> Encode:
    """Return a function that encodes an event with its publisher's trust level and without, each for those who get it so."""

    def encode_both(
        event: Event,
        subscription: Subscription,
        excluded: Session | None,
        eligibility: Admits | None,
        deliveries: list[tuple[Outbox, Octets]],
    ) -> None:
        details = {**event.details, "trustlevel": trust_level}
        told = Event(event.subscription_id, event.publication_id, details, event.args, event.kwargs)
        encode(told, subscription, excluded, _Hearers(eligibility, are_told=True), deliveries)
        encode(event, subscription, excluded, _Hearers(eligibility, are_told=False), deliveries)

    return encode_both
