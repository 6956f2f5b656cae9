"""Procedures: what they get, how they answer, how they are stopped; patterns of URIs that bind."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat import wamp
from trowamp_compat.wamp import message
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.types import (
    CallDetails,
    CallResult,
    EventDetails,
    Invocation,
    RegisterOptions,
    SubscribeOptions,
)

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, on_both, until


async def answers(kit: Kit, router: FakeRouter, count: int = 1) -> list[Any]:
    """Wait for answers to invocations: each as what it is, without the request id."""
    found = await until(kit, lambda: all_of(router) if len(all_of(router)) >= count else None)
    return [(each.error, *(each.args or ())) if type(each) is message.Error else [*(each.args or ())] for each in found]


def all_of(router: FakeRouter) -> list[Any]:
    return [each for each in router.sent if type(each) in (message.Yield, message.Error)]


@on_both
@pytest.mark.autobahn("C-5", "S-70", "S-52")
def test_details_go_to_the_parameter_whose_default_is_their_class_or_that_the_options_name(run: Run) -> None:
    def by_class(x: int, invocation: Any = Invocation) -> list[Any]:
        return [x, type(invocation) is Invocation, invocation.caller, invocation.procedure]

    def by_other_class(x: int, told: Any = CallDetails) -> list[Any]:
        return [x, type(told) is CallDetails, told.caller, told.progress]

    def by_name(x: int, details: Any = None) -> list[Any]:
        return [x, details.caller_authid, details.registration.procedure]

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        for function, options in (
            (by_class, None),
            (by_other_class, None),
            (by_name, RegisterOptions(details_arg="details")),
            (by_name, RegisterOptions(details=True)),
        ):
            registration = await session.register(function, "com.example.procedure", options)
            router.invoke(registration, 1, caller=7, caller_authid="joe", procedure="com.example.procedure")
        assert await answers(kit, router, 4) == [
            [[1, True, 7, "com.example.procedure"]],
            [[1, True, 7, None]],
            [[1, "joe", "com.example.procedure"]],
            [[1, "joe", "com.example.procedure"]],
        ]

    run(scenario)


@on_both
@pytest.mark.autobahn("C-6", "C-35", "S-69")
def test_a_generator_is_driven_and_its_progress_can_be_sent_whether_or_not_it_is_wanted(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)

        def longop(n: int, invocation: Any = Invocation) -> Any:
            for i in range(n):
                invocation.progress(i)
                waiting = kit.face.create_future()
                kit.face.call_soon(kit.face.resolve, waiting, None)
                yield waiting
            return n

        registration = await session.register(longop, "com.example.longop")
        router.invoke(registration, 2)
        assert await answers(kit, router) == [[2]]
        router.invoke(registration, 2, receive_progress=True)
        assert await answers(kit, router, 4) == [[2], [0], [1], [2]]
        assert [each.progress for each in all_of(router)] == [None, True, True, None]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-15")
def test_procedures_are_functions_coroutines_futures_and_objects(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)

        class Adder:
            def __call__(self, x: int) -> int:
                return x + 1

            def method(self, x: int) -> int:
                return x + 2

        async def coroutine(x: int) -> CallResult:
            return CallResult(x, x, y=x)

        def future(x: int) -> Any:
            made = kit.face.create_future()
            kit.face.call_soon(kit.face.resolve, made, x + 4)
            return made

        for function in (Adder(), Adder().method, coroutine, future):
            registration = await session.register(function, "com.example.procedure")
            router.invoke(registration, 1)
        got = await answers(kit, router, 4)
        assert sorted(map(str, got)) == ["[1, 1]", "[2]", "[3]", "[5]"]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-77")
def test_what_a_procedure_raises_is_the_answer_and_is_told_to_on_user_error(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        told: list[Any] = []
        session.onUserError = lambda fail, msg: told.append(fail.value)

        def application_error() -> None:
            raise ApplicationError("com.example.error", 1, reason=2)

        async def value_error() -> None:
            raise ValueError("wrong")

        def unsendable() -> None:
            raise ApplicationError("not a uri")

        for function in (application_error, value_error, unsendable):
            router.invoke(await session.register(function, "com.example.procedure"))
        assert sorted(await answers(kit, router, 3)) == [
            ("com.example.error", 1),
            ("wamp.error.invalid_uri", "the error's URI: 'not a uri'"),
            ("wamp.error.runtime_error", "wrong"),
        ]
        assert sorted(type(error).__name__ for error in told) == ["ApplicationError", "ApplicationError", "ValueError"]
        session.traceback_app = True
        router.invoke(await session.register(application_error, "com.example.procedure"))
        assert "application_error" in "".join(router.of(message.Error)[-1].kwargs["traceback"])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-14")
def test_an_interrupted_invocation_answers_canceled(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        stopped: list[str] = []

        async def forever() -> None:
            stopped.append("started")
            try:
                await kit.face.create_future()
            finally:
                stopped.append("stopped")

        registration = await session.register(forever, "com.example.forever")
        request = router.invoke(registration)
        await until(kit, lambda: stopped)
        router.say(message.Interrupt(request, mode="kill"))
        assert await answers(kit, router) == [("wamp.error.canceled",)]
        assert stopped == ["started", "stopped"]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-14")
def test_what_runs_is_stopped_when_the_transport_is_lost_and_answers_nobody(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        errors: list[Any] = []
        session.onUserError = lambda fail, msg: errors.append(fail)
        running = kit.face.create_future()
        registration = await session.register(lambda: running, "com.example.forever")
        router.invoke(registration)
        router.close()
        assert kit.face.is_done(running)
        await until(kit, lambda: not session._running)
        assert (all_of(router), errors) == ([], [])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-11")
def test_a_procedure_is_stopped_when_the_time_of_the_call_is_over(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registration = await session.register(kit.face.create_future, "com.example.forever")
        router.invoke(registration, timeout=1)
        assert await answers(kit, router) == [("wamp.error.timeout",)]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-16")
def test_progress_after_the_answer_goes_nowhere(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        kept: list[Any] = []

        async def procedure(details: Any = CallDetails) -> int:
            kept.append(details)
            return 1

        router.invoke(await session.register(procedure, "com.example.procedure"), receive_progress=True)
        assert await answers(kit, router) == [[1]]
        kept[0].progress(2)
        router.close()
        kept[0].progress(3)
        assert await answers(kit, router) == [[1]]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-29")
def test_an_invocation_or_event_for_nothing_known_does_not_end_the_session(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        router.say(message.Event(5, 6), message.Invocation(1, 99))
        assert (await answers(kit, router))[0][0] == "wamp.error.unavailable"
        assert session.is_attached()

    run(scenario)


@on_both
@pytest.mark.autobahn("C-9", "S-73", "S-75", "S-72")
@pytest.mark.parametrize(
    ("uri", "called", "wire", "bound"),
    [
        (
            "com.example.task.<task>.delete",
            "com.example.task.t1.delete",
            ("wildcard", "com.example.task..delete"),
            "t1",
        ),
        (
            "com.example.task.<int:task>.delete",
            "com.example.task.7.delete",
            ("wildcard", "com.example.task..delete"),
            7,
        ),
        (
            "com.example.task.<task:int>.delete",
            "com.example.task.7.delete",
            ("wildcard", "com.example.task..delete"),
            7,
        ),
        ("com.example.task..delete", "com.example.task.t1.delete", ("wildcard", "com.example.task..delete"), "t1"),
        ("com.example.<suffix:task>", "com.example.a.b.c", ("prefix", "com.example."), "a.b.c"),
        ("com.example.", "com.example.a.b.c", ("prefix", "com.example."), "a.b.c"),
    ],
)
def test_components_of_the_uri_become_arguments_and_the_payload_fills_the_rest(
    run: Run, uri: str, called: str, wire: tuple[str, str], bound: Any
) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)

        @wamp.procedure(uri)
        def procedure(task: Any, title: str, date: str = "today") -> list[Any]:
            return [task, title, date]

        registration = await session.register(procedure)
        router.invoke(registration, "title", procedure=called)
        router.invoke(registration, "title", "tomorrow", procedure=called)
        sent = router.of(message.Register)[0]
        assert (sent.match, sent.procedure) == wire
        assert await answers(kit, router, 2) == [[[bound, "title", "today"]], [[bound, "title", "tomorrow"]]]

    run(scenario)


@on_both
@pytest.mark.autobahn("C-9", "S-72", "S-66")
def test_with_an_explicit_match_nothing_is_bound_unless_the_decorator_shows_the_pattern(run: Run) -> None:
    def plain(invocation: Any = Invocation) -> str:
        return str(invocation.procedure.split(".")[3])

    @wamp.procedure("com.myapp.task..delete")
    def decorated(task: str) -> str:
        return task

    @wamp.subscribe("com.myapp.", options=SubscribeOptions(match="prefix"))
    def raw(*args: Any) -> None:
        events.append(args)

    events: list[Any] = []
    wildcard = RegisterOptions(match="wildcard")

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        events.clear()
        for registration in (
            await session.register(plain, "com.myapp.task..delete", options=wildcard),
            await session.register(decorated, options=wildcard),
        ):
            router.invoke(registration, procedure="com.myapp.task.t130.delete")
        assert await answers(kit, router, 2) == [["t130"], ["t130"]]
        subscription = await session.subscribe(raw)
        router.say(message.Event(subscription.id, 1, args=[5], topic="com.myapp.us"))
        assert (events, router.of(message.Subscribe)[0].match) == ([(5,)], "prefix")

    run(scenario)


CONCERTS = (
    ("com.myapp.us.montana.billings.on_concert", True),
    ("com.myapp.us.newmexico.albuquerque.on_concert", True),
    ("com.myapp.us.montana.billings", False),
    ("com.myapp.us.montana.billings.on_challenge", False),
    ("com.myapp.us.newmexico.albuquerque.citycenter.on_concert", False),
)


@on_both
@pytest.mark.autobahn("S-73", "S-74", "S-76")
def test_handlers_get_the_components_of_the_topic(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        seen: list[Any] = []
        session.onUserError = lambda fail, msg: seen.append("does not match")

        @wamp.topic("com.myapp.<country>.<state>.<city>.on_concert")
        def on_concert(country: str, state: str, city: str, title: str, date: str) -> None:
            seen.append((country, state, city, title, date))

        @wamp.topic("com.myapp.us.<suffix:path>")
        def on_us_event(path: str, title: str) -> None:
            seen.append((path, title))

        concerts = await session.subscribe(on_concert)
        for topic, matches in CONCERTS:
            router.say(message.Event(concerts.id, 1, args=["Powerhour", "2014"], topic=topic))
            place = tuple(topic.split(".")[2:5])
            assert seen.pop() == ((*place, "Powerhour", "2014") if matches else "does not match")
        everything = await session.subscribe(on_us_event)
        router.say(message.Event(everything.id, 1, args=["Powerhour"], topic=CONCERTS[4][0]))
        assert seen == [("newmexico.albuquerque.citycenter.on_concert", "Powerhour")]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-18")
def test_handlers_of_one_event_do_not_see_each_others_changes(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        router.answers[message.Subscribe] = lambda sent: message.Subscribed(sent.request, 7)
        seen: list[Any] = []
        told: list[str] = []
        session.onUserError = lambda fail, msg: told.append(msg)
        subscriptions: list[Any] = []

        def first(*args: Any, **kwargs: Any) -> None:
            seen.append(("first", sorted(kwargs)))
            kwargs["more"] = True
            subscriptions[0].unsubscribe()

        def second(*args: Any, **kwargs: Any) -> None:
            seen.append(("second", sorted(kwargs)))
            raise RuntimeError("broken")

        def third(*args: Any, **kwargs: Any) -> None:
            seen.append(("third", sorted(kwargs)))

        subscriptions.append(
            await session.subscribe(first, "com.example.topic", SubscribeOptions(details_arg="details"))
        )
        await session.subscribe(second, "com.example.topic")
        await session.subscribe(third, "com.example.topic")
        router.say(message.Event(7, 1, args=[1], kwargs={"a": 1}))
        router.say(message.Event(7, 2, args=[1], kwargs={"a": 1}))
        assert seen == [
            ("first", ["a", "details"]),
            ("second", ["a"]),
            ("third", ["a"]),
            ("second", ["a"]),
            ("third", ["a"]),
        ]
        assert len(told) == 2
        assert all("second" in text for text in told)

    run(scenario)


@on_both
def test_a_handler_gets_event_details(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        seen: list[Any] = []
        subscription = await session.subscribe(
            lambda x, details=EventDetails: seen.append((x, details)), "com.example.topic"
        )
        router.say(message.Event(subscription.id, 5, args=[1], publisher=8, retained=True))
        (_, details) = seen[0]
        assert (details.publication, details.publisher, details.retained, details.topic) == (
            5,
            8,
            True,
            "com.example.topic",
        )
        assert details.subscription is subscription

    run(scenario)


@on_both
@pytest.mark.autobahn("W-15")
def test_what_the_router_revokes_is_not_active_any_more(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registration = await session.register(print, "com.example.procedure")
        subscription = await session.subscribe(print, "com.example.topic")
        router.say(message.Unregistered(0, registration=registration.id, reason="wamp.error.revoked"))
        router.say(message.Unsubscribed(0, subscription=subscription.id, reason="wamp.error.revoked"))
        assert (registration.active, subscription.active, session.is_attached()) == (False, False, True)
        assert (session._registrations, session._subscriptions) == ({}, {})
        again = await session.register(print, "com.example.procedure")
        assert again.active

    run(scenario)


@on_both
@pytest.mark.autobahn("W-26")
def test_types_are_checked_when_asked_for(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        session.onUserError = lambda fail, msg: None

        def procedure(x: int, names: list[str] | None = None) -> int:
            return x

        registration = await session.register(procedure, "com.example.procedure", check_types=True)
        router.invoke(registration, 1, ["a"])
        router.invoke(registration, "1")
        router.invoke(registration, 1, [2])
        got = await answers(kit, router, 3)
        assert got[0] == [1]
        assert [answer[0] for answer in got[1:]] == ["wamp.error.type_check_error"] * 2

    run(scenario)
