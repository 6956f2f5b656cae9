"""The snippets of the programming guide, with only the import changed, on both frameworks."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.types import ComponentConfig, PublishOptions

from tests.compat.kit import Kit, Run, on_both, transport, until
from tests.compat.test_running import Start, ended, start  # noqa: F401  # `start` is a fixture

pytestmark = pytest.mark.autobahn("S-83a")


def nap(kit: Kit, seconds: float) -> Any:
    """Sleep as the framework does it."""
    if kit.name == "asyncio":
        from trowamp_compat.asyncio.util import sleep as pause

        return pause(seconds)
    from trowamp_compat.twisted.util import sleep as pause_on

    return pause_on(seconds, kit.loop)


async def started(kit: Kit, router_url: str, declare: Any, **arguments: Any) -> None:
    """Make a component, declare things on it, and run it until it is done."""
    component = kit.component.Component(transports=transport(router_url, "websocket", "json"), **arguments)
    declare(component)
    await component.start(kit.loop)


@on_both
def test_a_minimal_component_has_a_join_handler(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []

        def declare(component: Any) -> None:
            @component.on_join
            async def joined(session: Any, details: Any) -> None:
                told.append(f"session ready in {details.realm}")
                await session.leave()

        await started(kit, router_url, declare)
        assert told == ["session ready in realm1"]

    run(scenario)


@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
def test_components_are_run(start: Start, framework: str) -> None:  # noqa: F811
    end = ended(
        start(
            """
            import sys
            from trowamp_compat.FRAMEWORK.component import Component, run

            comp = Component(transports=sys.argv[1])

            @comp.on_join
            async def joined(session, details):
                print("session ready")
                await session.leave()

            if __name__ == "__main__":
                run([comp], log_level=None)
            """,
            framework,
        )
    )
    assert end.out.splitlines() == ["session ready"]


@on_both
def test_a_component_has_a_session_of_a_class_of_its_own(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []

        class MySession(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def __init__(self, config: ComponentConfig) -> None:
                super().__init__(config)
                told.append("created")

            def onJoin(self, details: Any) -> None:
                told.append("joined")
                self.leave()

        await started(kit, router_url, lambda component: None, session_factory=MySession)
        assert told == ["created", "joined"]

    run(scenario)


@on_both
def test_procedures_are_registered_when_joining_and_by_decorator(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        def declare(component: Any) -> None:
            @component.register
            def bare_snippet(x: int) -> int:
                return x + 1

            @component.on_join
            async def joined(session: Any, details: Any) -> None:
                def add2(x: int, y: int) -> int:
                    return x + y

                for _ in range(2):
                    try:
                        await session.register(add2, "com.example.snippets.add2")
                        told.append("procedure registered")
                    except ApplicationError as error:
                        told.append(f"could not register procedure: {error.error}")
                try:
                    told.append(await session.call("com.example.snippets.add2", 2, 3))
                    told.append(await session.call("bare_snippet", 3))
                except ApplicationError as error:
                    told.append(f"call error: {error}")
                await session.leave()

        await started(kit, router_url, declare)
        assert told == [
            "procedure registered",
            "could not register procedure: wamp.error.procedure_already_exists",
            5,
            4,
        ]

    run(scenario)


@on_both
def test_topics_are_subscribed_when_joining_and_by_decorator_and_a_loop_publishes(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        heard: list[Any] = []

        def declare_listener(component: Any) -> None:
            @component.subscribe("com.example.snippets.oncounter")
            def oncounter(count: int) -> None:
                heard.append(("decorated", count))

            @component.on_join
            async def joined(session: Any, details: Any) -> None:
                def on_event(count: int) -> None:
                    heard.append(("joined", count))

                await session.subscribe(on_event, "com.example.snippets.oncounter")

            @component.on_ready
            async def ready(session: Any) -> None:
                counter = 0
                while counter < 3:
                    options = PublishOptions(exclude_me=False)
                    assert session.publish("com.example.snippets.oncounter", counter, options=options) is None
                    counter += 1
                    await nap(kit, 0.001)
                await until(kit, lambda: len(heard) == 6)
                await session.leave()

        await started(kit, router_url, declare_listener)
        assert sorted(heard) == [(how, count) for how in ("decorated", "joined") for count in range(3)]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-79", "S-80", "C-36", "S-97")
def test_a_custom_session_is_told_of_all_six_stages_and_ends_though_it_does_not_disconnect(
    run: Run, router_url: str
) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []

        class Log:
            def info(self, text: str, **values: Any) -> None:
                told.append(text.format(**values))

        class CustomSession(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            log = Log()

            def __init__(self, config: ComponentConfig | None = None) -> None:
                kit.wamp.ApplicationSession.__init__(self, config)
                told.append("component created")

            def onConnect(self) -> None:
                told.append("transport connected")
                self.join(self.config.realm)

            def onChallenge(self, challenge: Any) -> None:
                told.append("authentication challenge received")

            def onJoin(self, details: Any) -> None:
                self.log.info("session joined: {details.realm}", details=details)
                self.leave()

            def onLeave(self, details: Any) -> None:
                told.append("session left")

            def onDisconnect(self) -> None:
                told.append("transport disconnected")

        await started(kit, router_url, lambda component: None, session_factory=CustomSession)
        await until(kit, lambda: len(told) == 5)
        assert told == [
            "component created",
            "transport connected",
            "session joined: realm1",
            "session left",
            "transport disconnected",
        ]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-83", "S-17", "S-11")
def test_a_web_application_starts_a_component_and_keeps_its_session(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        class WebApplication:
            def __init__(self, component: Any) -> None:
                self._session: Any = None
                self.told: list[str] = []
                component.on("join", self._initialize)
                component.on("leave", self._uninitialize)

            def _initialize(self, session: Any, details: Any) -> None:
                self.told.append("connected to WAMP router")
                self._session = session

            def _uninitialize(self, session: Any, reason: Any) -> None:
                self.told.append(f"lost WAMP connection: {reason.reason}")
                self._session = None

            async def render(self) -> str:
                if self._session is None:
                    return "no WAMP session"
                self._session.publish("com.example.snippets.served")
                return "published"

        component = kit.component.Component(transports=transport(router_url, "websocket", "json"))
        application = WebApplication(component)
        assert await application.render() == "no WAMP session"
        done = component.start(kit.loop)
        await until(kit, lambda: application._session)
        assert await application.render() == "published"
        application._session.leave()
        await done
        assert application.told == ["connected to WAMP router", "lost WAMP connection: wamp.close.goodbye_and_out"]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-20", "S-15")
def test_the_complete_example_calls_itself_and_leaves_from_its_join_handler(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []
        main_transport = {
            "type": "websocket",
            "url": router_url,
            "max_retries": 5,
            "initial_retry_delay": 1,
            "retry_delay_growth": 2,
            "retry_delay_jitter": 0.5,
            "serializers": ["json"],
            "options": {"open_handshake_timeout": 100},
        }
        component = kit.component.Component(transports=[main_transport], realm="realm1")

        @component.on_connect
        def connected(session: Any, client_protocol: Any) -> None:
            told.append("connected")

        @component.on_join
        async def joined(session: Any, details: Any) -> None:
            told.append("joined")
            await nap(kit, 0.001)
            told.append(await session.call("com.example.snippets.complete", 40))
            await session.leave()
            told.append("left")

        @component.register("com.example.snippets.complete")
        async def complete(number: int) -> int:
            await nap(kit, 0.001)
            return number + 2

        @component.on_leave
        def leaving(session: Any, details: Any) -> None:
            told.append(details.reason)

        @component.on_disconnect
        def disconnected(session: Any, was_clean: bool) -> None:
            told.append(was_clean)

        await component.start(kit.loop)
        await until(kit, lambda: "left" in told and True in told)
        assert told[:4] == ["connected", "joined", 42, "wamp.close.goodbye_and_out"]

    run(scenario)
