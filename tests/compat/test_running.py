"""Whole programs: `run` and `ApplicationRunner`, from their start to their exit code, on both frameworks."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import Ended, Program, environment_of

Start = Callable[..., Program]

# Twisted's logging takes what is printed for messages of its own.
PRINT = "import functools, sys\nprint = functools.partial(print, file=sys.__stdout__, flush=True)\n"

on_both = pytest.mark.parametrize("framework", ["asyncio", "twisted"])


@pytest.fixture
def start(project: Path, tmp_path: Path, router_url: str) -> Iterator[Start]:
    """Start a program that is given as text."""
    programs: list[Program] = []

    def begin(text: str, framework: str, url: str = router_url) -> Program:
        path = tmp_path / "program.py"
        path.write_text(PRINT + textwrap.dedent(text).replace("FRAMEWORK", framework), encoding="utf-8")
        program = Program([url], environment_of(project, {"PYTHONUNBUFFERED": "1"}), tmp_path, start=[str(path)])
        programs.append(program)
        return program

    yield begin
    for program in programs:
        program.close()


def ended(program: Program, code: int = 0) -> Ended:
    """Wait for the end of a program and check its exit code."""
    end = program.end()
    assert end.code == code, end.err
    return end


@on_both
@pytest.mark.autobahn("S-42", "S-43", "C-16", "S-1", "C-22")
@pytest.mark.parametrize("arguments", ["", ", 'error'", ", log_level=None"])
def test_run_ends_when_all_components_are_done(start: Start, framework: str, arguments: str) -> None:
    end = ended(
        start(
            f"""
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            backend, frontend = (Component(transports=sys.argv[1]) for _ in range(2))
            loops = []
            backend.on("start", lambda loop, component: loops.append(loop))
            backend.on_ready(lambda session: frontend.start(loops[0]))

            @backend.register("com.example.add2")
            async def add2(x, y):
                return x + y

            @frontend.on_join
            async def joined(session, details):
                print("sum", await session.call("com.example.add2", 2, 3))
                await session.leave()
                backend.stop()

            run([backend]{arguments})
            print("over")
            """,
            framework,
        )
    )
    assert [line for line in end.out.splitlines() if line in ("sum 5", "over")] == ["sum 5", "over"]


@on_both
@pytest.mark.autobahn("W-12")
def test_run_raises_what_a_component_has_failed_with(start: Start, framework: str) -> None:
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            async def main(reactor, session):
                raise ZeroDivisionError("a bug")

            run(Component(main=main, transports=sys.argv[1]), log_level="error")
            """,
            framework,
        ),
        code=1,
    )
    assert "ZeroDivisionError: a bug" in end.out + end.err  # Twisted's log has taken standard error over


@on_both
@pytest.mark.autobahn("S-44", "W-22")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_run_after_a_goodbye(start: Start, framework: str, number: int) -> None:
    program = start(
        """
        import sys
        from trowamp_compat.FRAMEWORK.component import Component, run

        component = Component(transports=sys.argv[1])
        component.on_ready(lambda session: print("ready"))
        component.on_leave(lambda session, details: print("left:", details.reason))
        run([component], log_level=None)
        print("over")
        """,
        framework,
    )
    program.says("ready")
    end = program.end(signal=number)
    assert (end.code, end.out.split("\n")[:2]) == (0, ["left: wamp.close.goodbye_and_out", "over"]), end.err


@on_both
@pytest.mark.autobahn("S-85", "S-86", "S-95", "W-25")
def test_the_runner_returns_when_the_session_has_been_left(start: Start, framework: str) -> None:
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

            class Session(ApplicationSession):
                async def onJoin(self, details):
                    print("joined", details.realm, self.config.extra["x"])
                    self.leave()

                def onDisconnect(self):
                    print("disconnected")

            ApplicationRunner(sys.argv[1], "realm1", extra={"x": 7}).run(Session, log_level=None)
            print("over")
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["joined realm1 7", "disconnected", "over"]


@on_both
@pytest.mark.autobahn("S-86")
@pytest.mark.parametrize(
    ("make", "url", "error"),
    [
        ("Session", "rs://127.0.0.1:1", "refused|Connect call failed"),
        ("lambda config: 1 / 0", None, "ZeroDivisionError"),
    ],
)
def test_the_runner_raises_what_keeps_it_from_running(
    start: Start, framework: str, make: str, url: str | None, error: str
) -> None:
    text = f"""
        import re
        import sys
        from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession as Session

        try:
            ApplicationRunner(sys.argv[1], "realm1").run({make}, log_level=None)
        except Exception as error:
            print(bool(re.search("{error}", repr(error))), repr(error))
        """
    end = ended(start(text, framework, *([url] if url else [])))
    assert end.out.startswith("True"), end


@on_both
@pytest.mark.autobahn("S-86", "S-87", "S-96", "C-17", "W-25")
def test_the_runner_reconnects_until_it_is_stopped(start: Start, framework: str) -> None:
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.wamp import ApplicationRunner, ApplicationSession

            joined = 0

            class Session(ApplicationSession):
                def onJoin(self, details):
                    global joined
                    joined += 1
                    if joined < 3:
                        self.transport.abort()
                    else:
                        runner.stop()

            runner = ApplicationRunner(sys.argv[1], "realm1", initial_retry_delay=0.05)
            runner.run(Session, log_level=None, auto_reconnect=True)
            print("joined", joined)
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["joined 3"]


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-96")
def test_on_asyncio_the_runner_can_leave_the_loop_to_the_program(start: Start) -> None:
    end = ended(
        start(
            """
            import asyncio
            import sys
            from trowamp_compat.asyncio.wamp import ApplicationRunner, ApplicationSession

            async def main():
                transport, protocol = await ApplicationRunner(sys.argv[1], "realm1").run(
                    ApplicationSession, start_loop=False
                )
                print(type(protocol._session).__name__, transport.is_closing())
                protocol.close()
                await protocol.is_closed

            asyncio.run(main())
            """,
            "asyncio",
        )
    )
    assert end.out.splitlines()[-1:] == ["ApplicationSession False"]


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-88")
def test_an_application_of_decorated_functions_runs_on_twisted(start: Start) -> None:
    end = ended(
        start(
            """
            import sys
            from twisted.internet import reactor
            from twisted.internet.defer import inlineCallbacks, returnValue
            from trowamp_compat.twisted.util import sleep
            from trowamp_compat.twisted.wamp import Application

            app = Application("com.example.app")

            @app.register()
            def square(x):
                yield sleep(0)
                returnValue(x * x)

            @app.subscribe("com.example.app.topic")
            def on_topic(x):
                print("event", x)

            @app.signal("onjoined")
            def joined():
                result = yield app.session.call("com.example.app.square", 7)
                print("square", result)
                app.session.leave()

            @app.signal("onleave")
            def left():
                print("left")

            app.run(sys.argv[1], "realm1")
            print("over")
            """,
            "twisted",
        )
    )
    assert [line for line in end.out.splitlines() if "-" not in line] == ["square 49", "left", "over"]


@on_both
@pytest.mark.parametrize(
    ("error", "is_logged"), [("ApplicationError('com.example.error')", False), ("ValueError('x')", True)]
)
def test_an_application_error_of_a_procedure_is_no_failure_in_the_log(
    start: Start, framework: str, error: str, is_logged: bool
) -> None:
    end = ended(
        start(
            f"""
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run
            from trowamp_compat.wamp.exception import ApplicationError

            component = Component(transports=sys.argv[1])

            @component.register("com.example.fails")
            def fails():
                raise {error}

            @component.on_ready
            async def ready(session):
                try:
                    await session.call("com.example.fails")
                except ApplicationError as error:
                    print("told", error.error)
                await session.leave()

            run([component], log_level="error")
            """,
            framework,
        )
    )
    assert "told " in end.out
    assert ("failure in the procedure com.example.fails" in end.out) is is_logged


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-96")
def test_on_asyncio_a_session_may_stop_the_loop_when_it_is_disconnected(start: Start) -> None:
    end = ended(
        start(
            """
            import asyncio, sys
            from trowamp_compat.asyncio.wamp import ApplicationRunner, ApplicationSession

            class Session(ApplicationSession):
                def onJoin(self, details):
                    self.leave()

                def onDisconnect(self):
                    print("disconnected")
                    asyncio.get_event_loop().stop()

            ApplicationRunner(sys.argv[1], "realm1").run(Session)
            print("over")
            """,
            "asyncio",
        )
    )
    assert [line for line in end.out.splitlines() if line in ("disconnected", "over")] == ["disconnected", "over"]
