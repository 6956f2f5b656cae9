"""What the guides write with sessions, as they write it: futures in chains, several at once, objects, errors; with a router."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp import message
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.types import (
    CallDetails,
    CallOptions,
    CallResult,
    Invocation,
    PublishOptions,
    RegisterOptions,
    Registration,
    SubscribeOptions,
)

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, join, on_both, transport, turn, until

ACKNOWLEDGED = PublishOptions(acknowledge=True)


@on_both
@pytest.mark.autobahn("S-46", "S-55", "S-57")
def test_a_call_has_arguments_of_any_shape_and_none_one_or_several_results(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        for args, kwargs, shape in [
            ((), {}, None),
            ((7,), {}, 7),
            ((None,), {}, None),
            (([1, 2],), {}, [1, 2]),
            ((1, 2), {}, CallResult(1, 2)),
            ((), {"x": 1}, CallResult(x=1)),
            ((1, 2), {"x": 1}, CallResult(1, 2, x=1)),
        ]:
            result = await session.call("com.example.echo", *args, **kwargs)
            (sent,) = router.of(message.Call)[-1:]
            assert (sent.args or (), sent.kwargs or {}) == (args, kwargs)
            assert type(result) is type(shape)
            if isinstance(result, CallResult):
                assert (result.results, result.kwresults) == (args, kwargs)
            else:
                assert result == shape

    run(scenario)


@on_both
@pytest.mark.autobahn("S-49", "S-45", "S-47")
def test_whatever_can_be_called_can_be_registered_and_subscribed(run: Run) -> None:
    class Object:
        def method(self, x: int) -> int:
            return note("method", x)

        def __call__(self, x: int) -> int:
            return note("object", x)

        @staticmethod
        def static(x: int) -> int:
            return note("static", x)

    noted: list[Any] = []

    def note(what: str, x: int) -> int:
        noted.append((what, x))
        return x

    def local(x: int) -> int:
        return note("local", x)

    async def scenario(kit: Kit) -> None:
        noted.clear()
        router, session = joined(kit)
        callables = [local, Object().method, Object(), Object.static, lambda x: note("lambda", x)]
        callables.append(functools.partial(note, "partial"))
        for each in callables:
            registration = await session.register(each, "com.example.procedure")
            router.invoke(registration, 1)
            subscription = await session.subscribe(each, "com.example.topic")
            router.say(message.Event(subscription.id, 1, args=[2]))
        names = ["local", "method", "object", "static", "lambda", "partial"]
        assert noted == [(name, x) for name in names for x in (1, 2)]
        assert [sent.args for sent in router.of(message.Yield)] == [(1,)] * 6

    run(scenario)


@on_both
@pytest.mark.autobahn("S-45", "S-47", "C-5", "S-70")
def test_arguments_have_the_documented_names_and_options_win_over_injection(run: Run) -> None:
    def by_class(x: int, told: Any = CallDetails, invocation: Any = None) -> list[Any]:
        return [x, told is CallDetails, type(invocation).__name__]

    an_instance = Invocation(Registration(None, 1, "com.example.procedure", None))

    def with_an_instance(x: int, invocation: Any = an_instance) -> list[Any]:
        return [x, invocation.caller]

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        options = RegisterOptions(details_arg="invocation")
        chosen = await session.register(
            endpoint=by_class, procedure="procedure", options=options, prefix="com.example.", check_types=False
        )
        plain = await session.register(with_an_instance, "com.example.instance")
        assert chosen.procedure == "com.example.procedure"
        router.invoke(chosen, 1, caller=7)
        router.invoke(plain, 1, caller=7)
        assert [sent.args for sent in router.of(message.Yield)] == [([1, True, "CallDetails"],), ([1, None],)]
        subscription = await session.subscribe(
            handler=print, topic="com.example.topic", options=SubscribeOptions(), check_types=True
        )
        assert subscription.topic == "com.example.topic"

    run(scenario)


@on_both
@pytest.mark.autobahn("S-47", "W-19")
def test_no_event_from_before_the_subscription_is_delivered_and_none_after_it_is_lost(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Subscribe)
        heard: list[Any] = []
        waiting = session.subscribe(heard.append, "com.example.topic")
        router.say(message.Event(22, 1, args=["before"]))
        router.say(message.Subscribed(1, 22), message.Event(22, 2, args=["after"]))
        assert heard == ["after"]
        assert (await waiting).active

    run(scenario)


@on_both
@pytest.mark.autobahn("S-50", "S-58")
def test_every_request_can_fail_with_an_application_error(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registration = await session.register(print, "com.example.procedure")
        subscription = await session.subscribe(print, "com.example.topic")
        requests: list[tuple[Any, Any]] = [
            (message.Call, lambda: session.call("com.example.procedure")),
            (message.Register, lambda: session.register(print, "com.example.other")),
            (message.Subscribe, lambda: session.subscribe(print, "com.example.other")),
            (message.Publish, lambda: session.publish("com.example.topic", options=ACKNOWLEDGED)),
            (message.Unregister, lambda: session.unregister(registration)),
            (message.Unsubscribe, lambda: session.unsubscribe(subscription)),
        ]
        for kind, request in requests:
            router.answers[kind] = lambda sent: message.Error(
                sent.MESSAGE_TYPE, sent.request, "wamp.error.not_authorized", args=["no"], kwargs={"why": "so"}
            )
            with pytest.raises(ApplicationError) as caught:
                await request()
            error = caught.value
            assert (error.error, error.args, error.kwargs) == ("wamp.error.not_authorized", ("no",), {"why": "so"})
        assert session.publish("com.example.topic") is None  # whatever the router thinks of it
        assert session.is_attached()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-50", "S-51", "S-52", "S-58")
def test_routers_refuse_a_second_registration_share_calls_and_keep_events_from_their_publisher(
    run: Run, router_url: str
) -> None:
    async def scenario(kit: Kit) -> None:
        first, second = [await join(kit, transport(router_url)) for _ in range(2)]
        heard: list[Any] = []
        await first.register(print, "com.example.idioms.once")
        with pytest.raises(ApplicationError) as caught:
            await second.register(print, "com.example.idioms.once")
        assert caught.value.error == ApplicationError.PROCEDURE_ALREADY_EXISTS
        for name, session in (("first", first), ("second", second)):
            await session.register(
                functools.partial(str, name), "com.example.idioms.shared", RegisterOptions(invoke="roundrobin")
            )
            await session.subscribe(
                functools.partial(lambda name, x: heard.append((name, x)), name), "com.example.idioms"
            )
        assert [await first.call("com.example.idioms.shared") for _ in range(4)] == ["first", "second"] * 2
        for number, options in enumerate(
            [
                ACKNOWLEDGED,
                PublishOptions(acknowledge=True, exclude_me=False),
                PublishOptions(acknowledge=True, exclude=[second.session_id], exclude_me=False),
                PublishOptions(acknowledge=True, eligible=[second.session_id]),
                PublishOptions(acknowledge=True, eligible_authrole="nobody"),
            ]
        ):
            await first.publish("com.example.idioms", number, options=options)
        await until(kit, lambda: len(heard) == 5)
        await turn(kit)
        assert sorted(heard) == [("first", 1), ("first", 2), ("second", 0), ("second", 1), ("second", 3)]
        first.publish("com.example.idioms", "retained", options=PublishOptions(retain=True))
        await second.subscribe(heard.append, "com.example.idioms", SubscribeOptions(get_retained=True))
        await until(kit, lambda: "retained" in heard)
        for session in (first, second):
            await session.leave()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-54", "S-56")
def test_futures_are_chained_and_gathered_as_the_framework_does_it(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        echo = [session.call("com.example.echo", i) for i in range(6)]
        assert [sent.args for sent in router.of(message.Call)] == [(i,) for i in range(6)]
        seen: list[Any] = []
        answers: list[Any] = [message.Result(i + 1, args=[i]) for i in range(5)]
        answers.append(message.Error(48, 6, "com.example.error"))
        await (chained_on_asyncio if kit.name == "asyncio" else chained_on_twisted)(echo, seen, router, answers)
        await until(kit, lambda: len(seen) == 6)
        assert seen[0] == "second first"  # as they arrive
        assert sorted(seen[1:], key=str) == sorted(
            [("first", 0), [2, 3], 4, "com.example.error", "callback 0"], key=str
        )

    run(scenario)


async def chained_on_asyncio(echo: list[Any], seen: list[Any], router: FakeRouter, answers: list[Any]) -> None:
    echo[1].add_done_callback(lambda future: seen.append("second first"))
    echo[0].add_done_callback(functools.partial(lambda extra, future: seen.append((extra, future.result())), "first"))
    echo[0].add_done_callback(lambda future: seen.append(f"callback {future.result()}"))
    gathered = asyncio.gather(*echo[2:4])
    router.say(answers[1], answers[0], *answers[2:])
    seen_later: list[Any] = [await gathered]
    done, pending = await asyncio.wait([echo[4]])
    assert not pending
    seen_later.append(done.pop().result())
    try:
        await echo[5]
    except ApplicationError as error:
        seen_later.append(error.error)
    seen.extend(seen_later)


async def chained_on_twisted(echo: list[Any], seen: list[Any], router: FakeRouter, answers: list[Any]) -> None:
    from twisted.internet.defer import gatherResults, inlineCallbacks

    echo[1].addCallback(lambda _: seen.append("second first"))

    def told(value: Any, extra: str) -> Any:
        seen.append((extra, value))
        return value

    echo[0].addCallback(told, "first")
    echo[0].addCallback(lambda value: seen.append(f"callback {value}"))
    gatherResults(echo[2:4]).addCallback(seen.append)

    def waiting() -> Any:
        seen.append((yield echo[4]))

    inline: Any = inlineCallbacks
    inline(waiting)()
    echo[5].addCallbacks(seen.append, lambda failure: seen.append(failure.value.error))
    router.say(answers[1], answers[0], *answers[2:])


@on_both
@pytest.mark.autobahn("S-64", "S-67", "C-7")
def test_the_futures_of_an_object_are_gathered_as_the_framework_does_it(run: Run) -> None:
    class Calculator:
        @wamp.register("com.calculator.add")
        def add(self, x: int, y: int) -> int:
            return x + y

        @wamp.register("com.calculator.subtract")
        def subtract(self, x: int, y: int) -> int:
            return x - y

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        if kit.name == "asyncio":
            registrations = await asyncio.gather(*session.register(Calculator()))
        else:
            from twisted.internet.defer import gatherResults

            registrations = await gatherResults(session.register(Calculator()))
        for registration in registrations:
            router.invoke(registration, 5, 3)
        assert [sent.args for sent in router.of(message.Yield)] == [(8,), (2,)]
        together = await session.register(Calculator())
        assert [each.procedure for each in together] == ["com.calculator.add", "com.calculator.subtract"]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-62", "C-13")
def test_a_distributed_call_says_on_the_wire_where_to_run(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, transport(router_url, serializer="json"))
        connection = session.transport
        written: list[bytes] = []
        write = connection._write

        def noted(data: bytes) -> None:
            written.append(data)
            write(data)

        connection._write = noted
        for options in (CallOptions(runAt="all"), CallOptions(runAt="partition", pkey="joe")):
            with pytest.raises(ApplicationError, match="no_such_procedure"):
                await session.call("com.example.nothing", options=options)
        assert b'{"runmode":"all"}' in written[0]
        assert b'{"runmode":"partition","rkey":"joe"}' in written[1]
        await session.leave()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-79", "S-84")
def test_an_on_connect_without_join_leaves_the_session_unjoined(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        class Quiet(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onConnect(self) -> None:
                """Say nothing."""

        router, session = joined(kit, cls=Quiet)
        assert (router.sent, session.is_connected(), session.is_attached()) == ([], True, False)
        assert callable(session.log.info)
        session.join("realm2")
        assert (router.of(message.Hello)[0].realm, session.is_attached()) == ("realm2", True)
        plain = kit.wamp.ApplicationSession()
        assert plain.config.realm is None or isinstance(plain.config.realm, str)

    run(scenario)
