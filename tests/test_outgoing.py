"""trowamp/_outgoing.py: what options make of the messages that a session sends, seen from the router's end."""

from __future__ import annotations

import functools
import inspect
import math
from typing import Any, Literal

import pytest
import trio

from trowamp import FeatureNotSupported, Session, open_router
from trowamp._outgoing import _FEATURES_BY_REQUEST
from trowamp.messages import (
    Call,
    Cancel,
    Error,
    Invocation,
    Publish,
    Published,
    Register,
    Registered,
    Result,
    Subscribe,
    Subscribed,
    Yield,
)
from trowamp.testing import open_scripted_router

BARE: dict[str, Any] = {"broker": {}, "dealer": {}}


@pytest.mark.checklist("FEAT-C1")
@pytest.mark.parametrize(
    ("options", "feature"),
    [
        ({"disclose_me": True}, "caller_identification"),
        ({"exclude_me": False}, "publisher_exclusion"),
        ({"exclude": [1]}, "subscriber_blackwhite_listing"),
        ({"exclude_authid": ["joe"]}, "subscriber_blackwhite_listing"),
        ({"exclude_authrole": ["user"]}, "subscriber_blackwhite_listing"),
        ({"eligible": []}, "subscriber_blackwhite_listing"),
        ({"eligible_authid": ["joe"]}, "subscriber_blackwhite_listing"),
        ({"eligible_authrole": ["user"]}, "subscriber_blackwhite_listing"),
        ({"retain": True}, "event_retention"),
        ({"stream_inputs": True}, "progressive_call_invocations"),
        ({"cancel_mode": "kill"}, "call_canceling"),
    ],
)
async def test_an_option_that_the_router_would_ignore_is_refused(options: dict[str, Any], feature: str) -> None:
    async with open_scripted_router(roles=BARE) as router, router.open_session() as session:
        with pytest.raises(FeatureNotSupported, match=feature):
            session.with_options(**options)
        assert router.has_received() == []


@pytest.mark.checklist("FEAT-C1")
@pytest.mark.parametrize(
    ("options", "feature"),
    [
        ({"match": "prefix"}, "pattern_based_registration"),
        ({"invoke": "last"}, "shared_registration"),
        ({"forward_timeout": True}, "call_timeout"),
    ],
)
async def test_a_registration_that_the_router_would_misread_is_refused(options: dict[str, Any], feature: str) -> None:
    async with open_scripted_router(roles=BARE) as router, router.open_session() as session:
        with pytest.raises(FeatureNotSupported, match=feature):
            await session.register("com.example", print, **options)
        assert router.has_received() == []


@pytest.mark.checklist("FEAT-C1")
@pytest.mark.parametrize(
    ("topic", "options", "feature"),
    [
        ("com.example", {"match": "wildcard"}, "pattern_based_subscription"),
        ("com.<country>", {}, "pattern_based_subscription"),
        ("com.example", {"get_retained": True}, "event_retention"),
    ],
)
async def test_a_subscription_that_the_router_would_misread_is_refused(
    topic: str, options: dict[str, Any], feature: str
) -> None:
    async with open_scripted_router(roles=BARE) as router, router.open_session() as session:
        with pytest.raises(FeatureNotSupported, match=feature):
            await session.subscribe(topic, print, **options)
        assert router.has_received() == []


@pytest.mark.checklist("FEAT-C1")
async def test_progressive_results_are_asked_of_routers_that_have_them_only() -> None:
    async with open_scripted_router(roles=BARE) as router, router.open_session() as session:
        with pytest.raises(FeatureNotSupported, match="progressive_call_results"):
            async with session.open_call("com.example"):
                pass
        assert router.has_received() == []


@pytest.mark.checklist("FEAT-C1")
async def test_what_takes_effect_without_the_router_is_never_refused() -> None:
    """A timeout is kept by the caller's scope, a call is forgotten by the caller; what has its default asks for nothing."""
    async with open_scripted_router(roles=BARE) as router, router.open_session() as session:
        view = session.with_options(timeout=5, cancel_mode="skip", buffer=1, acknowledge=True, custom={"_x": 1})
        view.with_options(cancel_mode="killnowait", stream_inputs=False)
        assert router.has_received() == []


# option -> the feature that it needs, or why it needs none
NEEDS_NO_FEATURE = {
    "timeout": "the caller's scope keeps it",
    "buffer": "local",
    "acknowledge": "Basic Profile",
    "result_type": "local",
    "payload_codec": "checked where a payload is encoded, by its form",
    "custom": "sent as it is",
    "check_types": "local",
    "concurrency": "local",
    "overflow": "local",
    "on_error": "local",
    "force_reregister": "an extension that no feature announces",
}


@pytest.mark.checklist("FEAT-C1")
def test_every_option_of_a_request_has_a_feature_or_needs_none() -> None:
    checked = {"stream_inputs": "progress"}
    for requests, method in (
        (("call", "publish"), Session.with_options),
        (("register",), Session.register),
        (("subscribe",), Session.subscribe),
    ):
        options = set(inspect.signature(method).parameters) - {"self", "procedure", "topic", "handler"}
        known = {name for request in requests for name in _FEATURES_BY_REQUEST[request]}
        assert {name for name in options if checked.get(name, name) not in known} <= NEEDS_NO_FEATURE.keys()


@pytest.mark.checklist("FEAT-C1")
async def test_the_check_can_be_left_out_for_routers_that_announce_less_than_they_do() -> None:
    async with open_scripted_router(roles=BARE) as router, router.open_session(check_features=False) as session:
        await session.with_options(exclude=[7], cancel_mode="kill").publish("com.example")
        assert (await router.expect(Publish)).options == {"exclude": [7]}
        async with trio.open_nursery() as nursery:

            async def take() -> None:
                async with session.with_options(stream_inputs=True).open_call("com.example") as call:
                    await call.result()

            nursery.start_soon(take)
            called = await router.expect(Call)
            assert called.options == {"receive_progress": True, "progress": True}
            router.send(Result(called.request_id, {}, [1]))


@pytest.mark.checklist("FEAT-C1")
async def test_a_session_tells_what_its_router_announces() -> None:
    roles = {"dealer": {"features": {"call_timeout": True, "call_canceling": False}}}
    async with open_scripted_router(roles=roles) as router, router.open_session() as session:
        assert session.router_features == {"dealer": {"call_timeout"}}


@pytest.mark.checklist("BW-C1")
async def test_an_empty_list_of_receivers_is_sent_and_means_nobody() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await session.with_options(eligible=[], eligible_authid=(), eligible_authrole=iter(())).publish("com.example")
        assert (await router.expect(Publish)).options == {
            "eligible": [],
            "eligible_authid": [],
            "eligible_authrole": [],
        }


async def test_views_build_on_each_other_and_leave_their_origin_alone() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        first = session.with_options(exclude=[1], exclude_me=False)
        await first.with_options(exclude=[2]).publish("com.example")
        await first.publish("com.example")
        await session.publish("com.example")
        sent = [(await router.expect(Publish)).options for _ in range(3)]
        assert sent == [{"exclude": [2], "exclude_me": False}, {"exclude": [1], "exclude_me": False}, {}]


async def test_custom_options_travel_as_they_are() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        view = session.with_options(custom={"_trace": "abc"})
        await view.publish("com.example")
        assert (await router.expect(Publish)).options == {"_trace": "abc"}


async def test_names_of_options_are_free_for_the_payload() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        await session.publish("com.example", options=1, topic=2, self=3, exclude=4)
        published = await router.expect(Publish)
        assert (published.options, published.kwargs) == ({}, {"options": 1, "topic": 2, "self": 3, "exclude": 4})


async def test_an_acknowledged_publish_returns_the_publication() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:

        async def acknowledge() -> None:
            published = await router.expect(Publish)
            assert published.options == {"acknowledge": True}
            router.send(Published(published.request_id, 99))

        nursery.start_soon(acknowledge)
        assert await session.with_options(acknowledge=True).publish("com.example") == 99


async def answered(router: Any, *, result: int = 0) -> Call:
    """Let the router answer one call and return what it was asked."""
    call: Call = await router.expect(Call)
    router.send(Result(call.request_id, {}, [result]))
    return call


@pytest.mark.checklist("PCR-C1")
async def test_only_a_call_that_reads_progress_asks_for_it() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        calls: list[Call] = []

        async def answer() -> None:
            calls.extend([await answered(router), await answered(router)])

        nursery.start_soon(answer)
        await session.call("com.example")
        async with session.open_call("com.example") as stream:
            await stream.result()
        assert ["receive_progress" in call.options for call in calls] == [False, True]


@pytest.mark.checklist("CT-C1")
async def test_the_deadline_of_the_scope_travels_in_milliseconds(autojump_clock: trio.testing.MockClock) -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        calls: list[Call] = []

        async def answer() -> None:
            calls.extend([await answered(router), await answered(router), await answered(router)])

        nursery.start_soon(answer)
        await session.call("com.example")
        with trio.fail_after(2.5):
            await session.call("com.example")
        await session.with_options(timeout=1.5).call("com.example")
        assert [call.options.get("timeout") for call in calls] == [None, 2500, 1500]


@pytest.mark.checklist("CC-C1")
@pytest.mark.parametrize("mode", ["skip", "killnowait"])
async def test_a_cancelled_call_says_how(
    mode: Literal["skip", "killnowait"], autojump_clock: trio.testing.MockClock
) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with trio.move_on_after(1):
            await session.with_options(cancel_mode=mode).call("com.example")
        call = await router.expect(Call)
        assert await router.expect(Cancel) == Cancel(call.request_id, {"mode": mode})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"cancel_mode": "later"}, "cancel_mode must be one of killnowait, kill, skip, not 'later'"),
        ({"timeout": 0}, "timeout must be more than 0 seconds"),
        ({"timeout": -math.inf}, "timeout must be more than 0 seconds"),
        ({"buffer": 0}, "buffer must be at least 1"),
    ],
)
async def test_options_out_of_range_are_refused(options: dict[str, Any], complaint: str) -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match=complaint):
            session.with_options(**options)


async def registered(session: Session, router: Any, **options: Any) -> dict[str, Any]:
    """Register with options and return those that the router got."""
    got: list[Register] = []

    async def answer() -> None:
        register = await router.expect(Register)
        got.append(register)
        router.send(Registered(register.request_id, 1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer)
        await session.register("com.example", print, **options)
    return got[0].options


async def test_options_of_a_registration_are_sent_when_given() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        assert await registered(session, router) == {}
        assert await registered(session, router, invoke="roundrobin", match="prefix") == {
            "invoke": "roundrobin",
            "match": "prefix",
        }


async def test_a_pattern_with_names_travels_as_wamp_knows_it() -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        got: list[Subscribe] = []

        async def answer() -> None:
            subscribe = await router.expect(Subscribe)
            got.append(subscribe)
            router.send(Subscribed(subscribe.request_id, 1))

        nursery.start_soon(answer)
        await session.subscribe("com.<country>.on_concert", print)
        assert (got[0].topic, got[0].options) == ("com..on_concert", {"match": "wildcard"})


@pytest.mark.checklist("PI-C1")
async def test_subscribers_see_the_publisher_only_if_it_discloses_itself() -> None:
    async with (
        open_router() as router,
        router.open_session(realm="realm1") as publisher,
        router.open_session(realm="realm1") as subscriber,
        subscriber.open_subscription("com.example") as events,
    ):
        await publisher.publish("com.example")
        await publisher.with_options(disclose_me=True).publish("com.example")
        assert [(await anext(events)).publisher for _ in range(2)] == [None, publisher.id]


@pytest.mark.checklist("PCR-C3")
async def test_a_procedure_may_have_no_progress_to_tell() -> None:
    async with open_router() as router, router.open_session(realm="realm1") as session:
        await session.register("com.example", lambda: 7)
        async with session.open_call("com.example") as call:
            assert [part async for part in call] == []
            assert await call.result() == 7


@pytest.mark.checklist("FEAT-C1")
async def test_a_view_is_refused_only_for_the_requests_that_the_router_supports_no_option_of() -> None:
    roles: dict[str, Any] = {"dealer": {"features": {"caller_identification": True}}, "broker": {}}
    async with open_scripted_router(roles=roles) as router, router.open_session() as session:
        view = session.with_options(disclose_me=True)
        with pytest.raises(FeatureNotSupported, match="publisher_identification"):
            await view.publish("com.example")
        with pytest.raises(FeatureNotSupported, match="publisher_identification"):
            view.publish_nowait("com.example")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(view.call, "com.example")
            call = await router.expect(Call)
            assert call.options == {"disclose_me": True}
            router.send(Result(call.request_id, {}))


@pytest.mark.checklist("CT-C4")
async def test_an_async_procedure_asks_for_its_callers_deadlines_and_a_sync_one_does_not() -> None:
    async def asynchronous() -> None: ...

    async with open_router() as router, router.open_session(realm="realm1") as session:

        async def deadline() -> bool:
            return trio.current_effective_deadline() < math.inf

        await session.register("com.example.deadline", deadline)
        await session.register("com.example.unforwarded", deadline, forward_timeout=False)
        with trio.fail_after(10):
            assert await session.call("com.example.deadline") is True
            assert await session.call("com.example.unforwarded") is False
        assert await session.call("com.example.deadline") is False

    async with open_scripted_router() as scripted, scripted.open_session() as session:
        async with trio.open_nursery() as nursery:
            for handler, options in ((asynchronous, {"forward_timeout": True}), (print, {})):
                nursery.start_soon(session.register, "com.example", handler)
                register = await scripted.expect(Register)
                assert register.options == options
                scripted.send(Registered(register.request_id, register.request_id))


@pytest.mark.parametrize("mode", ["kill", "skip"])
async def test_a_deadline_does_not_travel_where_the_routers_timeout_would_break_the_cancel_mode(
    mode: Literal["kill", "skip"],
) -> None:
    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        with trio.fail_after(10):
            nursery.start_soon(session.with_options(cancel_mode=mode).call, "com.example")
            call = await router.expect(Call)
            assert call.options == {}
            router.send(Result(call.request_id, {}))


async def test_an_unknown_invocation_policy_is_refused_before_anything_is_sent() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        with pytest.raises(ValueError, match="roundrobin"):
            await session.register("com.example", print, invoke="robin")  # type: ignore[arg-type]
        assert router.has_received() == []


@pytest.mark.checklist("CT-C3", "CT-C4")
async def test_a_call_that_waits_for_its_turn_is_not_served_after_its_deadline(autojump_clock: trio.abc.Clock) -> None:
    served: list[str] = []

    async def work(name: str) -> None:
        served.append(name)
        await trio.sleep(3)

    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        nursery.start_soon(
            functools.partial(session.register, "com.example", work, concurrency=1, forward_timeout=True)
        )
        register = await router.expect(Register)
        router.send(Registered(register.request_id, 7))
        router.send(Invocation(1, 7, {}, ["first"]), Invocation(2, 7, {"timeout": 300}, ["second"]))
        assert (await router.expect(Yield)).request_id == 1
        error = await router.expect(Error)
        assert (error.request_id, error.error) == (2, "wamp.error.timeout")
        assert served == ["first"]


@pytest.mark.checklist("CT-C4")
async def test_the_router_keeps_the_time_of_calls_that_wait_for_their_turn() -> None:
    async def work() -> None: ...

    async with open_scripted_router() as router, router.open_session() as session, trio.open_nursery() as nursery:
        nursery.start_soon(functools.partial(session.register, "com.example", work, concurrency=1))
        register = await router.expect(Register)
        assert register.options == {}
        router.send(Registered(register.request_id, 7))


@pytest.mark.checklist("ER-C1")
async def test_a_handler_is_told_whether_the_event_was_retained() -> None:
    async with (
        open_router() as router,
        router.open_session(realm="realm1") as publisher,
        router.open_session(realm="realm1") as session,
    ):
        await publisher.with_options(retain=True, acknowledge=True).publish("com.example", 1)
        async with session.open_subscription("com.example", get_retained=True) as events:
            await publisher.publish("com.example", 2)
            assert [(event.args, event.is_retained) for event in [await anext(events) for _ in range(2)]] == [
                ((1,), True),
                ((2,), False),
            ]
