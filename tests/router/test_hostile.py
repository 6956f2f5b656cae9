"""Peers that say anything at any time: nothing they say raises, and an honest session beside them notices nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trowamp import uris
from trowamp.messages import Abort, Event, Interrupt, Invocation, Result
from trowamp.router import HistoryRule

from .harness import ALL_FEATURES, World, roles_with

IDS = st.one_of(st.integers(1, 4), st.just(2**53))
TEXT = st.sampled_from(["a", "a.b", "b", "", ".", "..", "a b", "wamp.x", "\ud800", "\0", "x" * 2000])
MATCHES = st.sampled_from(["exact", "prefix", "wildcard"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "match": MATCHES,
        "invoke": st.sampled_from(["single", "first", "last", "roundrobin", "random"]),
        "acknowledge": st.booleans(),
        "exclude_me": st.booleans(),
        "disclose_me": st.booleans(),
        "disclose_caller": st.booleans(),
        "force_reregister": st.booleans(),
        "forward_timeout": st.booleans(),
        "receive_progress": st.booleans(),
        "progress": st.booleans(),
        "timeout": st.integers(0, 3000),
        "mode": st.sampled_from(["skip", "kill", "killnowait"]),
        "eligible": st.lists(IDS, max_size=2),
        "exclude_authrole": st.lists(TEXT, max_size=2),
        "retain": st.booleans(),
        "get_retained": st.booleans(),
        "ppt_scheme": st.sampled_from(["wamp", ""]),
        "ppt_cipher": st.just("xsalsa20poly1305"),
        "enc_algo": st.just("cryptobox"),
        "novel": st.just([{}]),
    },
)
ARGS = st.one_of(
    st.lists(
        st.one_of(st.integers(), st.sampled_from(["", "\0", "\ud800", b"\xff", 1e300, float("nan"), None])), max_size=2
    ),
    st.sampled_from([b"\xff", b"\0\xff"]),  # in Autobahn's form of payload passthru
)
META = st.sampled_from(
    [
        "wamp.session.count",
        "wamp.session.get",
        "wamp.session.kill",
        "wamp.session.add_testament",
        "wamp.session.flush_testaments",
        "wamp.registration.match",
        "wamp.registration.lookup",
        "wamp.registration.remove_callee",
        "wamp.subscription.list",
        "wamp.subscription.get_events",
        "wamp.nothing",
    ]
)
META_ARGS = st.lists(st.one_of(IDS, TEXT, st.none(), st.lists(TEXT, max_size=2), st.just({"a": [1]})), max_size=5)
META_KWARGS = st.dictionaries(
    st.sampled_from(["reason", "scope", "publish_options", "limit", "topic", "session", "novel"]),
    st.one_of(IDS, TEXT, st.just({"exclude": [1], "match": 1})),
    max_size=2,
)
ROLES = {"caller": {"features": {"call_canceling": True}}, "callee": {"features": {"call_canceling": True}}}
SAYINGS: st.SearchStrategy[list[Any]] = st.one_of(
    st.tuples(st.just(1), st.sampled_from(["realm1", "x", ""]), st.just({"roles": ROLES})).map(list),
    st.tuples(st.just(6), st.just({}), TEXT).map(list),
    st.tuples(st.just(8), st.sampled_from([68, 68, 48]), IDS, st.just({}), TEXT, ARGS).map(list),
    st.tuples(st.just(16), IDS, OPTIONS, TEXT, ARGS).map(list),
    st.tuples(st.just(32), IDS, OPTIONS, TEXT).map(list),
    st.tuples(st.just(34), IDS, IDS).map(list),
    st.tuples(st.just(48), IDS, OPTIONS, TEXT, ARGS).map(list),
    st.tuples(st.just(48), IDS, st.just({}), META, META_ARGS, META_KWARGS).map(list),
    st.tuples(st.just(49), IDS, OPTIONS).map(list),
    st.tuples(st.just(64), IDS, OPTIONS, TEXT).map(list),
    st.tuples(st.just(66), IDS, IDS).map(list),
    st.tuples(st.just(70), IDS, OPTIONS, ARGS).map(list),
    st.lists(st.one_of(st.integers(), TEXT, st.none(), st.just({})), max_size=4),
)
SERIALIZERS = ["json", "msgpack", "cbor"]
PASSTHRU = roles_with((*ALL_FEATURES, "progressive_call_invocations", "payload_passthru_mode", "payload_transparency"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), SAYINGS), max_size=30), st.sampled_from(SERIALIZERS))
def test_an_honest_session_notices_nothing(sayings: list[tuple[int, list[Any]]], speaks: str) -> None:
    world = World(event_history=[HistoryRule(uri="", match="prefix", max_events=5)])
    honest, friend = world.join(serializer=speaks), world.join(serializer=speaks)
    honest.register("honest.procedure")
    subscription_id = honest.subscribe("honest.topic")
    hostile = [world.connect(name) for name in SERIALIZERS]
    for client in hostile:
        client.hello(roles=PASSTHRU)
    for index, raw in sayings:
        if hostile[index].peer.is_closing:
            hostile[index] = world.connect(SERIALIZERS[index])
            hostile[index].hello(roles=PASSTHRU)
        hostile[index].say(*raw)
        for client in hostile:
            client.received()  # whatever it is, it can be decoded
        world.pass_time(0.5)
    friend.call("honest.procedure", 1)
    calls = [message for message in honest.received() if isinstance(message, Invocation)]
    honest.answer(calls[-1], 2)
    assert friend.expect(Result).args == [2]
    friend.publish("honest.topic", 3)
    (event,) = honest.events()
    assert isinstance(event, Event)
    assert (event.subscription_id, event.args) == (subscription_id, [3])
    for client in (*hostile, honest, friend):
        client.drop()
    assert {"sessions", "registrations", "subscriptions", "calls_in_flight"}.isdisjoint(world.statistics())
    assert len(world.router._ids) == 0


def test_the_caller_of_a_violating_callee_is_answered(world: World) -> None:
    caller, callee, other = world.join(), world.join(), world.join()
    callee.register("a")
    other.register("b")
    caller.call("a")
    callee.expect(Invocation)
    callee.call("b")
    other.expect(Invocation)
    callee.say(70, 99, {})
    assert callee.expect(Abort).reason == uris.ERROR_PROTOCOL_VIOLATION
    caller.expect_error(uris.ERROR_CANCELED)
    other.expect(Interrupt)
