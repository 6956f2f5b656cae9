"""What the client core knows of its registrations, or of its subscriptions: from the request to the end."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from .._uri_pattern import is_pattern
from ..messages import Unregister, Unsubscribe

W = TypeVar("W")
H = TypeVar("H")
Subject = tuple[str, str]  # URI and matching policy


class PendingHandler(msgspec.Struct, Generic[W, H]):
    """A REGISTER or SUBSCRIBE: the handler is attached while the reply is processed, before the next message is read (ORD-C1)."""

    waiter: W | None  # None: the requester gave up; undo when the router agrees
    position: int
    handler: H
    subject: Subject


class PendingRemoval(msgspec.Struct, Generic[W]):
    """An UNREGISTER or UNSUBSCRIBE; nobody needs to wait for it."""

    waiter: W | None
    position: int
    target_id: int


class HandlerTable(Generic[W, H]):
    """Registrations or subscriptions of one session. Several handlers may share one id (BP-C3, SR-C1).

    Args:
        removal: The message that ends one.

    Attributes:
        attached: The handlers by the router's id, in the order they came.
        requests: REGISTER or SUBSCRIBE without an answer.
        removals: UNREGISTER or UNSUBSCRIBE without an answer.
    """

    def __init__(self, removal: type[Unregister | Unsubscribe]) -> None:
        self.removal = removal
        self.attached: dict[int, tuple[H, ...]] = {}
        self.requests: dict[int, PendingHandler[W, H]] = {}
        self.removals: dict[int, PendingRemoval[W]] = {}
        self._subjects: dict[int, Subject] = {}
        # Ids without a handler that still live at the router, because a pending request for the same subject may get the same id.
        self._spared: dict[Subject, int] = {}

    def attach(self, target_id: int, pending: PendingHandler[W, H]) -> None:
        """The router agreed to a request."""
        self.attached[target_id] = (*self.attached.get(target_id, ()), pending.handler)
        self._subjects[target_id] = pending.subject

    def detach(self, target_id: int, handler: H) -> bool:
        """Take one handler out, once if it is attached several times.

        Returns:
            Whether the router has to be told: it was the last one, and no pending request will share the id. A removal sent behind such a request
            would end both.
        """
        handlers = self.attached.get(target_id, ())
        index = next((index for index, other in enumerate(handlers) if other is handler), None)
        if index is None:
            return False
        rest = handlers[:index] + handlers[index + 1 :]
        if rest:
            self.attached[target_id] = rest
            return False
        del self.attached[target_id]
        subject = self._subjects.pop(target_id)
        if self._is_requested(subject):
            self._spared[subject] = target_id
            return False
        return True

    def settle(self, subject: Subject) -> int | None:
        """Look again, after the answer to a request, whether an id that was spared for it has to go; return that id."""
        if subject not in self._spared or self._is_requested(subject):
            return None
        target_id = self._spared.pop(subject)
        return None if target_id in self.attached else target_id

    def revoke(self, target_id: int) -> tuple[H, ...] | None:
        """The router itself ended one; return its handlers, or None if there were none."""
        self._subjects.pop(target_id, None)
        return self.attached.pop(target_id, None)

    def overtaken(self, target_id: int) -> PendingRemoval[W] | None:
        """Return the removal, if somebody waits for one, that is too late because the router itself ended its target."""
        for pending in self.removals.values():
            if pending.target_id == target_id and pending.waiter is not None:
                return pending
        return None

    def clear(self) -> None:
        """Forget what is attached; requests and removals are the session's to fail."""
        self.attached.clear()
        self._subjects.clear()
        self._spared.clear()

    def _is_requested(self, subject: Subject) -> bool:
        return any(pending.subject == subject for pending in self.requests.values())


def subject_of(uri: str, options: dict[str, Any]) -> tuple[str, str]:
    """Return what a REGISTER or SUBSCRIBE is about: the URI and how it matches.

    Raises:
        ValueError: They are not legal together.
    """
    match = options.get("match", "exact")
    if not is_pattern(uri, match):
        raise ValueError(f"not a legal URI ({match}): {uri!r}")
    return uri, match
