"""Where Crossbar.io does not do what the specification says: expected, each by the id that docs/explanation/interoperability.md lists.

A test that fails here after an update of Crossbar tells that a difference is gone, or a new one is there; the client then may change with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import pytest
import trio

import trowamp
from tests.serve_tools import Peer
from trowamp import messages as m

from .crossbar_node import REALM, CrossbarNode
from .raw_peer import everything_for, joined

F = "com.example.f"
TOPIC = "com.example.topic"


class Talk(NamedTuple):
    """Two sessions; one may be the callee of the other."""

    caller: Peer
    callee: Peer

    async def register(self, **options: Any) -> None:
        self.callee.send(m.Register(1, options, F))
        await self.callee.expect(m.Registered)

    async def invoke(self, request_id: int, **options: Any) -> m.Invocation:
        self.caller.send(m.Call(request_id, options, F))
        return await self.callee.expect(m.Invocation)

    async def ask(self, request_id: int, procedure: str, *args: Any) -> m.Message:
        self.caller.send(m.Call(request_id, {}, procedure, list(args)))
        return await self.caller.next_message()

    async def arrived(self) -> tuple[list[m.Message], list[m.Message]]:
        return await everything_for(self.caller), await everything_for(self.callee)


@pytest.fixture(params=["ws", "rs"])
async def url(crossbar: CrossbarNode, request: pytest.FixtureRequest) -> AsyncGenerator[str, None]:
    with trio.fail_after(20):
        yield crossbar.url(request.param)


@pytest.fixture
async def talk(url: str) -> AsyncGenerator[Talk, None]:
    async with joined(url, REALM) as caller, joined(url, REALM) as callee:
        yield Talk(caller, callee)


def payload(message: m.Message) -> Any:
    assert isinstance(message, m.Result), message
    assert isinstance(message.args, list)
    return message.args[0]


# ---- session


@pytest.mark.differs("S4", "S5")
async def test_a_second_hello_and_odd_request_ids_are_let_pass(talk: Talk) -> None:
    talk.caller.send(m.Hello(REALM, {"roles": {"caller": {}}}))
    assert await talk.arrived() == ([], [])
    await talk.register()
    for request_id in (77, 3, 3000):
        invocation = await talk.invoke(request_id)
        talk.callee.send(m.Yield(invocation.request_id, {}))
        assert (await talk.caller.expect(m.Result)).request_id == request_id


@pytest.mark.differs("T7")
async def test_who_breaks_the_protocol_is_cut_off_without_an_abort(url: str) -> None:
    async with joined(url, REALM) as peer:
        peer.send(m.Result(1, {}))
        reason = await peer.is_cut_off()
        assert ("1002" in reason) == url.startswith("ws")


@pytest.mark.differs("S2")
async def test_goodbyes_are_normal(url: str) -> None:
    async with joined(url, REALM) as peer:
        peer.send(m.Goodbye({}, trowamp.uris.CLOSE_CLOSE_REALM))
        assert await peer.expect(m.Goodbye) == m.Goodbye({}, trowamp.uris.CLOSE_NORMAL)


@pytest.mark.differs("T3")
async def test_a_ping_ends_a_rawsocket_connection(crossbar: CrossbarNode) -> None:
    async with joined(crossbar.url("rs"), REALM) as peer:
        peer.link.ping()
        peer.pump.flush()
        assert await peer.is_cut_off() == "the peer ended the connection"


@pytest.mark.differs("T5")
async def test_a_rawsocket_handshake_that_fails_is_not_explained(crossbar: CrossbarNode) -> None:
    """Reserved bits are ignored, and a serializer that is not there ends the connection at once."""
    async with await trio.open_tcp_stream("127.0.0.1", crossbar.port) as stream:
        await stream.send_all(b"\x7f\xf1\1\0")
        assert await stream.receive_some() == b"\x7f\xf1\0\0"
    async with await trio.open_tcp_stream("127.0.0.1", crossbar.port) as stream:
        await stream.send_all(b"\x7f\xf7\0\0")
        received = b""
        with contextlib.suppress(trio.BrokenResourceError):
            received = await stream.receive_some()
        assert received == b""


@pytest.mark.differs("T1")
async def test_batches_of_json_are_split_elsewhere(crossbar: CrossbarNode) -> None:
    for serializer in ("msgpack.batched", "cbor.batched"):
        async with trowamp.open_session(crossbar.url("ws"), realm=REALM, serializers=[serializer]) as session:
            await session.register(F, trowamp.Result)
            assert await session.call(F, serializer) == serializer
    with pytest.raises(trowamp.ConnectError, match="batch format error"):
        async with trowamp.open_session(crossbar.url("ws"), realm=REALM, serializers=["json.batched"]):
            raise AssertionError


# ---- calls


@pytest.mark.differs("R2", "R3", "R4")
@pytest.mark.parametrize("mode", ["skip", "kill", "killnowait", None])
async def test_who_is_told_of_a_cancelled_call(talk: Talk, mode: str | None) -> None:
    """With "skip" the caller is told nothing, and with "kill" never more than that: the callee's own answer is lost. No mode is "killnowait"."""
    canceled = m.Error(48, 1, {}, trowamp.uris.ERROR_CANCELED)
    await talk.register()
    invocation = await talk.invoke(1)
    talk.caller.send(m.Cancel(1, {"mode": mode} if mode else {}))
    to_caller, to_callee = await talk.arrived()
    assert [type(message) for message in to_callee] == ([] if mode == "skip" else [m.Interrupt])
    if mode in ("killnowait", None):
        assert to_caller == [canceled]
        return
    assert to_caller == []
    talk.callee.send(m.Error(68, invocation.request_id, {}, "com.example.error.of_its_own", ["why"]))
    await everything_for(talk.callee)
    assert await everything_for(talk.caller) == ([] if mode == "skip" else [canceled])


@pytest.mark.differs("R6")
async def test_a_timeout_is_seconds_goes_to_every_callee_and_ends_as_canceled(talk: Talk) -> None:
    await talk.register()
    began = trio.current_time()
    invocation = await talk.invoke(1, timeout=2)  # its clock ticks once a second
    assert invocation.details["timeout"] == 2
    error = await talk.caller.expect(m.Error)
    assert error.error == trowamp.uris.ERROR_CANCELED
    assert trio.current_time() - began > 0.5


@pytest.mark.differs("R8")
async def test_results_tell_who_made_them(talk: Talk) -> None:
    await talk.register()
    invocation = await talk.invoke(1)
    talk.callee.send(m.Yield(invocation.request_id, {}))
    result = await talk.caller.expect(m.Result)
    assert set(result.details) == {"callee", "callee_authid", "callee_authrole"}


@pytest.mark.differs("S6", "P1", "CTL", "PCI")
async def test_options_that_it_does_not_know_do_not_reach_the_callee(talk: Talk) -> None:
    await talk.register(disclose_caller=True, forward_timeout=True, _custom=1)
    invocation = await talk.invoke(1, _custom=1, x_custom=2, progress=True, ppt_scheme="x_mine", disclose_me=False)
    assert set(invocation.details) == {"caller", "caller_authid", "caller_authrole"}


@pytest.mark.differs("R11", "R12")
async def test_sharing_a_procedure_has_other_rules(talk: Talk) -> None:
    await talk.register(invoke="roundrobin")
    talk.callee.send(m.Register(2, {"invoke": "roundrobin"}, F))
    await talk.callee.expect(m.Registered)
    talk.caller.send(m.Register(1, {"invoke": "last"}, F))
    error = await talk.caller.expect(m.Error)
    assert error.error == "wamp.error.procedure_exists_with_different_invocation_policy"


@pytest.mark.differs("TURN")
async def test_whose_turn_it_is_follows_from_the_number_of_all_calls(talk: Talk) -> None:
    await talk.register(invoke="roundrobin")
    for number in (1, 2):
        await talk.invoke(number)
    talk.caller.send(m.Register(3, {"invoke": "roundrobin"}, F))
    await talk.caller.expect(m.Registered)
    talk.caller.send(m.Call(4, {}, F))
    at_caller, at_callee = await talk.arrived()
    assert at_caller == []
    assert [type(message) for message in at_callee] == [m.Invocation]  # two calls for two callees were a whole round


# ---- events


@pytest.mark.differs("P4")
async def test_an_event_for_nobody_goes_to_everybody(talk: Talk) -> None:
    talk.callee.send(m.Subscribe(1, {}, TOPIC))
    await talk.callee.expect(m.Subscribed)
    talk.caller.send(m.Publish(1, {"eligible": []}, TOPIC, ["secret"]))
    await everything_for(talk.caller)
    assert (await talk.callee.expect(m.Event)).args == ["secret"]


@pytest.mark.differs("P5")
async def test_kept_events_are_new_publications_and_only_for_exact_topics(talk: Talk) -> None:
    topic = "com.example.kept.forever"
    talk.caller.send(m.Publish(1, {"acknowledge": True, "retain": True}, topic))
    published = await talk.caller.expect(m.Published)
    talk.callee.send(m.Subscribe(1, {"get_retained": True, "match": "prefix"}, "com.example.kept"))
    assert [type(message) for message in await everything_for(talk.callee)] == [m.Subscribed]
    talk.callee.send(m.Subscribe(2, {"get_retained": True}, topic))
    _, event = await everything_for(talk.callee)
    assert isinstance(event, m.Event)
    assert event.publication_id != published.publication_id


# ---- meta API


@pytest.mark.differs("S12")
async def test_who_left_is_told_by_its_id_alone(talk: Talk, url: str) -> None:
    talk.caller.send(m.Subscribe(1, {}, trowamp.uris.SESSION_ON_LEAVE))
    await talk.caller.expect(m.Subscribed)
    async with joined(url, REALM) as other:
        other.send(m.Goodbye({}, trowamp.uris.CLOSE_CLOSE_REALM))
        await other.expect(m.Goodbye)
    event = await talk.caller.expect(m.Event)
    assert event.args is not None
    assert len(event.args) == 1


@pytest.mark.differs("S10")
async def test_killing_by_role_spares_nobody_and_tells_who_it_was(talk: Talk) -> None:
    """The count that the specification wants is a list here, and the caller is in it. There is no way to kill all."""
    nobody = await talk.ask(1, trowamp.uris.SESSION_KILL_ALL)
    assert isinstance(nobody, m.Error)
    talk.caller.send(m.Call(2, {}, trowamp.uris.SESSION_KILL_BY_AUTHROLE, ["anonymous"]))
    assert (await talk.caller.expect(m.Goodbye)).reason == trowamp.uris.CLOSE_NORMAL
    assert (await talk.callee.expect(m.Goodbye)).reason == trowamp.uris.CLOSE_NORMAL
    assert len(payload(await talk.caller.next_message())) >= 2


@pytest.mark.differs("P7")
async def test_testaments_are_counted(talk: Talk) -> None:
    assert isinstance(payload(await talk.ask(1, "wamp.session.add_testament", TOPIC, ["bye"], {})), int)
    assert payload(await talk.ask(2, "wamp.session.flush_testaments")) == 1


@pytest.mark.differs("PBS")
async def test_wildcard_subscriptions_are_not_listed(talk: Talk) -> None:
    talk.caller.send(m.Subscribe(1, {"match": "wildcard"}, "com..wild"))
    subscribed = await talk.caller.expect(m.Subscribed)
    lists = payload(await talk.ask(2, trowamp.uris.SUBSCRIPTION_LIST))
    assert subscribed.subscription_id not in lists["wildcard"]


@pytest.mark.differs("P6")
async def test_history_has_another_shape(talk: Talk) -> None:
    topic = "com.example.history"
    talk.caller.send(m.Subscribe(1, {}, topic))
    subscribed = await talk.caller.expect(m.Subscribed)
    talk.callee.send(m.Publish(1, {"acknowledge": True}, topic, ["once"]))
    await talk.callee.expect(m.Published)
    await talk.caller.expect(m.Event)
    event = payload(await talk.ask(2, "wamp.subscription.get_events", subscribed.subscription_id, 1))[0]
    assert {"time_ns", "publication", "realm", "authid", "authrole", "topic", "args", "kwargs"} < set(event)
