"""A session: what the router knows of a peer between WELCOME and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .. import uris
from .._exceptions import MessageTooLarge, SerializationError
from ..messages import Error, Message, RequestType
from ._accept import Vouched
from ._features import announces
from ._grants import Grant, Need
from ._passthru import forms_announced

if TYPE_CHECKING:
    from ..auth._router import Accept
    from ..wire import Link
    from ._guard import Waiting
    from ._invocations import Flight
    from ._outbox import Outbox
    from ._peer import Peer
    from ._realm import Realm
    from ._registrations import Endpoint
    from ._rules import RoleRules
    from ._subscriptions import Subscription
    from ._testaments import Testament

# Takes a message and the time it is; returns in words how the peer broke the protocol, or None.
Handler = Callable[["Session", Any, float], str | None]
HandlerTable = dict[type[Message], Handler]

NOTHING: Final[dict[str, Any]] = {}  # empty Options or Details of the router's own messages; never changed


# of what is known of a connection: others have no business with cookies and credentials of its request, and with its certificate
_NOBODY_ELSES: Final = {"http", "certificate"}


class Session:
    """One established session.

    Attributes:
        peer: The connection it lives on.
        outbox: Where its messages go.
        link: The connection's link, to encode for it.
        realm: The realm it joined.
        session_id: Its id.
        identity: Who it is, and how that was established.
        method: The authentication method.
        is_service: Whether it is the router's own, which others do not see (SM-R7).
        handlers: What it may say now.
        last_request_id: The highest request id so far.
        last_invocation_id: The last INVOCATION.Request sent to it (ID-R3).
        registrations: What it serves, by registration id.
        subscriptions: What it listens to, by subscription id.
        grant: What it may do, for the present request.
        rules: What its role may do, if the router has roles.
        decisions: What the authorizer said that holds until the end of the session.
        waiting: What its requests wait for, if the authorizer is asked.
        testaments: What is published when it is over, in the order of adding.
        calls: Its calls without a final answer, by its request ids.
        invocations: Calls it works on, by its invocation ids.
        late_inputs: Its calls that are over, although the last CALL of each has not come; the oldest first.
        can_cancel, can_progress, can_take_inputs, can_time_out: What it announced as a callee.
        can_send_inputs: Whether it announced that as a caller.
        can_reroute: Whether it announced as a callee that its calls may be passed on when it is unavailable.
        trust_level: How far its calls and publications are trusted, None if nobody says.
        hears_call_trust, hears_event_trust: Whether it announced that it takes such levels as a callee, and as a subscriber.
        hears_registration_revocation, hears_subscription_revocation: Whether it announced these.
        call_forms, invocation_forms, publication_forms: Which forms of payload passthru it announced as a caller, callee and publisher.
    """

    __slots__ = (
        "authid",
        "authrole",
        "call_forms",
        "calls",
        "can_cancel",
        "can_progress",
        "can_reroute",
        "can_send_inputs",
        "can_take_inputs",
        "can_time_out",
        "decisions",
        "grant",
        "handlers",
        "hears_call_trust",
        "hears_event_trust",
        "hears_registration_revocation",
        "hears_subscription_revocation",
        "identity",
        "invocation_forms",
        "invocations",
        "is_service",
        "last_invocation_id",
        "last_request_id",
        "late_inputs",
        "link",
        "method",
        "outbox",
        "peer",
        "publication_forms",
        "realm",
        "registrations",
        "rules",
        "session_id",
        "subscriptions",
        "testaments",
        "trust_level",
        "waiting",
    )

    handlers: HandlerTable

    def __init__(
        self, peer: Peer, realm: Realm, *, session_id: int, identity: Accept, method: str, roles: dict[str, Any]
    ) -> None:
        self.peer = peer
        self.outbox: Outbox = peer.outbox
        self.link: Link = peer.link
        self.realm = realm
        self.session_id = session_id
        self.identity = identity
        self.authid = identity.authid
        self.authrole = identity.role
        self.method = method
        self.is_service = method == Vouched.method
        self.last_request_id = 0
        self.last_invocation_id = 0
        self.registrations: dict[int, Endpoint] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.grant: Grant = realm.grant
        self.rules: RoleRules | None = None
        self.decisions: dict[Need, Grant] = {}
        self.waiting: Waiting | None = None
        self.testaments: list[Testament] = []
        self.calls: dict[int, Flight] = {}
        self.invocations: dict[int, Flight] = {}
        self.late_inputs: dict[int, None] = {}
        # One of the two spellings is a slip in the specification's own text (R5).
        self.can_cancel = announces(roles, "callee", "call_canceling", "call_cancelling")
        self.can_progress = self.can_cancel and announces(roles, "callee", "progressive_call_results")  # PCR-R1
        self.can_take_inputs = self.can_cancel and announces(roles, "callee", "progressive_call_invocations")  # PCI-R2
        self.can_send_inputs = announces(roles, "caller", "progressive_call_invocations")
        self.can_time_out = announces(roles, "callee", "call_timeout")
        self.can_reroute = announces(roles, "callee", "call_reroute")
        self.trust_level = realm.trust_levels.get(identity.role)
        self.hears_call_trust = announces(roles, "callee", "call_trustlevels")
        self.hears_event_trust = announces(roles, "subscriber", "publication_trustlevels")
        self.hears_registration_revocation = announces(roles, "callee", "registration_revocation")
        self.hears_subscription_revocation = announces(roles, "subscriber", "subscription_revocation")
        self.call_forms = forms_announced(roles, "caller")
        self.invocation_forms = forms_announced(roles, "callee")
        self.publication_forms = forms_announced(roles, "publisher")

    def __repr__(self) -> str:
        return f"<Session {self.session_id} {self.authid!r} ({self.authrole}) in {self.realm.name!r}>"

    def describe(self) -> dict[str, Any]:
        """Return what the meta API tells of it."""
        details = {
            "session": self.session_id,
            "authid": self.authid,
            "authrole": self.authrole,
            "authmethod": self.method,
            "authprovider": self.identity.provider,
        }
        if self.peer.transport:
            known = self.peer.transport.items()
            details["transport"] = {name: value for name, value in known if name not in _NOBODY_ELSES}
        return details

    def refuse(self, request_type: RequestType, request_id: int, uri: str, text: str | None = None) -> None:
        """Answer a request with an ERROR of the router's own; its words are left out if the connection cannot carry them."""
        if text is not None:
            error = Error(request_type, request_id, NOTHING, uri, [text])
            try:
                self.outbox.queue(self.link.encode_in_pieces(error))
            except (MessageTooLarge, SerializationError):
                text = None
        if text is None:
            self.outbox.send(Error(request_type, request_id, NOTHING, uri))

    def refuse_payload(self, request_type: RequestType, request_id: int, error: Exception) -> None:
        """Answer a request whose payload a receiver's connection cannot carry (§6 E4)."""
        too_large = isinstance(error, MessageTooLarge)
        uri = uris.ERROR_PAYLOAD_SIZE_EXCEEDED if too_large else uris.ERROR_INVALID_ARGUMENT
        self.refuse(request_type, request_id, uri, str(error))
