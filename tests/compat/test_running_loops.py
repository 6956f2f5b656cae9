"""What `run` does with the loop or reactor of a program, and how it ends when something stops that, or cannot start."""

from __future__ import annotations

import pytest

from tests.compat.test_running import Start, ended, on_both, start  # noqa: F401  # `start` is a fixture


@pytest.mark.frameworks("asyncio")
@pytest.mark.autobahn("S-42", "S-91")
def test_on_asyncio_run_uses_the_loop_that_the_program_has_set_and_ends_what_is_on_it(start: Start) -> None:  # noqa: F811
    end = ended(
        start(
            """
            import asyncio
            import sys
            from trowamp_compat.asyncio.component import Component, run

            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)

            async def background():
                try:
                    await loop.create_future()
                finally:
                    print("the task has ended")

            task = loop.create_task(background())
            component = Component(transports=sys.argv[1])

            @component.on_ready
            def ready(session):
                print("on the loop of the program", asyncio.get_running_loop() is loop)
                try:
                    run(Component())
                except RuntimeError as error:
                    print(error)
                session.leave()

            run([component], log_level=None)
            print(task.cancelled(), loop.is_closed())
            """,
            "asyncio",
        )
    )
    assert end.out.splitlines() == [
        "on the loop of the program True",
        "the event loop runs already: use start_loop=False there",
        "the task has ended",
        "True True",
    ], end.err


@on_both
@pytest.mark.autobahn("S-42", "W-22")
def test_a_program_that_stops_the_loop_leaves_its_sessions_and_goes_on(start: Start, framework: str) -> None:  # noqa: F811
    stop = {
        "asyncio": "import asyncio; stop = lambda: asyncio.get_running_loop().stop()",
        "twisted": "stop = lambda: __import__('twisted.internet', fromlist=['reactor']).reactor.stop()",
    }
    end = ended(
        start(
            f"""
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run
            {stop[framework]}

            component = Component(transports=sys.argv[1])
            component.on_ready(lambda session: stop())
            component.on_leave(lambda session, details: print("left:", details.reason))
            run([component], log_level=None)
            print("over")
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["left: wamp.close.goodbye_and_out", "over"], end.err


@on_both
@pytest.mark.autobahn("S-42", "S-43")
def test_run_refuses_a_component_that_it_is_given_twice_and_fails_with_one_that_cannot_start(
    start: Start,  # noqa: F811
    framework: str,
) -> None:
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            class Broken(Component):
                def start(self, loop=None):
                    raise ZeroDivisionError("a bug")

            lasting = Component(transports=sys.argv[1])
            lasting.on_ready(lambda session: print("ready"))
            lasting.on_leave(lambda session, details: print("left"))
            lasting.on_ready(lambda session: session.leave() and None)
            try:
                run([lasting, lasting], log_level=None)
            except ValueError as error:
                print(error)
            try:
                run([Broken(), lasting], log_level=None)
            except ZeroDivisionError:
                print("raised")
            """,
            framework,
        )
    )
    twice = "run was given the same component twice: it has one session at a time"
    assert end.out.splitlines() == [twice, "ready", "left", "raised"], end.err


@on_both
@pytest.mark.autobahn("S-18")
def test_who_stops_a_component_does_not_wait_for_its_start_listeners(start: Start, framework: str) -> None:  # noqa: F811
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            component = Component(transports=sys.argv[1])

            def begun(loop, component):
                component._face.call_soon(component.stop)
                return component._face.create_future()

            component.on("start", begun)
            run(component, log_level=None)
            print("over")
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["over"], end.err
