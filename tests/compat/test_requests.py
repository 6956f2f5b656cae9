"""Calls, publications, registrations and subscriptions: argument orders, options, cancelling, time-outs, late answers."""

from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp import message
from trowamp_compat.wamp.error import CanceledError
from trowamp_compat.wamp.exception import ApplicationError, CallTimeoutError, InvalidUriError, TransportLost
from trowamp_compat.wamp.types import CallOptions, CallResult, PublishOptions, RegisterOptions, SubscribeOptions

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, on_both, run_on_asyncio, turn, until


class Calculator:
    """An object with decorated methods."""

    @wamp.procedure("com.calculator.add")
    def add(self, a: int, b: int) -> int:
        return a + b

    @wamp.procedure("com.calculator.square")
    def square(self, x: int) -> int:
        return x * x

    @wamp.topic("com.calculator.on_reset")
    def on_reset(self) -> None:
        """Forget everything."""


@on_both
@pytest.mark.autobahn("C-1", "S-63", "W-23")
def test_function_and_uri_come_in_either_order(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        await session.register(print, "com.example.first")
        await session.register("com.example.second", print)
        await session.subscribe(print, "com.example.first")
        await session.subscribe("com.example.second", print)
        assert [sent.procedure for sent in router.of(message.Register)] == ["com.example.first", "com.example.second"]
        assert [sent.topic for sent in router.of(message.Subscribe)] == ["com.example.first", "com.example.second"]

    run(scenario)


@on_both
@pytest.mark.autobahn("C-1", "W-23")
def test_what_has_no_uri_is_refused_and_not_silently_passed_over(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        for target in (print, object(), "com.example.uri"):
            with pytest.raises(TypeError):
                session.register(target)
            with pytest.raises(TypeError):
                session.subscribe(target)
        with pytest.raises(AssertionError):
            session.register(object(), "com.example.uri")
        assert len(router.sent) == 1

    run(scenario)


@on_both
@pytest.mark.autobahn("C-3", "C-8", "S-65", "S-66", "S-49")
def test_a_decorated_function_is_registered_under_its_uris_also_with_other_options(run: Run) -> None:
    @wamp.procedure("com.example.one")
    @wamp.register("com.example.two")
    def function() -> None:
        """Do nothing."""

    @wamp.topic("com.example.topic")
    def handler() -> None:
        """Do nothing."""

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registrations = await session.register(function, options=RegisterOptions(invoke="roundrobin"))
        assert {each.procedure for each in registrations} == {"com.example.one", "com.example.two"}
        assert {sent.invoke for sent in router.of(message.Register)} == {"roundrobin"}
        subscription = await session.subscribe(handler, options=SubscribeOptions(get_retained=True))
        assert (subscription.topic, router.of(message.Subscribe)[0].get_retained) == ("com.example.topic", True)

    run(scenario)


@on_both
@pytest.mark.autobahn("C-7", "S-67", "S-64")
def test_a_whole_object_is_registered_and_its_futures_can_be_gathered_both_ways(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        together = await session.register(Calculator())
        one_by_one = await kit.face.gather(session.register(Calculator(), prefix="de."), consume_exceptions=False)
        uris = ["com.calculator.add", "com.calculator.square"]
        assert [each.procedure for each in together] == uris
        assert [each.procedure for each in one_by_one] == [f"de.{uri}" for uri in uris]
        (subscription,) = await session.subscribe(Calculator())
        assert subscription.topic == "com.calculator.on_reset"
        assert len(router.of(message.Register)) == 4

    run(scenario)


@on_both
@pytest.mark.autobahn("C-7")
def test_of_an_object_that_is_registered_in_part_the_errors_stand_in_the_list(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        agree = router.answers[message.Register]
        refuse = lambda sent: message.Error(64, sent.request, "wamp.error.procedure_already_exists")  # noqa: E731
        router.answers[message.Register] = lambda sent: (refuse if "square" in sent.procedure else agree)(sent)
        registration, failure = await session.register(Calculator())
        assert registration.procedure == "com.calculator.add"
        assert getattr(failure, "value", failure).error == "wamp.error.procedure_already_exists"

    run(scenario)


@on_both
@pytest.mark.autobahn("C-2", "S-68")
def test_registrations_and_subscriptions_are_ended_by_session_or_by_themselves(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        first = await session.register(print, "com.example.first")
        second = await session.register(print, "com.example.second")
        await session.unregister(first)
        await second.unregister()
        assert [sent.registration for sent in router.of(message.Unregister)] == [first.id, second.id]
        assert not first.active
        with pytest.raises(Exception, match="no longer active"):
            first.unregister()
        third = await session.subscribe(print, "com.example.first")
        assert await session.unsubscribe(third) == 0
        assert (third.active, session._registrations, session._subscriptions) == (False, {}, {})

    run(scenario)


@on_both
def test_handlers_of_one_topic_share_an_id_and_the_last_one_unsubscribes(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        router.answers[message.Subscribe] = lambda sent: message.Subscribed(sent.request, 7)
        first = await session.subscribe(print, "com.example.topic")
        second = await session.subscribe(print, "com.example.topic")
        assert (await first.unsubscribe(), len(router.of(message.Unsubscribe))) == (1, 0)
        assert (await second.unsubscribe(), len(router.of(message.Unsubscribe))) == (0, 1)

    run(scenario)


@on_both
@pytest.mark.autobahn("C-10", "S-71", "S-51")
def test_options_may_be_the_last_positional_argument(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        session.publish("com.example.topic", 1, PublishOptions(exclude=[2]))
        await session.call("com.example.procedure", 1, CallOptions(timeout=2))
        assert (router.of(message.Publish)[0].args, router.of(message.Publish)[0].exclude) == ((1,), [2])
        assert (router.of(message.Call)[0].args, router.of(message.Call)[0].timeout) == ((1,), 2000)

    run(scenario)


@on_both
@pytest.mark.autobahn("C-4", "S-61", "W-16")
def test_progressive_results_come_to_either_name_and_to_nobody_who_did_not_ask(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        seen: list[Any] = []
        one = session.call(
            "com.example.procedure", options=CallOptions(on_progress=lambda *a, **k: seen.append((a, k)))
        )
        other = session.call(
            "com.example.procedure", options=CallOptions(onProgress=lambda *a, **k: seen.append((a, k)))
        )
        silent = session.call("com.example.procedure")
        for request in (1, 2, 3):
            router.say(
                message.Result(request, args=[request], kwargs={"callee": 5}, progress=True),
                message.Result(request, args=["done"]),
            )
        assert [await future for future in (one, other, silent)] == ["done"] * 3
        assert seen == [((1,), {"callee": 5}), ((2,), {"callee": 5})]
        assert router.of(message.Call)[0].receive_progress is True

    run(scenario)


@on_both
@pytest.mark.autobahn("W-16")
def test_with_details_a_result_is_always_a_call_result(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure", options=CallOptions(details=True))
        router.say(message.Result(1, callee=9))
        result = await waiting
        assert isinstance(result, CallResult)
        assert (result.results, result.kwresults, result.callee) == ((), {}, 9)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-17", "C-24")
def test_keywords_of_a_payload_may_have_the_names_of_metadata(run: Run) -> None:
    payload = {"callee": 1, "enc_algo": "x", "forward_for": [], "procedure": "p", "topic": "t", "error": "e", "self": 2}

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        result = await session.call("com.example.procedure", **payload)
        assert (result.kwresults, result.callee) == (payload, None)
        session.publish("com.example.topic", **payload)
        assert router.of(message.Publish)[0].kwargs == payload
        router.answers[message.Call] = lambda sent: message.Error(
            48, sent.request, "com.example.error", kwargs=dict(payload)
        )
        with pytest.raises(ApplicationError) as caught:
            await session.call("com.example.procedure")
        assert (caught.value.error, caught.value.kwargs) == ("com.example.error", payload)

    run(scenario)


def test_a_task_that_is_cancelled_in_a_call_goes_on_when_cancel_has_been_sent() -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        sent: list[Any] = []

        async def work() -> None:
            try:
                await session.call("com.example.procedure")
            finally:
                sent.extend(router.of(message.Cancel))

        task = asyncio.ensure_future(work())
        await turn(kit)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [cancel.request for cancel in sent] == [1]

    run_on_asyncio(scenario)


@on_both
@pytest.mark.parametrize("is_answered", [False, True])
def test_a_call_that_was_cancelled_before_the_connection_was_lost_cancels_none_of_the_next_session(
    run: Run, is_answered: bool
) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        given_up = session.call("com.example.procedure")
        given_up.cancel()
        if is_answered:
            router.say(message.Result(1, args=["too late"]))
        session.onClose(False)
        router = FakeRouter(kit, message.Call)
        router.open(session)
        waiting = session.call("com.example.procedure", 7)
        await turn(kit)
        assert router.of(message.Cancel) == []
        router.say(message.Result(1, args=[7]))
        assert await waiting == 7
        with pytest.raises(kit.face.canceled):
            await given_up

    run(scenario)


@on_both
def test_a_call_whose_answer_waits_behind_its_parts_cancels_none_of_the_next_session(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        part = kit.face.create_future()
        given_up = session.call("com.example.procedure", options=CallOptions(on_progress=lambda _: part))
        router.say(message.Result(1, args=[1], progress=True), message.Result(1, args=[2]))
        session.onClose(False)
        router = FakeRouter(kit, message.Call)
        router.open(session)
        waiting = session.call("com.example.procedure", 7)
        given_up.cancel()
        await turn(kit)
        assert router.of(message.Cancel) == []
        router.say(message.Result(1, args=[7]))
        assert await waiting == 7
        kit.face.resolve(part)
        with pytest.raises(kit.face.canceled):
            await given_up

    run(scenario)


def test_a_call_whose_future_the_program_ends_goes_on() -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure")
        waiting.set_result("mine")
        await turn(kit)
        router.say(message.Result(1, args=["the result"]))
        assert (await waiting, router.of(message.Cancel)) == ("mine", [])

    run_on_asyncio(scenario)


def test_a_session_whose_loop_is_closed_ends_its_calls() -> None:
    left: list[Any] = []

    async def scenario(kit: Kit) -> None:
        _, session = joined(kit, message.Call)
        left.extend((session, session.call("com.example.procedure")))

    run_on_asyncio(scenario)
    session, waiting = left
    session.onClose(False)
    assert isinstance(waiting.exception(), TransportLost)


@on_both
def test_a_call_that_took_too_long_is_cancelled_once(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        with pytest.raises(CallTimeoutError):
            await session.call("com.example.procedure", options=CallOptions(timeout=0.01, cancel_mode="kill"))
        await turn(kit)
        assert [sent.mode for sent in router.of(message.Cancel)] == ["kill"]

    run(scenario)


@on_both
def test_a_call_that_has_ended_in_any_other_way_is_not_cancelled(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        failed, first, second = (session.call("com.example.procedure") for _ in range(3))
        router.say(message.Error(48, 1, "com.example.error"))
        session._take([message.Result(2, args=[2]).to_core(), message.Result(3, args=[3]).to_core()])
        with pytest.raises(ApplicationError):
            await failed
        assert (await first, await second) == (2, 3)
        second.cancel()
        await turn(kit)
        assert router.of(message.Cancel) == []

    run(scenario)


@on_both
@pytest.mark.autobahn("C-12", "S-59", "W-10")
def test_cancelling_a_call_sends_cancel_with_a_mode(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        plain = session.call("com.example.procedure")
        killed = session.call("com.example.procedure", options=CallOptions(cancel_mode="kill"))
        plain.cancel()
        killed.cancel()
        await turn(kit)
        assert [(sent.request, sent.mode) for sent in router.of(message.Cancel)] == [(1, "killnowait"), (2, "kill")]
        with pytest.raises(asyncio.CancelledError if kit.name == "asyncio" else CanceledError):
            await plain
        router.say(message.Error(48, 2, "wamp.error.canceled"))
        with pytest.raises(kit.face.canceled):
            await killed

    run(scenario)


@on_both
@pytest.mark.autobahn("C-12")
def test_a_call_that_the_callee_cancels_fails_with_canceled_error(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure")
        router.say(message.Error(48, 1, "wamp.error.canceled"))
        with pytest.raises(CanceledError):
            await waiting

    run(scenario)


@on_both
@pytest.mark.autobahn("C-11", "S-60", "W-11")
def test_a_call_times_out_here_and_the_router_is_told(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure", options=CallOptions(timeout=0.01))
        with pytest.raises(builtins.TimeoutError) as caught:
            await waiting
        assert isinstance(caught.value, ApplicationError)
        assert caught.value.error == "wamp.error.timeout"
        assert (router.of(message.Call)[0].timeout, len(router.of(message.Cancel))) == (10, 1)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-8")
def test_a_registration_that_nobody_waits_for_any_more_is_undone(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Register, message.Subscribe)
        for waiting in (
            session.register(print, "com.example.procedure"),
            session.subscribe(print, "com.example.topic"),
        ):
            waiting.cancel()
            with pytest.raises(kit.face.canceled):
                await waiting
        router.say(message.Registered(1, 11), message.Subscribed(2, 22))
        assert router.of(message.Unregister)[0].registration == 11
        assert router.of(message.Unsubscribe)[0].subscription == 22
        router.invoke(type("Registration", (), {"id": 11}))  # crossed the UNREGISTER on its way
        router.say(message.Event(22, 5))
        assert router.of(message.Error)[0].error == "wamp.error.unavailable"
        assert session.is_attached()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-50", "S-58")
def test_what_is_no_uri_is_refused_at_once_and_what_the_router_refuses_fails(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        wrong: list[tuple[Any, ...]] = [
            (session.call, "com..example"),
            (session.publish, "com.exam ple"),
            (session.register, print, "com.#"),
        ]
        for request, *args in wrong:
            with pytest.raises(InvalidUriError):
                request(*args)
        router.answers[message.Register] = lambda sent: message.Error(64, sent.request, "wamp.error.not_authorized")
        with pytest.raises(ApplicationError, match="not_authorized"):
            await session.register(print, "com.example.procedure")

    run(scenario)


@on_both
@pytest.mark.autobahn("S-54")
def test_results_are_the_futures_of_the_framework(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        _, session = joined(kit)
        future = session.call("com.example.echo", 3)
        seen: list[Any] = []
        if kit.name == "asyncio":
            assert isinstance(future, asyncio.Future)
            future.add_done_callback(lambda future: seen.append(future.result()))
        else:
            from twisted.internet.defer import Deferred

            assert isinstance(future, Deferred)
            future.addCallback(lambda value, extra: value + extra, 4).addCallbacks(lambda value: seen.append(value - 4))
        await until(kit, lambda: seen)
        assert seen == [3]

    run(scenario)


@on_both
def test_exceptions_that_are_defined_travel_both_ways(run: Run) -> None:
    @wamp.error("com.example.error.decorated")
    class Decorated(Exception):
        pass

    class Plain(Exception):
        pass

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        session.onUserError = lambda fail, msg: None
        session.define(Decorated)
        session.define(Plain, "com.example.error.plain")
        for wrong in ((Decorated, "com.example.other"), (ValueError,)):
            with pytest.raises(RuntimeError):
                session.define(*wrong)
        waiting = session.call("com.example.procedure")
        router.say(message.Error(48, 1, "com.example.error.decorated", args=[1]))
        with pytest.raises(Decorated) as caught:
            await waiting
        assert caught.value.args == (1,)

        def fail() -> None:
            raise Plain("because")

        registration = await session.register(fail, "com.example.procedure")
        router.invoke(registration)
        sent = router.of(message.Error)[0]
        assert (sent.error, sent.args) == ("com.example.error.plain", ("because",))

    run(scenario)


@on_both
def test_an_error_whose_class_cannot_be_constructed_arrives_all_the_same(run: Run) -> None:
    @wamp.error("com.example.error.picky")
    class Picky(Exception):
        def __init__(self) -> None:
            super().__init__()

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        told: list[str] = []
        session.onUserError = lambda fail, msg: told.append(msg)
        session.define(Picky)
        waiting = session.call("com.example.procedure")
        router.say(message.Error(48, 1, "com.example.error.picky", args=[1]))
        with pytest.raises(ApplicationError) as caught:
            await waiting
        assert (caught.value.error, caught.value.args, len(told)) == ("com.example.error.picky", (1,), 1)

    run(scenario)
