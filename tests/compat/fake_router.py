"""A transport that is its own router: it answers from inside `send`, and tests can say anything through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trowamp_compat.wamp import message, role
from trowamp_compat.wamp.types import ComponentConfig

from tests.compat.kit import Kit

Answer = Callable[[Any], Any]


class FakeRouter:
    """Answers what a session sends, unless told to keep silent.

    Args:
        silent_about: The message classes that get no answer.
        features: What the dealer announces.

    Attributes:
        sent: Every message of the session.
        session: The session, once `open` has been called.
        is_closed: A future, done after `close`.
    """

    def __init__(self, kit: Kit, *silent_about: type, features: tuple[str, ...] = ("call_canceling",)) -> None:
        self.kit = kit
        self.sent: list[Any] = []
        self.silent_about = silent_about
        self.is_closed = kit.face.create_future()
        self.session: Any = None
        self.transport_details = None
        self._features = features
        self._next_id = 1000
        self._is_open = True
        self.answers: dict[type, Answer] = {
            message.Hello: self._welcome,
            message.Register: lambda sent: message.Registered(sent.request, self._id()),
            message.Subscribe: lambda sent: message.Subscribed(sent.request, self._id()),
            message.Unregister: lambda sent: message.Unregistered(sent.request),
            message.Unsubscribe: lambda sent: message.Unsubscribed(sent.request),
            message.Publish: lambda sent: message.Published(sent.request, self._id()) if sent.acknowledge else None,
            message.Call: lambda sent: message.Result(sent.request, args=sent.args, kwargs=sent.kwargs),
            message.Goodbye: lambda sent: message.Goodbye("wamp.close.goodbye_and_out"),
        }

    # ---- the transport

    def send(self, sent: Any) -> None:
        self.sent.append(sent)
        answer = self.answers.get(type(sent))
        if answer is not None and type(sent) not in self.silent_about:
            said = answer(sent)
            if said is not None:
                self.say(said)

    def isOpen(self) -> bool:
        return self._is_open

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self.session.onClose(True)
            self.kit.face.resolve(self.is_closed)

    abort = close

    # ---- what tests use

    def open(self, session: Any) -> Any:
        """Give the transport to a session, which joins."""
        self.session = session
        session._face = self.kit.face
        session.onOpen(self)
        return session

    def say(self, *messages: Any) -> None:
        """Say something to the session."""
        for each in messages:
            self.session.onMessage(each)

    def of(self, kind: type) -> list[Any]:
        """Return what the session has sent of a kind."""
        return [each for each in self.sent if type(each) is kind]

    def invoke(self, registration: Any, *args: Any, **details: Any) -> int:
        """Call a procedure of the session; return the request id."""
        request = self._id()
        kwargs = details.pop("kwargs", None)
        self.say(message.Invocation(request, registration.id, args=list(args), kwargs=kwargs, **details))
        return request

    def _welcome(self, hello: Any) -> Any:
        features = role.RoleDealerFeatures(**dict.fromkeys(self._features, True))
        return message.Welcome(
            self._id(), {"broker": role.RoleBrokerFeatures(), "dealer": features}, realm=hello.realm, authid="joe"
        )

    def _id(self) -> int:
        self._next_id += 1
        return self._next_id


def joined(kit: Kit, *silent_about: type, cls: Any = None, **options: Any) -> tuple[FakeRouter, Any]:
    """Return a router and a session that has joined."""
    router = FakeRouter(kit, *silent_about, **options)
    session = (cls or kit.wamp.ApplicationSession)(ComponentConfig(realm="realm1"))
    return router, router.open(session)
