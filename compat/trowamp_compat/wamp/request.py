"""What stands for something at the router, and what waits for the router's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._described import Described

__all__ = [
    "CallRequest",
    "Endpoint",
    "Handler",
    "InvocationRequest",
    "Publication",
    "PublishRequest",
    "RegisterRequest",
    "Registration",
    "Request",
    "SubscribeRequest",
    "Subscription",
    "UnregisterRequest",
    "UnsubscribeRequest",
]


class Publication(Described):
    """An acknowledged publication.

    Attributes:
        id: Its id.
        was_encrypted: Whether the payload was encrypted.
    """

    __slots__ = ("id", "was_encrypted")
    SHOWN = __slots__

    def __init__(self, publication_id: int, was_encrypted: bool = False) -> None:
        self.id = publication_id
        self.was_encrypted = was_encrypted


class Subscription(Described):
    """One handler that is subscribed to a topic. Several handlers for one topic share one id.

    Attributes:
        id: The router's id.
        topic: The topic as it was asked for.
        active: Whether it has not ended.
        session: The session that it belongs to.
        handler: The handler.
    """

    __slots__ = ("__weakref__", "active", "handler", "id", "session", "topic")

    def __init__(self, subscription_id: int, topic: str, session: Any, handler: Any) -> None:
        self.id = subscription_id
        self.topic = topic
        self.active = True
        self.session = session
        self.handler = handler

    def unsubscribe(self) -> Any:
        """End it; returns a future with the number of handlers that still share the router's subscription.

        Raises:
            Exception: It has ended.
        """
        if not self.active:
            raise Exception("subscription no longer active")
        return self.session._unsubscribe(self)

    def __str__(self) -> str:
        return f"Subscription(id={self.id}, is_active={self.active})"


class Registration(Described):
    """A procedure that is registered.

    Attributes:
        id: The router's id.
        active: Whether it has not ended.
        session: The session that it belongs to.
        procedure: The URI as it was asked for.
        endpoint: What is called.
    """

    __slots__ = ("__weakref__", "active", "endpoint", "id", "procedure", "session")

    def __init__(self, session: Any, registration_id: int, procedure: str, endpoint: Any) -> None:
        self.id = registration_id
        self.active = True
        self.session = session
        self.procedure = procedure
        self.endpoint = endpoint

    def unregister(self) -> Any:
        """End it; returns a future.

        Raises:
            Exception: It has ended.
        """
        if not self.active:
            raise Exception("registration no longer active")
        return self.session._unregister(self)

    def __str__(self) -> str:
        return f'Registration(id={self.id}, is_active={self.active}, procedure="{self.procedure}")'


class _Callback:
    """A function, perhaps with the object that it is called on.

    Attributes:
        fn: The function.
        obj: The object, or None.
        details_arg: The keyword that receives the details, or None.
    """

    __slots__ = ("details_arg", "fn", "obj")

    def __init__(self, fn: Callable[..., Any], obj: Any = None, details_arg: str | None = None) -> None:
        self.fn = fn
        self.obj = obj
        self.details_arg = details_arg


class Handler(_Callback):
    """What is called with events."""

    __slots__ = ()


class Endpoint(_Callback):
    """What is called with invocations."""

    __slots__ = ()


class Request:
    """A request that waits for its answer.

    Attributes:
        request_id: Its id.
        on_reply: The future that the answer goes to.
    """

    __slots__ = ("on_reply", "request_id")

    def __init__(self, request_id: int, on_reply: Any) -> None:
        self.request_id = request_id
        self.on_reply = on_reply


class PublishRequest(Request):
    """A PUBLISH that is to be acknowledged."""

    __slots__ = ("was_encrypted",)

    def __init__(self, request_id: int, on_reply: Any, was_encrypted: bool = False) -> None:
        super().__init__(request_id, on_reply)
        self.was_encrypted = was_encrypted


class SubscribeRequest(Request):
    """A SUBSCRIBE."""

    __slots__ = ("handler", "topic")

    def __init__(self, request_id: int, topic: str, on_reply: Any, handler: Handler) -> None:
        super().__init__(request_id, on_reply)
        self.topic = topic
        self.handler = handler


class UnsubscribeRequest(Request):
    """An UNSUBSCRIBE."""

    __slots__ = ("subscription_id",)

    def __init__(self, request_id: int, on_reply: Any, subscription_id: int) -> None:
        super().__init__(request_id, on_reply)
        self.subscription_id = subscription_id


class CallRequest(Request):
    """A CALL."""

    __slots__ = ("options", "procedure")

    def __init__(self, request_id: int, procedure: str, on_reply: Any, options: Any) -> None:
        super().__init__(request_id, on_reply)
        self.procedure = procedure
        self.options = options


class InvocationRequest(Request):
    """An INVOCATION that is being answered."""

    __slots__ = ()


class RegisterRequest(Request):
    """A REGISTER."""

    __slots__ = ("endpoint", "procedure")

    def __init__(self, request_id: int, on_reply: Any, procedure: str, endpoint: Endpoint) -> None:
        super().__init__(request_id, on_reply)
        self.procedure = procedure
        self.endpoint = endpoint


class UnregisterRequest(Request):
    """An UNREGISTER."""

    __slots__ = ("registration_id",)

    def __init__(self, request_id: int, on_reply: Any, registration_id: int) -> None:
        super().__init__(request_id, on_reply)
        self.registration_id = registration_id
