"""Components: what is declared on them, how they end, how they come back, how they are stopped."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import socket
from typing import Any

import pytest
from trowamp_compat.wamp.exception import ApplicationError, TransportLost
from trowamp_compat.wamp.types import CloseDetails, RegisterOptions

from tests.compat.kit import Kit, Run, on_all, on_both, transport, turn, until

FAST = {"initial_retry_delay": 0.05, "max_retry_delay": 0.1, "retry_delay_jitter": 0}


def closed_port() -> int:
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def nowhere(**more: Any) -> dict[str, Any]:
    return {"type": "rawsocket", "url": f"rs://127.0.0.1:{closed_port()}", **FAST, **more}


@on_all
@pytest.mark.autobahn("S-1", "S-3", "S-6", "S-17")
def test_a_component_is_done_when_main_is(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        seen: list[Any] = []

        async def main(loop: Any, session: Any) -> str:
            seen.append((loop is kit.loop, session.config.extra, session.realm))
            return "not the result of the component"

        component = kit.component.Component(main=main, transports=transport(router_url), extra={"a": 1})
        assert await component.start(kit.loop) is None
        assert seen == [(True, {"a": 1}, "realm1")]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-10", "S-12", "S-13", "S-14", "S-15", "S-20", "C-8")
def test_what_is_declared_is_in_place_when_join_handlers_run_which_may_leave(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=transport(router_url))
        heard: list[Any] = []

        @component.register("com.example.component.add", RegisterOptions(invoke="roundrobin"))
        def add(x: int, y: int) -> int:
            return x + y

        @component.register
        async def bare(x: int) -> int:
            return x * 2

        @component.subscribe("com.example.component.topic")
        def on_topic(x: int) -> None:
            heard.append(x)

        @component.on_join
        async def joined(session: Any, details: Any) -> None:
            heard.append(await session.call("com.example.component.add", 2, 3))
            heard.append(await session.call("bare", 4))
            await session.leave()

        await component.start(kit.loop)
        assert heard == [5, 8]
        assert (add(1, 1), callable(joined)) == (2, True)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-11", "S-81", "S-82", "S-83", "C-23", "C-34", "W-19", "S-80")
def test_listeners_are_told_in_the_order_of_a_sessions_life_and_ready_means_ready(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=transport(router_url))
        told: list[Any] = []

        async def slow(session: Any, details: Any) -> None:
            await turn(kit)
            await turn(kit)
            told.append(("slow", details.realm))

        def leave(session: Any) -> None:
            told.append("ready")
            session.leave()

        component.on("start", lambda loop, self: told.append(("start", loop is kit.loop, self is component)))
        component.on("connect", lambda session, transport: told.append(("connect", transport.isOpen())))
        component.on("join", slow)
        component.on("ready", leave)
        component.on("leave", lambda session, details: told.append(("leave", type(details) is CloseDetails)))
        component.on("disconnect", lambda session, was_clean: told.append(("disconnect", was_clean)))
        component.on("disconnect", lambda session, reason: told.append(("by position", reason)))
        component.on("disconnect", lambda session: told.append("neither"))
        with pytest.raises(RuntimeError):
            component.on("nothing", print)
        await component.start(kit.loop)
        await until(kit, lambda: "neither" in told)
        assert told == [
            ("start", True, True),
            ("connect", True),
            ("slow", "realm1"),
            "ready",
            ("leave", True),
            ("disconnect", True),
            ("by position", True),
            "neither",
        ]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-8")
def test_sessions_are_made_by_the_session_factory_of_argument_instance_or_class(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        made: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            async def onJoin(self, details: Any) -> None:
                made.append(type(self).__name__)
                self.leave()

        class Component(kit.component.Component):  # type: ignore[misc, name-defined]
            session_factory = Session

        config = transport(router_url)
        assigned = kit.component.Component(transports=config)
        assigned.session_factory = Session
        for component in (
            kit.component.Component(transports=config, session_factory=Session),
            assigned,
            Component(transports=config),
        ):
            await component.start(kit.loop)
        assert made == ["Session"] * 3

    run(scenario)


@on_both
@pytest.mark.autobahn("S-16", "S-35", "W-9", "S-29")
def test_a_lost_session_comes_back_with_what_was_declared_and_retries_count_anew(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        config = {**transport(router_url), **FAST, "max_retries": 1}
        component = kit.component.Component(transports=config)
        sessions: list[Any] = []
        results: list[Any] = []

        @component.register("com.example.component.again")
        def again() -> str:
            return "again"

        @component.on_ready
        async def ready(session: Any) -> None:
            sessions.append(session)
            results.append(await session.call("com.example.component.again"))
            if len(sessions) < 4:
                session.transport.abort()
            else:
                session.leave()

        await component.start(kit.loop)
        assert (results, len(set(map(id, sessions)))) == (["again"] * 4, 4)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-30", "S-43", "W-12")
def test_when_no_attempt_is_left_the_component_fails_with_the_last_error(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=[nowhere(max_retries=2)])
        failures: list[Any] = []
        component.on_connectfailure(lambda component, error: failures.append(error))
        with pytest.raises(Exception, match=r"refused|Connect call failed"):
            await component.start(kit.loop)
        assert len(failures) == 3

    run(scenario)


@on_both
@pytest.mark.autobahn("S-9", "S-29")
def test_a_transport_with_a_fatal_error_is_not_tried_again_and_the_others_are(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        judged: list[Any] = []

        def is_fatal(error: Any) -> bool:
            judged.append(error)
            return True

        async def main(loop: Any, session: Any) -> None:
            judged.append("main")

        component = kit.component.Component(main, transports=[nowhere(), transport(router_url)], is_fatal=is_fatal)
        await component.start(kit.loop)
        assert (len(judged), judged[-1]) == (2, "main")
        judged.clear()
        with pytest.raises(Exception, match=r"refused|Connect call failed"):
            await kit.component.Component(main, transports=[nowhere(), nowhere()], is_fatal=is_fatal).start(kit.loop)
        assert len(judged) == 2

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12", "S-9")
def test_a_realm_that_does_not_exist_is_told_and_may_be_fatal(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(
            transports=transport(router_url), realm="no.such.realm", is_fatal=lambda error: True
        )
        with pytest.raises(ApplicationError) as caught:
            await component.start(kit.loop)
        assert caught.value.error == "wamp.error.no_such_realm"

    run(scenario)


@on_both
@pytest.mark.autobahn("W-9", "W-12")
@pytest.mark.parametrize("where", ["main", "join"])
def test_a_bug_in_main_or_in_a_join_handler_fails_the_component(run: Run, router_url: str, where: str) -> None:
    async def scenario(kit: Kit) -> None:
        calls: list[int] = []

        async def fail(*args: Any) -> None:
            calls.append(1)
            raise ZeroDivisionError("a bug")

        component = kit.component.Component(fail if where == "main" else None, transports=transport(router_url))
        if where == "join":
            component.on_join(fail)
        component.log = _Silent()
        with pytest.raises(ZeroDivisionError):
            await component.start(kit.loop)
        assert calls == [1]

    run(scenario)


class _Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@on_both
@pytest.mark.autobahn("W-12")
def test_a_procedure_that_cannot_be_registered_fails_the_attempt(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        config = {**transport(router_url), "max_retries": 0}
        component = kit.component.Component(transports=config)
        component.log = _Silent()
        component.register("com.example.component.twice")(print)
        component.register("wamp.not.allowed")(print)
        with pytest.raises(ApplicationError):
            await component.start(kit.loop)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-18", "W-22")
def test_a_component_is_stopped_in_a_session_while_waiting_and_while_connecting(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        left: list[str] = []
        component = kit.component.Component(transports=transport(router_url))
        component.on_ready(lambda session: component.stop())
        component.on_leave(lambda session, details: left.append(details.reason))
        await component.start(kit.loop)
        assert left == ["wamp.close.goodbye_and_out"]

        failed: list[Any] = []
        waiting = kit.component.Component(transports=nowhere(initial_retry_delay=50))
        waiting.on_connectfailure(lambda component, error: failed.append(error))
        done = waiting.start(kit.loop)
        await until(kit, lambda: failed)
        await turn(kit)
        waiting.stop()
        await done

        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            connecting = kit.component.Component(transports=f"rs://127.0.0.1:{port}")
            done = connecting.start(kit.loop)
            connecting.stop()
            await done
            assert failed[1:] == []

        again: list[int] = []
        waiting._transports = component._transports

        def leave(session: Any) -> None:
            again.append(1)
            session.leave()

        waiting.on_ready(leave)
        await waiting.start(kit.loop)
        assert again == [1]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-22")
def test_a_connection_that_is_made_while_the_component_stops_is_closed_at_once(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        closed = kit.face.create_future()

        class Connection:
            error = None
            close_reason = ""

            def when_closed(self) -> Any:
                return closed

            def abort(self) -> None:
                kit.face.resolve(closed)

        connecting = kit.face.create_future()

        class Component(kit.component.Component):  # type: ignore[misc, name-defined]
            def _connect(self, *_: Any) -> Any:
                return connecting

        component = Component(transports="rs://127.0.0.1:1")
        done = component.start(kit.loop)
        kit.face.resolve(connecting, Connection())
        component.stop()
        await done
        assert kit.face.is_done(closed)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-22")
def test_a_stopped_component_does_not_come_back_when_the_goodbye_is_not_answered(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports={**transport(router_url), **FAST})
        sessions: list[Any] = []

        @component.on_ready
        def ready(session: Any) -> None:
            sessions.append(session)
            component.stop()
            session.transport.abort()

        await component.start(kit.loop)
        assert len(sessions) == 1

    run(scenario)


@on_both
@pytest.mark.autobahn("W-7")
def test_main_learns_of_the_loss_and_runs_again_with_the_next_session(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        errors: list[Any] = []

        async def main(loop: Any, session: Any) -> None:
            if errors:
                return
            await session.register(kit.face.create_future, "com.example.component.forever")
            waiting = session.call("com.example.component.forever")
            session.transport.abort()
            try:
                await waiting
            except TransportLost as error:
                errors.append(error)
                raise

        await kit.component.Component(main, transports={**transport(router_url), **FAST}).start(kit.loop)
        assert len(errors) == 1

    run(scenario)


@on_both
@pytest.mark.autobahn("S-19")
def test_several_components_of_one_program_call_each_other(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        backend = kit.component.Component(transports=transport(router_url))
        backend.register("com.example.component.square")(lambda x: x * x)
        results: list[int] = []

        async def main(loop: Any, session: Any) -> None:
            results.append(await session.call("com.example.component.square", 7))

        ready = kit.face.create_future()
        backend.on_ready(lambda session: kit.face.resolve(ready))
        done = backend.start(kit.loop)
        await ready
        await kit.component.Component(main, transports=transport(router_url, "websocket", "json")).start(kit.loop)
        backend.stop()
        await done
        assert results == [49]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-2", "S-5", "S-9", "S-3", "S-7", "S-41", "C-15")
def test_the_constructor_takes_what_is_documented_and_refuses_the_rest(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        make = kit.component.Component
        component = make(
            main=None,
            transports=None,
            config=object(),
            realm="realm1",
            extra=None,
            authentication=None,
            session_factory=None,
            is_fatal=None,
        )
        assert (component._realm, str(component._transports[0])) == (make()._realm, "ws://127.0.0.1:8080/ws")
        wrong: list[dict[str, Any]] = [
            {"main": 1},
            {"is_fatal": 1},
            {"realm": None},
            {"transports": 7},
            {"authentication": {"telepathy": {}}},
            {"authentication": {"ticket": {"authid": "joe"}}},
            {"authentication": {"wampcra": {"authid": "joe"}}},
            {"authentication": {"wampcra": {"authid": "joe", "secret": "s", "unknown": 1}}},
        ]
        for arguments in wrong:
            with pytest.raises(ValueError, match="."):
                make(**arguments)
        with pytest.raises(AssertionError):
            make().register("com.example", options={"match": "prefix"})

    run(scenario)
