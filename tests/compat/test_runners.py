"""Runners, applications and services: what they return and raise, and what a program may give them."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import inspect
import signal
from typing import Any

import pytest
from trowamp_compat.wamp.exception import TransportLost

from tests.compat.kit import Kit, Run, join, on_both, run_on_twisted, transport, turn, until
from tests.compat.test_running import Start, ended, start  # noqa: F401  # `start` is a fixture

on_each = pytest.mark.parametrize("framework", ["asyncio", "twisted"])


@on_each
@pytest.mark.autobahn("S-42", "S-43", "C-16")
def test_components_may_run_on_a_loop_that_the_program_runs(start: Start, framework: str) -> None:  # noqa: F811
    runs = {
        "asyncio": """
            import asyncio

            async def program():
                for arguments in ((False,), (False, None)):
                    print("result", await run(components(), *arguments))
                print("result", await run(components()[0], start_loop=False, log_level=None, stop_at_close=True))

            asyncio.run(program())
            """,
        "twisted": """
            from twisted.internet import reactor
            from twisted.internet.defer import ensureDeferred

            async def program():
                for arguments in ((), (None,)):
                    await run(components(), *arguments, start_loop=False)
                    print("result None")
                reactor.callLater(0, print, "the reactor goes on")
                reactor.callLater(0, reactor.stop)

            reactor.callWhenRunning(lambda: ensureDeferred(program()))
            run(components()[0], None, False)
            print("result None")
            """,
    }
    text = f"""
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            def components():
                return [Component(lambda session: print("main"), sys.argv[1]) for _ in range(2)]
            {runs[framework]}
            """
    end = ended(start(text, framework))
    lines = [line for line in end.out.splitlines() if line.startswith(("main", "result"))]
    assert (lines.count("main"), lines.count("result None"), lines[-1]) == (5, 3, "result None")


@on_each
@pytest.mark.autobahn("S-43", "W-12")
def test_run_waits_for_all_components_and_then_fails_with_the_one_that_failed(
    start: Start,  # noqa: F811
    framework: str,
) -> None:
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            failing = Component(transports={"type": "rawsocket", "url": "rs://127.0.0.1:1", "max_retries": 0})
            lasting = Component(transports=sys.argv[1])
            failing.on_connectfailure(lambda component, error: print("failure"))

            @lasting.on_ready
            def ready(session):
                print("ready")
                lasting._face.call_later(0.3, session.leave)

            lasting.on_leave(lambda session, details: print("left"))
            try:
                run([failing, lasting], log_level=None)
            except Exception as error:
                print("raised", "refused" in str(error) or "Connect call failed" in str(error))
            """,
            framework,
        )
    )
    assert sorted(end.out.splitlines()[:2]) == ["failure", "ready"]
    assert end.out.splitlines()[2:] == ["left", "raised True"]


@on_each
@pytest.mark.autobahn("S-86", "S-95")
def test_a_runner_takes_a_session_itself_and_raises_the_error_that_it_leaves(start: Start, framework: str) -> None:  # noqa: F811
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

            class Session(ApplicationSession):
                def onJoin(self, details):
                    print("joined", details.realm, self.config.extra["x"])
                    self.config.extra["error"] = LookupError("not found")
                    self.leave()

            try:
                ApplicationRunner(sys.argv[1], "realm1", {"x": 1}).run(Session(), log_level=None)
            except LookupError as error:
                print("raised", error)
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["joined realm1 1", "raised not found"]


@on_each
@pytest.mark.autobahn("S-86", "W-22")
def test_a_runner_says_goodbye_before_it_ends(start: Start, framework: str) -> None:  # noqa: F811
    program = start(
        """
        import sys
        from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

        class Session(ApplicationSession):
            def onJoin(self, details):
                print("joined")

            def onLeave(self, details):
                print("left:", details.reason)
                self.disconnect()

        ApplicationRunner(sys.argv[1], "realm1").run(Session, log_level=None)
        """,
        framework,
    )
    program.says("joined")
    end = program.end(signal=signal.SIGINT)
    assert end.out.splitlines()[0] == "left: wamp.close.goodbye_and_out", end


@on_both
@pytest.mark.autobahn("S-86", "S-96", "W-25")
def test_without_a_loop_of_its_own_a_runner_hands_out_the_protocol(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        sessions: list[Any] = []

        def make(config: Any) -> Any:
            sessions.append(kit.wamp.ApplicationSession(config))
            return sessions[-1]

        def opening(runner: Any) -> Any:
            if kit.name == "asyncio":
                return runner.run(make, start_loop=False, log_level=None)
            return runner.run(make, start_reactor=False, log_level=None, reactor=kit.loop)

        runner = kit.wamp.ApplicationRunner(router_url, "realm1")
        opened = await opening(runner)
        protocol = opened[1] if kit.name == "asyncio" else opened
        assert (protocol._session, sessions[0].transport) == (sessions[0], protocol)
        await until(kit, sessions[0].is_attached)
        protocol.abort()
        await protocol.is_closed
        for _ in range(5):
            await turn(kit)
        assert len(sessions) == 1  # it does not come back unless it is told to
        with pytest.raises(Exception, match=r"refused|Connect call failed"):
            await opening(kit.wamp.ApplicationRunner("rs://127.0.0.1:1", "realm1"))

    run(scenario)


@on_both
@pytest.mark.autobahn("S-87", "S-96", "C-17", "W-25")
def test_without_a_loop_of_its_own_a_runner_comes_back_and_can_be_stopped(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        sessions: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onJoin(self, details: Any) -> None:
                sessions.append(self)

        def opening(runner: Any) -> Any:
            if kit.name == "asyncio":
                return kit.loop.create_task(runner.run(Session, start_loop=False, log_level=None, auto_reconnect=True))
            return runner.run(Session, start_reactor=False, log_level=None, auto_reconnect=True, reactor=kit.loop)

        runner = kit.wamp.ApplicationRunner(router_url, "realm1", initial_retry_delay=0.05)
        await opening(runner)
        for number in (1, 2):
            await until(kit, lambda: len(sessions) == number)  # noqa: B023  # it is waited for here
            sessions[-1].transport.abort()
        await until(kit, lambda: len(sessions) == 3)
        await runner.stop()
        assert not sessions[-1].is_connected()
        nowhere = kit.wamp.ApplicationRunner("rs://127.0.0.1:1", "realm1", initial_retry_delay=50, max_retry_delay=50)
        waiting = opening(nowhere)
        await turn(kit)
        nowhere.stop()
        with pytest.raises(TransportLost, match="stopped"):
            await waiting

    run(scenario)


@on_each
@pytest.mark.autobahn("W-25")
def test_a_runner_that_does_not_reconnect_ends_when_the_router_is_lost(start: Start, framework: str) -> None:  # noqa: F811
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

            class Session(ApplicationSession):
                def onJoin(self, details):
                    self.transport.abort()

                def onLeave(self, details):
                    print("left:", details.reason)

            ApplicationRunner(sys.argv[1], "realm1").run(Session, log_level=None)
            print("over")
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["left: wamp.close.transport_lost", "over"]


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-85", "S-86")
def test_on_twisted_an_endpoint_may_be_connected_with_instead_of_the_url(router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        from twisted.internet.endpoints import TCP4ClientEndpoint

        host, _, port = router_url.removeprefix("ws://").removesuffix("/ws").partition(":")
        endpoint: Any = TCP4ClientEndpoint(kit.loop, host, int(port))
        runner = kit.wamp.ApplicationRunner("ws://router.example/ws", "realm1")
        assert list(inspect.signature(runner.run).parameters) == [
            "make",
            "start_reactor",
            "auto_reconnect",
            "log_level",
            "endpoint",
            "reactor",
        ]
        protocol = await runner.run(kit.wamp.ApplicationSession, False, False, None, endpoint, kit.loop)
        await until(kit, protocol._session.is_attached)
        protocol.close()
        await protocol.is_closed

    run_on_twisted(scenario)


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-88")
def test_an_application_is_told_of_its_session_and_goes_on_when_a_signal_fails(router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        from trowamp_compat.twisted.wamp import ApplicationRunner

        told: list[Any] = []
        app = kit.wamp.Application()
        with pytest.raises(AssertionError, match="prefix"):
            app.register()(print)
        with pytest.raises(AssertionError, match="prefix"):
            app.subscribe()(print)

        @app.register("com.example.runners.square")
        def square(x: int) -> int:
            return x * x

        @app.subscribe("com.example.runners.topic")
        def on_topic(x: int) -> Any:
            yield turn(kit)
            told.append(("event", x))

        for name in ("onconnect", "onleave", "ondisconnect"):
            app.signal(name)(lambda name=name: told.append(name))

        @app.signal("onjoined")
        def broken() -> None:
            raise ZeroDivisionError("a bug")

        @app.signal("onjoined")
        def joined() -> Any:
            yield turn(kit)
            told.append("joined")

        app.signal("mine")(lambda x, y: told.append(("mine", x, y)))
        runner = ApplicationRunner(router_url, "realm1")
        protocol = await runner.run(app, start_reactor=False, log_level=None, reactor=kit.loop)
        app.session.log = type("Log", (), {"error": lambda self, *args, **kwargs: told.append(kwargs["name"])})()
        await until(kit, lambda: "joined" in told)
        assert protocol._session is app.session
        other = await join(kit, transport(router_url))
        assert await other.call("com.example.runners.square", 7) == 49
        other.publish("com.example.runners.topic", 8)
        await until(kit, lambda: ("event", 8) in told)
        await app._fire_signal("mine", 1, y=2)
        await app.session.leave()
        await until(kit, lambda: "ondisconnect" in told)
        assert told == ["onconnect", "onjoined", "joined", ("event", 8), ("mine", 1, 2), "onleave", "ondisconnect"]
        await other.leave()

    run_on_twisted(scenario)


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-89", "W-32")
def test_a_service_comes_back_until_it_is_stopped(router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        from trowamp_compat.twisted.websocket import WampWebSocketClientFactory
        from twisted.application.service import MultiService

        sessions: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onJoin(self, details: Any) -> None:
                sessions.append(self)

        class Service(kit.wamp.Service):  # type: ignore[misc, name-defined]
            def setupService(self) -> None:
                told.append("set up")
                super().setupService()

        told: list[str] = []
        service = Service(router_url, "realm1", Session)
        assert isinstance(service, MultiService)
        assert (told, kit.wamp.Service.factory) == (["set up"], WampWebSocketClientFactory)
        service.reactor = kit.loop
        service.startService()
        await until(kit, lambda: len(sessions) == 1)
        assert sessions[0]._transport.isOpen()
        sessions[0].transport.abort()
        await until(kit, lambda: len(sessions) == 2)
        await service.stopService()
        assert not sessions[1].is_connected()
        with pytest.raises(TransportLost):
            sessions[1].call("com.example.procedure")

    run_on_twisted(scenario)
