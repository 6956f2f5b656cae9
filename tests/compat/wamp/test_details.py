"""Details, results and configurations: fields, texts, and what is told apart from payload."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp.request import CallRequest, Endpoint, Handler, Publication, Registration, Subscription
from trowamp_compat.wamp.types import (
    Accept,
    CallDetails,
    CallResult,
    Challenge,
    CloseDetails,
    ComponentConfig,
    Deny,
    EncodedPayload,
    EventDetails,
    HelloDetails,
    HelloReturn,
    Invocation,
    IRegistration,
    ISubscription,
    SessionDetails,
    SessionIdent,
    TransportDetails,
)

REGISTRATION = Registration(None, 1, "com.example.add2", Endpoint(len))
SUBSCRIPTION = Subscription(2, "com.example.topic", None, Handler(len))


@pytest.mark.autobahn("S-57", "C-24")
def test_a_result_has_positional_and_keyword_values() -> None:
    result = CallResult(1, 2, total=3, callee=7)
    assert (result.results, result.kwresults, result.callee) == ((1, 2), {"total": 3}, 7)
    assert result.results[1] == 2
    assert result.kwresults["total"] == 3


@pytest.mark.autobahn("C-24", "W-17")
def test_a_result_from_the_wire_keeps_values_with_the_names_of_metadata() -> None:
    result = CallResult.from_wire([1], {"callee": "x", "enc_algo": "y"}, callee=7)
    assert (result.results, result.kwresults, result.callee, result.enc_algo) == (
        (1,),
        {"callee": "x", "enc_algo": "y"},
        7,
        None,
    )


@pytest.mark.autobahn("S-70")
def test_details_of_a_call_tell_the_caller_and_the_procedure() -> None:
    details = CallDetails(REGISTRATION, None, 7, "joe", "user", "com.example.add2", "0xab", "cryptobox", [])
    assert (details.caller, details.caller_authid, details.caller_authrole) == (7, "joe", "user")
    assert (details.procedure, details.transaction_hash, details.enc_algo) == ("com.example.add2", "0xab", "cryptobox")
    assert "caller=7" in str(details)


@pytest.mark.autobahn("C-5", "C-6")
def test_progress_of_an_invocation_can_always_be_called() -> None:
    sent: list[Any] = []
    assert CallDetails(REGISTRATION).progress is None
    Invocation(REGISTRATION).progress(1, k=2)
    Invocation(REGISTRATION, sent.append, 7).progress(3)
    assert sent == [3]
    assert issubclass(Invocation, CallDetails)


def test_details_of_an_event_tell_the_publisher_and_the_topic() -> None:
    details = EventDetails(SUBSCRIPTION, 9, 7, "joe", "user", "com.example.topic", True, "0xab", "cryptobox", [])
    assert (details.publication, details.publisher, details.topic, details.retained) == (
        9,
        7,
        "com.example.topic",
        True,
    )
    assert "topic=<com.example.topic>" in str(details)


@pytest.mark.autobahn("S-6")
def test_a_configuration_has_a_realm_and_anything_else() -> None:
    extra = object()
    config = ComponentConfig("realm1", extra, "ring", "controller", {"a": 1}, "runner")
    assert (config.realm, config.extra, config.keyring) == ("realm1", extra, "ring")
    assert (config.controller, config.shared, config.runner) == ("controller", {"a": 1}, "runner")
    assert ComponentConfig().realm is None


def test_the_end_of_a_session_has_a_reason_and_words() -> None:
    details = CloseDetails(CloseDetails.REASON_TRANSPORT_LOST, "gone")
    assert details.marshal() == {"reason": "wamp.close.transport_lost", "message": "gone"}
    assert str(details) == "CloseDetails(reason=<wamp.close.transport_lost>, message='gone')"
    assert CloseDetails.REASON_DEFAULT == "wamp.close.normal"


def test_a_challenge_always_has_a_dictionary() -> None:
    assert Challenge("ticket").extra == {}
    assert isinstance(Challenge("ticket"), HelloReturn)
    assert isinstance(Accept("realm1"), HelloReturn)
    assert Deny().reason == "wamp.error.not_authorized"
    assert HelloDetails("realm1", ["ticket"], "joe").authmethods == ["ticket"]


def test_who_a_session_is_can_be_told_from_details() -> None:
    hops = [{"session": 1, "authid": "first", "authrole": "r1"}, {"session": 2, "authid": "second", "authrole": "r2"}]
    near = CallDetails(REGISTRATION, caller=7, caller_authid="joe", caller_authrole="user")
    far = EventDetails(SUBSCRIPTION, 9, publisher=7, forward_for=hops)
    assert SessionIdent.from_calldetails(near).marshal() == {"session": 7, "authid": "joe", "authrole": "user"}
    assert SessionIdent.from_eventdetails(far).marshal() == {"session": 1, "authid": "first", "authrole": "r1"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: ComponentConfig(3),  # type: ignore[arg-type]
        lambda: ComponentConfig("realm1", shared=[]),  # type: ignore[arg-type]
        lambda: CloseDetails(3),  # type: ignore[arg-type]
        lambda: Challenge(3),  # type: ignore[arg-type]
        lambda: Challenge("ticket", []),  # type: ignore[arg-type]
        lambda: Accept(authextra=3),  # type: ignore[arg-type]
        lambda: Accept(authid=3),  # type: ignore[arg-type]
        lambda: Deny(None),  # type: ignore[arg-type]
        lambda: EncodedPayload("text", "cryptobox"),  # type: ignore[arg-type]
        lambda: EncodedPayload(b"x", 3),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_type_is_refused_with_words(make: Any) -> None:
    with pytest.raises(AssertionError, match=r"must be|is needed"):
        make()


def test_details_of_a_session_come_back_from_a_dictionary() -> None:
    transport = TransportDetails(
        TransportDetails.CHANNEL_TYPE_TLS,
        TransportDetails.CHANNEL_FRAMING_WEBSOCKET,
        TransportDetails.CHANNEL_SERIALIZER_CBOR,
        peer="tcp4:127.0.0.1:8080",
        is_secure=True,
        channel_id={"tls-unique": b"a" * 32},
    )
    details = SessionDetails("realm1", 7, "joe", "user", "ticket", "static", {"a": 1}, "cbor", transport, False, False)
    again = SessionDetails.parse(details.marshal())
    assert again == details
    assert again.transport == transport
    assert transport.channel_typeid == "tls-websocket-cbor"
    assert details.marshal()["transport"]["channel_type"] == "tls"
    assert "'realm': 'realm1'" in str(details)
    assert details != SessionDetails("realm2")
    assert details != "realm1"


def test_a_channel_id_is_read_from_hexadecimal_digits() -> None:
    details = TransportDetails.parse({"channel_id": {"tls-unique": "ff" * 32}})
    assert details.channel_id == {"tls-unique": b"\xff" * 32}


@pytest.mark.parametrize(
    "data",
    [
        {"channel_type": 4},
        {"channel_type": "pigeon"},
        {"own": 3},
        {"own_pid": "x"},
        {"is_secure": 1},
        {"channel_id": "x"},
        {"channel_id": {"tls-unique": "ff"}},
        {"channel_id": {"tls-unique": "zz" * 32}},
        {"websocket_extensions_in_use": "x"},
    ],
)
def test_details_of_a_connection_that_are_none_are_refused(data: dict[str, Any]) -> None:
    (name,) = data
    with pytest.raises(ValueError, match=name):
        TransportDetails.parse(data)


def test_only_a_dictionary_is_read() -> None:
    with pytest.raises(AssertionError, match="dictionary"):
        SessionDetails.parse([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="authextra"):
        SessionDetails.parse({"authextra": {1: 2}})


class FakeSession:
    """Notes what is ended."""

    def __init__(self) -> None:
        self.ended: list[object] = []

    def _unregister(self, registration: object) -> str:
        self.ended.append(registration)
        return "future"

    def _unsubscribe(self, subscription: object) -> str:
        self.ended.append(subscription)
        return "future"


@pytest.mark.autobahn("C-2")
def test_a_registration_and_a_subscription_end_themselves_once() -> None:
    session = FakeSession()
    registration = Registration(session, 1, "com.example.add2", Endpoint(len))
    subscription = Subscription(2, "com.example.topic", session, Handler(len))
    assert (registration.unregister(), subscription.unsubscribe()) == ("future", "future")
    assert session.ended == [registration, subscription]
    registration.active = subscription.active = False
    for end in (registration.unregister, subscription.unsubscribe):
        with pytest.raises(Exception, match="no longer active"):
            end()
    assert isinstance(registration, IRegistration)
    assert isinstance(subscription, ISubscription)


def test_requests_are_reachable_where_programs_look_for_them() -> None:
    assert wamp.request.Registration is wamp.types.Registration is Registration
    assert str(Publication(3)) == "Publication(id=3, was_encrypted=False)"
    assert str(SUBSCRIPTION) == "Subscription(id=2, is_active=True)"
    assert CallRequest(1, "com.example.add2", "future", None).on_reply == "future"
