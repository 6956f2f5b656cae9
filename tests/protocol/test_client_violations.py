"""A router that breaks the protocol: ABORT is sent, everything is disposed of, nothing more is heard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocol.fake_link import Client, expect_end
from trowamp._exceptions import SessionLost
from trowamp.messages import MESSAGE_BY_CODE, parse

LEGAL = {"RESULT", "EVENT", "INVOCATION", "ERROR", "PUBLISHED", "REGISTERED", "SUBSCRIBED", "UNREGISTERED"} | {
    "UNSUBSCRIBED",
    "INTERRUPT",
    "GOODBYE",
    "ABORT",
}
ILLEGAL: list[list[Any]] = [
    [1, "com.example.realm", {"roles": {"caller": {}}}],
    [2, 5, {"roles": {"dealer": {}}}],
    [4, "ticket", {}],
    [5, "signature", {}],
    [16, 1, {}, "com.example.topic"],
    [32, 1, {}, "com.example.topic"],
    [34, 1, 600],
    [48, 1, {}, "com.example.f"],
    [49, 1, {}],
    [64, 1, {}, "com.example.f"],
    [66, 1, 500],
    [70, 1, {}],
    [337, 900],
]


def test_every_message_is_either_legal_for_an_established_client_or_tested_here() -> None:
    assert {MESSAGE_BY_CODE[raw[0]].name for raw in ILLEGAL} == {cls.name for cls in MESSAGE_BY_CODE.values()} - LEGAL


@pytest.mark.checklist("PV-C", "PV-B2")
@pytest.mark.parametrize("raw", ILLEGAL, ids=lambda raw: MESSAGE_BY_CODE[raw[0]].name)
def test_a_message_that_routers_do_not_send_to_an_established_client_ends_the_session(
    client: Client, raw: list[Any]
) -> None:
    client.works()
    client.listens()
    client.call()
    ended = expect_end(client.hears(*raw))
    assert isinstance(ended.error, SessionLost)
    assert MESSAGE_BY_CODE[raw[0]].name in str(ended.error)
    assert [reply.waiter for reply in ended.replies] == ["caller"]
    (abort,) = client.link.take()
    name = MESSAGE_BY_CODE[raw[0]].name
    assert abort == [3, {"message": f"{name} in an established session"}, "wamp.error.protocol_violation"]
    assert client.session.error is ended.error
    assert client.is_idle()


@pytest.mark.checklist("PV-C", "MSG-B3")
def test_an_error_for_an_invocation_is_never_for_a_client(client: Client) -> None:
    client.works()
    ended = expect_end(client.hears(8, 68, 1, {}, "com.example.error"))
    assert "ERROR for an INVOCATION" in str(ended.error)
    assert client.link.take()[0][2] == "wamp.error.protocol_violation"


@pytest.mark.checklist("PV-B2")
def test_nothing_is_heard_after_a_violation(client: Client) -> None:
    client.serves()
    client.listens()
    expect_end(client.hears(4, "ticket", {}))
    client.link.take()
    for raw in (
        [68, 1, 500, {}],
        [36, 600, 900, {}],
        [6, {}, "com.example.bye"],
        [3, {}, "com.example.reason"],
        *ILLEGAL,
    ):
        assert client.session.receive(parse(raw)) is None
    assert client.link.take() == []
    assert client.is_idle()


@pytest.mark.checklist("PV-B", "PV-B2")
def test_octets_that_are_no_message_are_answered_with_an_abort(client: Client) -> None:
    """The link finds them; whoever owns it says so."""
    client.call()
    ended = client.session.abort("wamp.error.protocol_violation", "CALL.request_id: expected `int`, got `str`")
    assert [reply.waiter for reply in ended.replies] == ["caller"]
    message = {"message": "CALL.request_id: expected `int`, got `str`"}
    assert client.link.take() == [[3, message, "wamp.error.protocol_violation"]]
    assert isinstance(client.session.error, SessionLost)


@pytest.mark.checklist("SES-B3")
def test_a_violation_while_leaving_ends_the_session_without_a_word(client: Client) -> None:
    client.session.goodbye()
    client.link.take()
    ended = client.session.abort("wamp.error.protocol_violation", "nonsense")
    assert isinstance(ended.error, SessionLost)
    assert client.link.take() == []
