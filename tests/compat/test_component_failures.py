"""What a component does about bugs in listeners and methods, and what it does not call a failure."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.exception import InvalidUriError

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, on_both, transport, turn, until


class Noted:
    """A logger that notes what is told, but for what only helps to find bugs."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, text: str, **values: Any) -> None:
        pass

    trace = debug

    def info(self, text: str, **values: Any) -> None:
        self.lines.append(text.format(**values))

    warn = error = failure = info


BUG = "ZeroDivisionError('a bug')"


def fails(*_: Any) -> None:
    raise ZeroDivisionError("a bug")


@on_both
@pytest.mark.autobahn("W-12", "S-8", "S-79")
@pytest.mark.parametrize("method", ["onConnect", "onJoin"])
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_a_bug_in_a_method_of_the_session_ends_the_component(
    run: Run, router_url: str, method: str, *, is_async: bool
) -> None:
    async def scenario(kit: Kit) -> None:
        made: list[Any] = []

        async def fails_later(*_: Any) -> None:
            await turn(kit)
            fails()

        def make(config: Any) -> Any:
            made.append(kit.wamp.ApplicationSession(config))
            setattr(made[-1], method, fails_later if is_async else fails)
            made[-1].log = Noted()
            return made[-1]

        told: list[Any] = []
        component = kit.component.Component(transports=transport(router_url), session_factory=make)
        component.log = Noted()
        component.on_connectfailure(lambda component, error: told.append(type(error)))
        with pytest.raises(ZeroDivisionError):
            await component.start(kit.loop)
        assert (len(made), made[0].is_connected(), component.log.lines) == (1, False, [])
        assert made[0].log.lines == [f"failure in a listener or method for {method[2:].lower()!r}: {BUG}"]
        assert told == [ZeroDivisionError]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12", "S-11")
@pytest.mark.parametrize("event", ["start", "connect", "join", "ready"])
def test_a_bug_in_a_listener_ends_the_component(run: Run, router_url: str, event: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []
        component = kit.component.Component(transports=transport(router_url))
        for name in ("connect", "join", "ready", "leave", "disconnect"):
            component.on(name, lambda *_, name=name: told.append(name))
        component.on(event, fails)
        with pytest.raises(ZeroDivisionError):
            await component.start(kit.loop)
        await until(kit, lambda: event == "start" or "disconnect" in told)
        expected = {
            "start": [],
            "connect": ["connect", "disconnect"],
            "join": ["connect", "join", "leave", "disconnect"],
            "ready": ["connect", "join", "ready", "leave", "disconnect"],
        }
        assert told == expected[event]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12", "S-11")
@pytest.mark.parametrize("event", ["join", "ready"])
def test_after_what_a_router_refuses_in_a_listener_there_is_another_attempt_but_not_after_what_is_never_right(
    run: Run, router_url: str, event: str
) -> None:
    async def scenario(kit: Kit) -> None:
        config = {**transport(router_url), "initial_retry_delay": 0.01, "retry_delay_jitter": 0}
        component = kit.component.Component(transports=config)
        component.log = Noted()
        procedures = ["com.example.failures.nobody", "no uri at all ##"]
        asked: list[str] = []

        async def calls(session: Any, *_: Any) -> None:
            asked.append(procedures[len(asked)])
            await session.call(asked[-1])

        component.on(event, calls)
        with pytest.raises(InvalidUriError):
            await component.start(kit.loop)
        assert asked == procedures
        assert component.log.lines[0].startswith("wamp.error.no_such_procedure: ")

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12", "S-11")
@pytest.mark.parametrize("event", ["leave", "disconnect"])
def test_a_bug_in_a_listener_of_the_end_is_logged_and_the_component_ends_as_it_would(
    run: Run, router_url: str, event: str
) -> None:
    async def scenario(kit: Kit) -> None:
        sessions: list[Any] = []
        component = kit.component.Component(transports=transport(router_url))
        component.on(event, fails)

        @component.on_ready
        def ready(session: Any) -> None:
            session.log = Noted()
            sessions.append(session)
            session.leave()

        await component.start(kit.loop)
        await until(kit, lambda: sessions[0].log.lines)
        assert sessions[0].log.lines == [f"failure in a listener for {event!r}: {BUG}"]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-86", "W-12")
def test_a_runner_fails_with_a_bug_in_on_connect_and_tells_the_session_of_one_in_on_join(
    run: Run, router_url: str
) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onUserError(self, fail: Any, msg: str) -> None:
                told.append((type(fail.value), self.is_attached()))

        class Connecting(Session):
            onConnect = fails

        class Joining(Session):
            onJoin = fails

        def opening(session: Any) -> Any:
            runner = kit.wamp.ApplicationRunner(router_url, "realm1")
            if kit.name == "asyncio":
                return runner.run(session, start_loop=False, log_level=None)
            return runner.run(session, start_reactor=False, log_level=None, reactor=kit.loop)

        def protocol_of(opened: Any) -> Any:
            return opened[1] if kit.name == "asyncio" else opened

        protocol = protocol_of(await opening(Joining))
        await until(kit, lambda: told)
        assert told == [(ZeroDivisionError, True)]
        await protocol._session.leave()
        await protocol_of(await opening(Connecting)).is_closed
        assert told[1] == (ZeroDivisionError, False)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-18", "W-22")
@pytest.mark.parametrize("where", ["join", "ready", "main"])
def test_what_a_stop_interrupts_is_no_failure(run: Run, router_url: str, where: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=transport(router_url))
        component.log = log = Noted()

        @component.register("com.example.failures.forever")
        def forever() -> Any:
            return kit.face.create_future()

        async def calls(session: Any) -> None:
            session.log = log
            waiting = session.call("com.example.failures.forever")
            kit.face.call_later(0.01, component.stop)
            await waiting

        if where == "join":

            @component.on_join
            async def join(session: Any, details: Any) -> None:
                await calls(session)
        elif where == "ready":
            component.on_ready(calls)
        else:
            component._main = calls
        await component.start(kit.loop)
        assert log.lines == []

    run(scenario)


@on_both
@pytest.mark.autobahn("S-83", "S-29")
def test_a_reason_without_words_is_told_as_it_is(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        config = {**transport(router_url), "initial_retry_delay": 50, "retry_delay_jitter": 0}
        component = kit.component.Component(transports=config, realm="com.example.no_such_realm")
        component.log = Noted()
        component.on_connectfailure(lambda component, error: setattr(error, "args", ()))
        done = component.start(kit.loop)
        await until(kit, lambda: component.log.lines)
        component.stop()
        await done
        assert component.log.lines[0].startswith("wamp.error.no_such_realm; trying rs://")

    run(scenario)


@on_both
@pytest.mark.autobahn("S-18")
def test_a_connection_attempt_that_is_cancelled_is_not_followed_by_another_one(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        attempts: list[Any] = []

        class Component(kit.component.Component):  # type: ignore[misc, name-defined]
            def _connect(self, *_: Any) -> Any:
                attempts.append(kit.face.create_future())
                return attempts[-1]

        component = Component(transports="rs://127.0.0.1:1")
        component.log = Noted()
        done = component.start(kit.loop)
        kit.face.cancel(attempts[0])
        with pytest.raises(kit.face.canceled):
            await done
        assert (len(attempts), component.log.lines) == (1, [])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-21")
def test_who_leaves_twice_waits_for_the_end_of_the_connection_twice(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        open_then: list[Any] = []
        component = kit.component.Component(transports=transport(router_url))

        @component.on_ready
        async def ready(session: Any) -> None:
            session.log = Noted()
            session.leave()
            await session.leave()
            open_then.append((session.is_connected(), session.log.lines))

        await component.start(kit.loop)
        await until(kit, lambda: open_then)
        assert open_then == [(False, [])]

        router, session = joined(kit)
        router.answers.clear()  # the GOODBYE is not answered yet
        assert session.leave() is session.leave() is router.is_closed
        session.log = Noted()
        router.close()
        await session.leave()
        assert session.log.lines == ["session is not joined on a realm: there is nothing to leave"]

    run(scenario)
