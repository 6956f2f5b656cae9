"""Progressive call invocations in the client's core: sending inputs, and getting them."""

from __future__ import annotations

import msgspec
import pytest

from tests.protocol.fake_link import DETAILS, Client, expect_end, expect_reply
from trowamp._exceptions import LocalProtocolError, SerializationError
from trowamp.protocol import Fed, Invoked

FEATURES = {"dealer": frozenset({"progressive_call_invocations"})}
MORE = {"progress": True}


@pytest.fixture
def client() -> Client:
    return Client(msgspec.structs.replace(DETAILS, features=FEATURES))


@pytest.mark.checklist("PCI-C1", "PCI-C2")
def test_inputs_are_calls_with_the_same_id_and_nothing_but_progress(client: Client) -> None:
    options = {**MORE, "receive_progress": True, "timeout": 5}
    request_id = client.session.call("com.example.f", (1,), {}, options, "caller")
    client.session.send_input(request_id, "com.example.f", (2,), {}, is_last=False)
    client.session.send_input(request_id, "com.example.f", (), {"a": 3}, is_last=True)
    assert client.link.take() == [
        [48, 1, options, "com.example.f", [1]],
        [48, 1, MORE, "com.example.f", [2]],
        [48, 1, {}, "com.example.f", [], {"a": 3}],
    ]


@pytest.mark.checklist("PCI-C3")
@pytest.mark.parametrize("answer", [(50, 1, {}), (8, 48, 1, {}, "com.example.error")])
def test_no_input_is_sent_after_the_answer(client: Client, answer: tuple[object, ...]) -> None:
    request_id = client.session.call("com.example.f", (), {}, MORE, "caller")
    client.link.take()
    client.hears(*answer)
    with pytest.raises(LocalProtocolError, match="the call is over"):
        client.session.send_input(request_id, "com.example.f", (), {}, is_last=True)
    assert client.link.take() == []


def test_an_input_that_cannot_be_sent_leaves_the_call_as_it_is(client: Client) -> None:
    request_id = client.session.call("com.example.f", (), {}, MORE, "caller")
    client.link.refuse(SerializationError("args[0]: NaN"))
    with pytest.raises(SerializationError):
        client.session.send_input(request_id, "com.example.f", (1,), {}, is_last=False)
    expect_reply(client.hears(50, request_id, {}), "caller")


@pytest.mark.checklist("PCI-C4")
def test_an_invocation_with_the_id_of_a_running_one_feeds_it(client: Client) -> None:
    client.works(1, "task", MORE)
    for details in (MORE, {}):
        inbound = client.hears(68, 1, 500, details, [2])
        assert isinstance(inbound, Fed)
        assert inbound.token == "task"
        assert (inbound.message.args, inbound.message.details) == ([2], details)
    expect_end(client.hears(68, 1, 500, {}))  # behind the last


@pytest.mark.checklist("PCI-C4")
def test_an_ordinary_invocation_is_not_fed(client: Client) -> None:
    client.works(1, "task")
    expect_end(client.hears(68, 1, 500, MORE))


@pytest.mark.checklist("PCI-C4", "PCI-C5")
def test_inputs_behind_the_answer_are_dropped(client: Client) -> None:
    client.works(1, "task", MORE)
    client.session.answer(1, (), {})
    client.link.take()
    assert client.hears(68, 1, 500, MORE) is None
    assert client.hears(68, 1, 500, {}) is None
    assert client.link.take() == []
    assert isinstance(client.hears(68, 2, 500, {}), Invoked)


@pytest.mark.checklist("PCI-C4")
def test_further_inputs_for_a_procedure_that_is_gone_are_refused_once(client: Client) -> None:
    for _ in range(2):
        assert client.hears(68, 1, 999, MORE) is None
    assert [message[4] for message in client.link.take()] == ["wamp.error.unavailable"]


def test_routers_without_the_feature_may_use_any_ids() -> None:
    client = Client()
    client.works(7)
    client.session.answer(7, (), {})
    assert isinstance(client.hears(68, 3, 500, {}), Invoked)


def test_nothing_is_left_of_inputs_when_the_session_is_over(client: Client) -> None:
    client.works(1, "task", MORE)
    client.session.lose("gone")
    assert client.is_idle()
    assert client.session._invocations.fed == set()
