"""trowamp/_component.py and _attempt.py: the life of a component, from declaring to its end."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable
from typing import Any

import pytest
import trio

import trowamp
from trowamp import Component, NoSuchRealm, Session, SessionClosed, SessionLost, Transport

from .component_tools import REALM, Diary, Wire, component, open_plain_router, ready

ADD = "com.example.add2"


def add2(x: int, y: int) -> int:
    return x + y


# ---- declaring


def test_a_component_needs_a_transport() -> None:
    with pytest.raises(ValueError, match="at least one URL or Transport"):
        Component(realm=REALM)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"colour": "red"}, TypeError, "no such option: colour"),
        ({"max_retries": -2}, ValueError, "max_retries"),
        ({"initial_retry_delay": 10, "max_retry_delay": 1}, ValueError, "max_retry_delay"),
        ({"on_conflict": "shrug"}, ValueError, 'on_conflict must be "retry", "raise" or "force"'),
        ({"conflict_timeout": -1}, ValueError, "conflict_timeout must be 0 seconds or more"),
    ],
)
def test_wrong_options_are_refused_when_the_component_is_made(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        Component("ws://127.0.0.1:8080/ws", realm=REALM, **options)


def test_what_is_no_url_is_refused_when_the_component_is_made() -> None:
    with pytest.raises(ValueError, match="which is one of ws:"):
        Component("tcp://127.0.0.1/", realm=REALM)


def test_a_transport_refuses_options_that_do_not_exist() -> None:
    options: dict[str, Any] = {"realm": REALM}
    with pytest.raises(TypeError, match="no such option: realm"):
        Transport("ws://127.0.0.1/", **options)


@pytest.mark.parametrize("kind", ["register", "subscribe"])
def test_wrong_declarations_are_refused_when_they_are_made(kind: str) -> None:
    app = component("ws://127.0.0.1/")
    declare: Callable[..., Any] = getattr(app, kind)
    with pytest.raises(TypeError, match="no such option: colour, size"):
        declare(ADD, size=3, colour="red")(add2)
    with pytest.raises(ValueError, match="URI"):
        declare("not a uri")(add2)
    with pytest.raises(TypeError, match="callable"):
        declare(ADD)(42)


def test_a_procedure_is_declared_once() -> None:
    """The router would refuse the second one, in every session anew."""
    app = component("ws://127.0.0.1/")
    app.register(ADD)(add2)
    app.register(ADD, match="prefix")(add2)  # that is another one
    with pytest.raises(ValueError, match="com.example.add2 is declared already"):
        app.register(ADD)(add2)
    app.subscribe(ADD)(add2)
    app.subscribe(ADD)(add2)


def test_decorators_leave_their_functions_alone() -> None:
    app = component("ws://127.0.0.1/")
    for decorate in (
        app.register(ADD),
        app.subscribe("com.example.tick"),
        app.main,
        app.on_connect,
        app.on_join,
        app.on_ready,
        app.on_leave,
        app.on_disconnect,
        app.on_connect_failure,
    ):
        assert decorate(add2) is add2


async def test_one_function_can_serve_several_procedures(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as session:
        app = component(router.transport)
        app.register("com.example.plus")(app.register(ADD)(add2))
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            assert await session.call(ADD, 1, 2) == await session.call("com.example.plus", 1, 2) == 3
            app.stop()


def test_a_transport_shows_where_it_leads() -> None:
    assert repr(Transport("ws://127.0.0.1:8080/ws")) == "<Transport ws://127.0.0.1:8080/ws>"
    assert repr(Wire(name="a wire")) == "<Transport a wire>"


# ---- running


async def test_a_component_serves_until_it_is_stopped(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as session:
        app = component(router.transport)
        app.register(ADD)(add2)
        async with trio.open_nursery() as nursery:
            own: Session = await nursery.start(app.run)
            assert app.session is own
            assert await session.call(ADD, 2, 3) == 5
            app.stop()
        assert app.session is None
        with pytest.raises(trowamp.NoSuchProcedure):
            await session.call(ADD, 2, 3)


async def test_a_component_can_run_again_after_it_has_ended(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport, max_retries=0)
        seen: list[Session] = []
        app.main(seen.append)
        await app.run()
        await app.run()
        assert len({session.id for session in seen}) == 2


async def test_a_schedule_starts_anew_with_each_run(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire(schedule=trowamp.ReconnectSchedule(max_retries=2))
    app = component(wire)
    for _ in range(2):
        with pytest.raises(trowamp.ConnectError):
            await app.run()
    assert len(wire.attempts) == 6


async def test_a_component_runs_once_at_a_time(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, trio.open_nursery() as nursery:
        app = component(router.transport)
        await nursery.start(app.run)
        with pytest.raises(RuntimeError, match="running already"):
            await app.run()
        app.stop()


async def test_stop_does_nothing_to_a_component_that_does_not_run(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        app.main(lambda session: "done")
        app.stop()
        await app.run()
        app.stop()
        assert app.session is None


async def test_stop_ends_a_component_that_waits_to_reconnect(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    app = component(wire, initial_retry_delay=300)
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(app.run)
        while not wire.attempts:
            await trio.lowlevel.checkpoint()
        app.stop()
    assert trio.current_time() - started < 1


async def test_stop_ends_a_component_that_is_still_joining(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        app.on_join(lambda session, details: app.stop())
        diary = Diary(app)
        await app.run()
        assert diary.events == ["connect", "join", "leave", "disconnect"]


async def test_several_components_run_in_one_loop(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        apps = [component(router.transport) for _ in range(5)]
        for number, app in enumerate(apps):
            app.register(f"com.example.p{number}")(lambda number=number: number)
        async with trio.open_nursery() as nursery, router.open_session(realm=REALM) as session:
            for app in apps:
                await nursery.start(app.run)
            assert [await session.call(f"com.example.p{number}") for number in range(5)] == list(range(5))
            nursery.cancel_scope.cancel()


async def test_cancelling_a_component_leaves_nothing_behind(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        app.register(ADD)(add2)

        @app.register("com.example.forever")
        async def forever() -> None:
            await trio.sleep_forever()

        diary = Diary(app)
        async with router.open_session(realm=REALM) as session:
            before = trio.lowlevel.current_statistics().tasks_living
            async with trio.open_nursery() as nursery:
                await nursery.start(app.run)
                with trio.move_on_after(1):
                    await session.call("com.example.forever")
                nursery.cancel_scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            assert trio.lowlevel.current_statistics().tasks_living == before
        assert diary.entries[-2:] == [("leave", type(None)), ("disconnect", type(None))]
        await trio.testing.wait_all_tasks_blocked()
        assert router.connections == 0
        assert router.statistics().registrations == 0


async def test_a_cancelled_component_closes_its_sockets() -> None:
    async with trowamp.open_router([REALM], ["ws://127.0.0.1:0/ws"]) as router:
        app = component(router.urls[0])
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            assert router.connections == 1
            nursery.cancel_scope.cancel()
        with trio.fail_after(2):
            while router.connections:
                await trio.lowlevel.checkpoint()
    del app
    gc.collect()  # a socket left open would complain, and warnings are errors here


# ---- main


@pytest.mark.parametrize("is_async", [True, False])
async def test_a_component_ends_with_its_main_function(autojump_clock: trio.abc.Clock, is_async: bool) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        app.register(ADD)(add2)
        seen: list[Any] = []

        @app.main
        async def main(session: Session) -> None:
            seen.append(await session.call(ADD, 2, 3))

        if not is_async:
            app.main(lambda session: seen.append(5))
        diary = Diary(app)
        await app.run()
        assert seen == [5]
        assert diary.events == ["connect", "join", "ready", "leave", "disconnect"]


async def test_main_is_started_again_after_an_interruption(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire)
        sessions: list[Session] = []

        @app.main
        async def main(session: Session) -> None:
            sessions.append(session)
            if len(sessions) < 3:
                wire.cut()
                await trio.sleep_forever()

        await app.run()
        assert len({session.id for session in sessions}) == 3
        assert wire.gaps() == [1.5, 1.5]


async def test_what_main_raises_comes_out_of_run_as_itself(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)

        @app.main
        async def main(session: Session) -> None:
            raise KeyError("a bug")

        diary = Diary(app)
        with pytest.raises(KeyError, match="a bug"):
            await app.run()
        assert diary.entries[-2:] == [("leave", KeyError), ("disconnect", KeyError)]


async def test_without_a_main_function_leaving_the_session_ends_the_component(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as session:
        app = component(router.transport)

        @app.register("com.example.shut_down")
        def shut_down() -> None:
            assert app.session is not None
            app.session.leave()

        diary = Diary(app)
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            with pytest.raises(trowamp.Canceled):  # the session was over before the answer
                await session.call("com.example.shut_down")
        assert diary.entries[-2:] == [("leave", type(None)), ("disconnect", type(None))]


# ---- events


async def test_events_come_in_order_with_their_arguments(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router, "a wire")
        app = component(wire)
        diary = Diary(app)
        async with trio.open_nursery() as nursery:
            first = await nursery.start(app.run)
            wire.cut()
            await ready(app, first)
            app.stop()
        begin = [("connect", "a wire"), ("join", True), ("ready", True)]
        interruption = [("leave", SessionLost), ("disconnect", SessionLost)]
        end = [("leave", type(None)), ("disconnect", type(None))]
        assert diary.entries == [*begin, *interruption, *begin, *end]


@pytest.mark.parametrize("event", ["on_connect", "on_join", "on_ready", "on_leave", "on_disconnect"])
async def test_listeners_may_be_async_and_are_called_one_after_the_other(
    autojump_clock: trio.abc.Clock, event: str
) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        notes: list[str] = []

        async def slow(*_: Any) -> None:
            notes.append("slow begins")
            await trio.sleep(1)
            notes.append("slow ends")

        getattr(app, event)(slow)
        getattr(app, event)(lambda *_: notes.append("quick"))
        app.main(lambda session: "done")
        await app.run()
        assert notes == ["slow begins", "slow ends", "quick"]


async def test_ready_comes_after_everything_is_in_place_and_all_join_handlers(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router, router.open_session(realm=REALM) as session:
        app = component(router.transport)
        app.register(ADD)(add2)
        notes: list[Any] = []

        async def joined(own: Session, details: trowamp.SessionDetails) -> None:
            assert app.session is None
            notes.append(await session.call(ADD, 1, len(notes)))

        app.on_join(joined)
        app.on_join(joined)
        app.on_ready(lambda own: notes.append(app.session is own))
        app.main(lambda own: "done")
        await app.run()
        assert notes == [1, 2, True]


async def test_an_error_while_connecting_is_told_and_nothing_else(autojump_clock: trio.abc.Clock) -> None:
    app = component(Wire(), max_retries=1)
    diary = Diary(app)
    with pytest.raises(trowamp.ConnectError):
        await app.run()
    assert diary.entries == [("connectfailure", trowamp.ConnectError)] * 2


async def test_a_session_that_is_refused_was_connected_but_not_joined(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component(router.transport, realm="elsewhere", max_retries=0)
        diary = Diary(app)
        with pytest.raises(NoSuchRealm):
            await app.run()
        assert diary.entries == [("connect", "memory"), ("disconnect", NoSuchRealm), ("connectfailure", NoSuchRealm)]


@pytest.mark.parametrize("event", ["on_connect", "on_join", "on_ready", "on_leave", "on_disconnect"])
async def test_a_bug_in_a_listener_ends_the_component(autojump_clock: trio.abc.Clock, event: str) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)

        def buggy(*_: Any) -> None:
            raise ZeroDivisionError(event)

        getattr(app, event)(buggy)
        app.main(lambda session: "done")
        with pytest.raises(ZeroDivisionError, match=event):
            await app.run()
        await trio.testing.wait_all_tasks_blocked()
        assert router.connections == 0


async def test_an_error_in_a_join_handler_fails_the_attempt_and_is_logged(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_plain_router() as router:
        app = component(router.transport, is_fatal=lambda error: False)
        failures: list[Exception] = []
        app.on_connect_failure(failures.append)

        @app.on_join
        def joined(session: Session, details: trowamp.SessionDetails) -> None:
            if not failures:
                raise LookupError("the database is not there yet")

        diary = Diary(app)
        app.main(lambda session: "done")
        await app.run()
        assert [str(failure) for failure in failures] == ["the database is not there yet"]
        assert diary.events[:4] == ["connect", "leave", "disconnect", "connectfailure"]
        (record,) = caplog.records
        assert "attempt at memory ended: the database is not there yet; next attempt in 1.5 s" in record.message
        assert record.exc_info is not None


async def test_farewells_are_told_while_the_component_is_cancelled_but_not_for_long(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_plain_router() as router:
        app = component(router.transport)
        notes: list[str] = []

        @app.on_leave
        async def left(error: Exception | None) -> None:
            await trio.sleep(1)
            notes.append("left")

        @app.on_disconnect
        async def disconnected(error: Exception | None) -> None:
            await trio.sleep_forever()

        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)
            nursery.cancel_scope.cancel()
        assert notes == ["left"]
        assert "told of 'disconnect' did not finish within 2 s" in caplog.text


# ---- starting


async def test_start_gives_the_first_session_and_reconnects_do_not_start_again(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire)
        async with trio.open_nursery() as nursery:
            first: Session = await nursery.start(app.run)
            assert isinstance(first, Session)
            wire.cut()
            second = await ready(app, first)
            assert second.id != first.id
            app.stop()


async def test_a_component_that_fails_before_it_is_ready_fails_its_start(autojump_clock: trio.abc.Clock) -> None:
    app = component(Wire(), max_retries=0)
    with pytest.RaisesGroup(trowamp.ConnectError):
        async with trio.open_nursery() as nursery:
            await nursery.start(app.run)


async def test_other_transports_can_take_the_place_of_its_own(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        app = component("ws://127.0.0.1:1/nobody", max_retries=0)
        app.main(lambda session: "done")
        await app.run(transports=[router.transport])
        with pytest.raises(ValueError, match="at least one"):
            await app.run(transports=[])
        assert [transport.url for transport in app.transports] == ["ws://127.0.0.1:1/nobody"]
        assert app.realm == REALM


async def test_router_and_component_say_goodbye_as_they_end_together(autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        async with open_plain_router() as router:
            wire = Wire(router)
            app = component(wire, max_retries=0)
            diary = Diary(app)
            run = functools.partial(_expect_closed, app)
            nursery.start_soon(run)
            await ready(app)
    assert diary.entries[-2:] == [("leave", SessionClosed), ("disconnect", SessionClosed)]


async def _expect_closed(app: Component) -> None:
    with pytest.raises(SessionClosed, match="system_shutdown"):
        await app.run()


@pytest.mark.parametrize("kind", ["register", "subscribe"])
def test_a_decorator_without_a_uri_is_refused(kind: str) -> None:
    app = Component("ws://127.0.0.1:1/", realm="realm1")
    with pytest.raises(TypeError, match="a URI is missing"):
        getattr(app, kind)(print)
