"""trowamp/_component.py: when which transport is tried again, and what ends that."""

from __future__ import annotations

import functools
import time
from typing import Any

import pytest
import trio

import trowamp
from trowamp import (
    AuthenticationRequired,
    ConnectError,
    NoSuchRealm,
    ReconnectSchedule,
    SessionClosed,
    SessionLost,
    is_fatal,
    open_router,
)

from .component_tools import REALM, Diary, Wire, component, open_plain_router, ready


async def run_to_its_error(app: trowamp.Component) -> Exception:
    """Run a component that is bound to fail."""
    try:
        await app.run()
    except Exception as error:  # noqa: BLE001  # the test looks at it
        return error
    raise AssertionError("the component ended without an error")


# ---- spacing


async def test_retries_are_spaced_by_the_defaults(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    app = component(wire, retry_delay_jitter=0.1, max_retries=20)
    assert isinstance(await run_to_its_error(app), ConnectError)
    expected = [min(1.5 * 1.5**number, 300) for number in range(20)]
    assert wire.gaps() == [pytest.approx(delay, rel=0.101) for delay in expected]
    assert wire.gaps() != expected  # no two clients come back at the same moment


async def test_retries_are_spaced_as_told(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    app = component(wire, max_retries=5, initial_retry_delay=1, retry_delay_growth=3, max_retry_delay=10)
    await run_to_its_error(app)
    assert wire.gaps() == [1, 3, 9, 10, 10]


async def test_without_a_limit_a_component_tries_for_hours(autojump_clock: trio.abc.Clock) -> None:
    began = time.monotonic()
    wire = Wire()
    app = component(wire)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(app.run)
        await trio.sleep(6 * 3600)
        async with open_plain_router() as router:
            wire.router = router
            await ready(app)
            app.stop()
    assert len(wire.attempts) > 6 * 3600 / 300
    assert max(wire.gaps()) == 300
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("limit", [0, 1, 4])
async def test_when_retries_are_used_up_the_last_error_is_raised(autojump_clock: trio.abc.Clock, limit: int) -> None:
    wires = [Wire(name="first"), Wire(name="second")]
    error = await run_to_its_error(component(*wires, max_retries=limit))
    assert str(error) == "nobody at the end of second"
    assert [len(wire.attempts) for wire in wires] == [limit + 1, limit + 1]


async def test_no_setting_makes_a_component_flood_the_network(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    await run_to_its_error(component(wire, initial_retry_delay=0, max_retry_delay=0, max_retries=10))
    assert wire.gaps() == [0.05] * 10


# ---- success


async def test_the_first_reconnect_comes_after_the_initial_delay_and_success_resets_the_counters(
    autojump_clock: trio.abc.Clock,
) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire, max_retries=3, initial_retry_delay=2, retry_delay_growth=2)
        async with trio.open_nursery() as nursery:
            session = await nursery.start(app.run)
            for _ in range(3):
                wire.router = None
                wire.cut()
                await trio.sleep(7)  # two retries fail, the third is due after 14 s
                wire.router = router
                session = await ready(app, session)
            app.stop()
        assert [round(gap) for gap in wire.gaps()] == [2, 4, 8] * 3


async def test_a_session_that_was_joined_but_never_ready_resets_nothing(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire, max_retries=2, is_fatal=lambda error: False)

        @app.on_join
        def joined(*_: Any) -> None:
            raise LookupError("no database")

        assert str(await run_to_its_error(app)) == "no database"
        assert wire.gaps() == [1.5, 2.25]


async def test_without_retries_a_lost_session_ends_the_component(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire, max_retries=0)
        app.on_ready(lambda session: wire.cut())
        assert isinstance(await run_to_its_error(app), SessionLost)


# ---- several transports


async def test_transports_are_tried_in_turn(autojump_clock: trio.abc.Clock) -> None:
    wires = [Wire(name=name) for name in "abc"]
    app = component(*wires, max_retries=1)
    order: list[str] = []
    app.on_connect_failure(lambda error: order.append(str(error)[-1]))
    await run_to_its_error(app)
    assert "".join(order) == "abcabc"
    assert [wire.attempts[0] for wire in wires] == [
        wires[0].attempts[0]
    ] * 3  # each is tried at once for the first time


async def test_the_first_transport_that_works_is_used(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wires = [Wire(name="dead"), Wire(router, "alive"), Wire(router, "spare")]
        app = component(*wires)
        connected: list[str] = []
        app.on_connect(connected.append)
        app.main(lambda session: "done")
        await app.run()
        assert connected == ["alive"]


async def test_after_a_loss_the_next_transport_has_its_turn(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wires = [Wire(router, "a"), Wire(router, "b")]
        app = component(*wires)
        connected: list[str] = []
        app.on_connect(connected.append)
        async with trio.open_nursery() as nursery:
            session = await nursery.start(app.run)
            for number in range(3):
                wires[number % 2].cut()
                session = await ready(app, session)
            app.stop()
        assert connected == ["a", "b", "a", "b"]


async def test_transports_can_have_schedules_of_their_own(autojump_clock: trio.abc.Clock) -> None:
    patient = Wire(schedule=ReconnectSchedule(2, 10, retry_delay_growth=1, retry_delay_jitter=0))
    hasty = Wire(schedule=ReconnectSchedule(0))
    await run_to_its_error(component(patient, hasty))
    assert patient.gaps() == [10, 10]
    assert len(hasty.attempts) == 1


# ---- the end of a router


async def test_a_routers_shutdown_moves_to_the_next_transport_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as stays:
        wires = [Wire(name="ends"), Wire(stays, "stays")]
        app = component(*wires, initial_retry_delay=60, retry_delay_jitter=0.1)
        diary = Diary(app)
        async with trio.open_nursery() as nursery:
            async with open_plain_router() as ends:
                wires[0].router = ends
                first = await nursery.start(app.run)
                await trio.sleep(3600)
            ended = trio.current_time()
            await ready(app, first)
            app.stop()
        assert wires[1].attempts[0] - ended < 6  # only the jitter, so that not all come at once
        assert ("leave", SessionClosed) in diary.entries


async def test_routers_that_shut_down_at_once_are_not_asked_in_a_circle(autojump_clock: trio.abc.Clock) -> None:
    wires = [Wire(name="a"), Wire(name="b")]
    app = component(*wires, max_retries=3)

    @app.on_ready
    def begin(session: trowamp.Session) -> None:
        for wire in wires:
            assert wire.router is not None
            wire.router._shell.core.shutdown(trio.current_time())
            wire.router._shell.flush()

    async with open_router([REALM]) as a, open_router([REALM]) as b:
        wires[0].router, wires[1].router = a, b
        error = await run_to_its_error(app)
    assert isinstance(error, trowamp.JoinError)  # a router that is shutting down lets nobody in
    attempts = sorted(wires[0].attempts + wires[1].attempts)
    assert attempts[-1] - attempts[0] > 5
    assert attempts[1] - attempts[0] >= 1.5


async def test_the_only_router_is_given_time_to_come_back(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    app = component(wire)
    async with trio.open_nursery() as nursery:
        async with open_plain_router() as router:
            wire.router = router
            first = await nursery.start(app.run)
            await trio.sleep(100)
        async with open_plain_router() as successor:
            wire.router = successor
            await ready(app, first)
            app.stop()
    assert round(wire.gaps()[0]) == 102  # 100 s, and the initial delay


# ---- what is fatal


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (ConnectError("nobody"), False),
        (SessionLost("cut"), False),
        (SessionClosed("wamp.close.killed"), False),
        (NoSuchRealm("wamp.error.no_such_realm"), False),
        (trowamp.ProcedureAlreadyExists(), False),
        (trowamp.RemoteProtocolError("?"), False),
        (ConnectionResetError("reset"), False),
        (AuthenticationRequired("wamp.error.authentication_required"), True),
        (trowamp.AuthenticationFailed("wamp.error.authentication_failed"), True),
        (trowamp.LimitReached(), False),
        (trowamp.NotAuthorized(), True),
        (trowamp.JoinError.from_wire("wamp.error.not_authorized"), True),  # Crossbar, of a wrong secret
        (ValueError("a bug"), True),
        (trowamp.SerializationError("no such value in WAMP"), True),
        (ExceptionGroup("bugs", [ValueError("a bug")]), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_fatal_is_what_another_attempt_cannot_change(error: Exception, fatal: bool) -> None:
    assert is_fatal(error) is fatal


async def test_a_fatal_error_ends_a_component_at_once(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router(authenticators=()) as router:
        wires = [Wire(router), Wire(router)]
        assert isinstance(await run_to_its_error(component(*wires)), AuthenticationRequired)
        assert [len(wire.attempts) for wire in wires] == [1, 0]


async def test_an_error_that_is_not_fatal_is_retried(autojump_clock: trio.abc.Clock) -> None:
    async with open_plain_router() as router:
        wire = Wire(router)
        app = component(wire, realm="elsewhere", max_retries=3)
        assert isinstance(await run_to_its_error(app), NoSuchRealm)
        assert wire.gaps() == [1.5, 2.25, 3.375]


async def test_what_is_fatal_can_be_decided_otherwise(autojump_clock: trio.abc.Clock) -> None:
    wire = Wire()
    judged: list[BaseException] = []

    def judge(error: BaseException) -> bool:
        judged.append(error)
        return len(judged) == 3

    error = await run_to_its_error(component(wire, is_fatal=judge))
    assert judged[-1] is error
    assert len(wire.attempts) == 3


async def test_a_judge_that_fails_ends_the_component_with_its_own_error(autojump_clock: trio.abc.Clock) -> None:
    def judge(error: BaseException) -> bool:
        raise ZeroDivisionError

    assert isinstance(await run_to_its_error(component(Wire(), is_fatal=judge)), ZeroDivisionError)


# ---- what is logged


async def test_every_retry_is_logged_with_its_reason_and_an_error_that_is_raised_is_not(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await run_to_its_error(component(Wire(), max_retries=2))
    assert [record.message for record in caplog.records] == [
        "attempt at wire ended: nobody at the end of wire; next attempt in 1.5 s: wire",
        "attempt at wire ended: nobody at the end of wire; next attempt in 2.2 s: wire",
    ]
    assert all(record.exc_info is None for record in caplog.records)


# ---- over sockets


@pytest.mark.parametrize("scheme", ["ws", "rs"])
async def test_a_component_is_back_when_its_router_is(scheme: str) -> None:
    async with trio.open_nursery() as nursery:
        async with open_router([REALM], [f"{scheme}://127.0.0.1:0"]) as router:
            url = router.urls[0]
            app = component(url, initial_retry_delay=0.05, retry_delay_growth=1)
            app.register("com.example.add2")(lambda x, y: x + y)
            first = await nursery.start(app.run)
        with trio.fail_after(5):
            async with open_router([REALM], [url]) as successor, successor.open_session(realm=REALM) as session:
                await ready(app, first)
                assert await session.call("com.example.add2", 2, 3) == 5
                app.stop()


async def test_a_component_tries_a_port_where_nobody_listens_again() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/ws"]) as router:
        url = router.urls[0]
    app = component(url, max_retries=2, initial_retry_delay=0.05, retry_delay_growth=1)
    diary = Diary(app)
    error = await run_to_its_error(app)
    assert str(error) == f"cannot connect to {url}: Connection refused (is the router running?)"
    assert diary.entries == [("connectfailure", ConnectError)] * 3


async def test_a_component_passes_its_options_to_the_connection() -> None:
    async with open_router([REALM], ["ws://127.0.0.1:0/ws"]) as router:
        transport = trowamp.Transport(router.urls[0], serializers=["json"])
        for app in (
            component(router.urls[0], serializers=["json"]),
            component(transport, serializers=["cbor"]),
        ):
            seen: list[str] = []
            app.main(functools.partial(_note_serializer, seen))
            await app.run()
            assert seen == ["json"]


def _note_serializer(seen: list[str], session: trowamp.Session) -> None:
    seen.append(session._shell.pump.link.serializer.name)


async def test_a_farewell_that_uses_the_session_that_has_ended_is_told_so_and_the_component_comes_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    sessions: list[trowamp.Session] = []
    told: list[Exception] = []
    async with open_router([REALM]) as router:
        app = component(router.transport)

        @app.on_ready
        def on_ready(session: trowamp.Session) -> None:
            sessions.append(session)

        @app.on_leave
        async def on_leave(error: Exception | None) -> None:
            for use in (sessions[-1].publish, sessions[-1].call):
                with pytest.raises((SessionLost, SessionClosed)) as caught:
                    await use("com.example.farewell")
                told.append(caught.value)
            raise told[-1]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(app.run)
            while len(sessions) < 3:
                await trio.sleep(10)
                for transport in list(router._shell._transports):
                    transport.abort()
            nursery.cancel_scope.cancel()
    assert len(told) >= 4
    assert not any(error.maybe_executed for error in told if isinstance(error, SessionLost))
