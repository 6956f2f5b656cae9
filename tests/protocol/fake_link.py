"""A link that keeps what is sent, and a client session that talks over it to whoever writes the test."""

from __future__ import annotations

from collections import deque
from typing import Any

from trowamp._types import SessionDetails
from trowamp.messages import Message, parse
from trowamp.protocol import ClientSession, Ended, Inbound, Invoked, Reply

OCTETS = 10  # what every message counts


def plain(value: Any) -> Any:
    """Turn tuples into lists, as they are once they have been on the wire."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


class FakeLink:
    """Keeps messages as the lists they are on the wire, after a look at whether they are legal."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.queued_octets = 100  # of the handshake
        self.sent_octets = 100
        self._verdicts: deque[Exception | None] = deque()

    def refuse(self, *verdicts: Exception | None) -> None:
        """Raise these for the next messages, one after the other; None lets a message pass."""
        self._verdicts.extend(verdicts)

    def send(self, message: Message) -> None:
        verdict = self._verdicts.popleft() if self._verdicts else None
        if verdict is not None:
            raise verdict
        raw = plain(message.to_wire())
        parse(raw)
        self.sent.append(raw)
        self.queued_octets += OCTETS

    def flush(self, octets: int | None = None) -> None:
        """Hand octets to the network, all of them unless told how many."""
        self.sent_octets = self.queued_octets if octets is None else self.sent_octets + octets

    def take(self) -> list[list[Any]]:
        """Return what was sent since the last time."""
        sent, self.sent = self.sent, []
        return sent


DETAILS = SessionDetails(
    session_id=1,
    realm="com.example.realm",
    authid=None,
    authrole=None,
    authmethod=None,
    authprovider=None,
    authextra={},
    agent=None,
    features={},
    details={},
)


class Client:
    """An established session. Waiters, handlers and tokens are strings."""

    def __init__(self, details: SessionDetails = DETAILS) -> None:
        self.link = FakeLink()
        self.session: ClientSession[str, str, str] = ClientSession(self.link, details)

    def hears(self, *raw: Any) -> Inbound | None:
        """Receive one message from the router."""
        return self.session.receive(parse(list(raw)))

    def call(self, waiter: str = "caller") -> int:
        """Make a call to a procedure and let it leave."""
        request_id = self.session.call("com.example.f", (), {}, {}, waiter)
        self.link.flush()
        self.link.take()
        return request_id

    def serves(self, registration_id: int = 500, handler: str = "procedure") -> None:
        """Register a procedure."""
        request_id = self.session.register("com.example.f", {}, handler, "registrar")
        expect_reply(self.hears(65, request_id, registration_id), "registrar")
        self.link.take()

    def listens(self, subscription_id: int = 600, handler: str = "listener", topic: str = "com.example.topic") -> None:
        """Subscribe to a topic."""
        request_id = self.session.subscribe(topic, {}, handler, "subscriber")
        expect_reply(self.hears(33, request_id, subscription_id), "subscriber")
        self.link.take()

    def works(self, request_id: int = 1, token: str = "task", details: dict[str, Any] | None = None) -> None:
        """Begin to serve an invocation."""
        if not self.session.statistics().registrations:
            self.serves()
        assert isinstance(self.hears(68, request_id, 500, details or {}), Invoked)
        self.session.serve(request_id, token)

    def is_idle(self) -> bool:
        """Tell whether nothing is pending, running, registered or subscribed."""
        statistics = self.session.statistics()
        counted = {"late_replies", "unknown_events", "refused_invocations"}
        return not any(getattr(statistics, name) for name in statistics.__struct_fields__ if name not in counted)


def expect_reply(inbound: Inbound | None, waiter: str) -> Message:
    """Assert that a request was answered; return the answer."""
    assert isinstance(inbound, Reply)
    assert inbound.waiter == waiter
    assert inbound.error is None
    assert inbound.message is not None
    return inbound.message


def expect_failure(inbound: Inbound | None, waiter: str) -> Exception:
    """Assert that a request failed; return why."""
    assert isinstance(inbound, Reply)
    assert inbound.waiter == waiter
    assert inbound.message is None
    assert inbound.error is not None
    return inbound.error


def expect_end(inbound: Inbound | None) -> Ended[str]:
    """Assert that the session is over; return its end."""
    assert isinstance(inbound, Ended)
    return inbound
