"""What is said to a component before it starts: arguments, listeners, procedures and handlers, and what they may be."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator
from typing import Any

import pytest
from trowamp_compat.wamp import component as shared
from trowamp_compat.wamp import message
from trowamp_compat.wamp.auth import create_authenticator
from trowamp_compat.wamp.exception import ApplicationError
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import CloseDetails, PublishOptions, RegisterOptions, SubscribeOptions

from tests.compat.fake_router import FakeRouter
from tests.compat.kit import Kit, Run, join, on_both, transport, turn, until
from tests.compat.websocket.test_sockets import listening

TO_ALL = PublishOptions(acknowledge=True, exclude_me=False)


class Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def a_future(kit: Kit, value: Any) -> Any:
    """Return a future of the framework that is done soon."""
    future = kit.face.create_future()
    kit.face.call_soon(kit.face.resolve, future, value)
    return future


@on_both
@pytest.mark.autobahn("S-1", "S-2", "S-42", "S-43", "S-91", "C-15")
def test_classes_and_functions_stand_where_programs_import_them_from(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        make, run = kit.component.Component, kit.component.run
        assert issubclass(make, shared.Component)
        parameters = inspect.signature(make).parameters.values()
        assert {each.name: each.default for each in parameters} == {
            "main": None,
            "transports": None,
            "config": None,
            "realm": "realm1",
            "extra": None,
            "authentication": None,
            "session_factory": None,
            "is_fatal": None,
        }
        assert next(iter(inspect.signature(run).parameters)) == "components"
        assert {"log_level", "start_loop", "stop_at_close"} < set(inspect.signature(run).parameters)
        for wrong in (None, 7, "component", [make(), 7]):
            with pytest.raises(ValueError, match="component"):
                run(wrong)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-3", "S-17", "S-18")
def test_a_component_leaves_when_main_is_done_or_else_when_somebody_says_so(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        def component(main: Any = None) -> Any:
            made = kit.component.Component(main, transport(router_url))
            made.on_leave(lambda session, details: told.append(details.reason))
            return made

        def sync_main(loop: Any, session: Any) -> str:
            told.append(session.is_attached())
            return "for nobody"

        async def async_main(loop: Any, session: Any) -> str:
            await turn(kit)
            return sync_main(loop, session)

        for main in (sync_main, async_main):
            done = component(main).start(kit.loop)
            assert isinstance(done, asyncio.Future if kit.name == "asyncio" else _deferred())
            assert await done is None
        assert told == [True, "wamp.close.goodbye_and_out"] * 2
        if kit.name == "asyncio":
            assert await component(sync_main).start() is None  # on the loop that runs

        staying = component()
        sessions: list[Any] = []
        staying.on_ready(sessions.append)
        done = staying.start(kit.loop)
        await until(kit, lambda: sessions)
        for _ in range(5):
            await turn(kit)
        assert (kit.face.is_done(done), sessions[0].is_attached()) == (False, True)
        sessions[0].leave()
        assert await done is None

    run(scenario)


def _deferred() -> Any:
    from twisted.internet.defer import Deferred

    return Deferred


@on_both
@pytest.mark.autobahn("S-7", "S-36")
def test_authentication_is_options_by_name_or_authenticators_or_nothing(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        def hello(authentication: Any) -> Any:
            router = FakeRouter(kit)
            component = kit.component.Component(authentication=authentication)
            session = component._make_session()
            router.open(session)
            (sent,) = router.of(message.Hello)
            return sent.authmethods, sent.authid, sent.authrole, sent.authextra

        common = {"authid": "joe", "authrole": "user", "authextra": {"a": 1}}
        assert hello(None) == (None, None, None, None)
        assert hello({"ticket": {**common, "ticket": "t"}}) == (["ticket"], "joe", "user", {"a": 1})
        assert hello({"mine": create_authenticator("wampcra", **common, secret="s")})[:3] == (
            ["wampcra"],
            "joe",
            "user",
        )
        methods, _, _, extra = hello(
            {"anonymous": {}, "cryptosign": {"privkey": "00" * 32, **common}, "scram": {**common, "password": "p"}}
        )
        assert (methods, sorted(extra)) == (["anonymous", "cryptosign", "scram"], ["a", "nonce", "pubkey"])

    run(scenario)


@on_both
@pytest.mark.autobahn("S-8")
def test_a_session_factory_is_called_with_the_configuration(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        configs: list[Any] = []

        def make(config: Any) -> Any:
            configs.append((config.realm, config.extra))
            return kit.wamp.Session(config)

        await kit.component.Component(
            lambda session: None, transport(router_url), extra={"a": 1}, session_factory=make
        ).start(kit.loop)
        assert configs == [("realm1", {"a": 1})]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-10", "S-11", "S-81", "S-82", "C-23")
def test_each_event_has_a_decorator_and_listeners_of_it_get_what_is_documented(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []
        nowhere = {"type": "rawsocket", "url": "rs://127.0.0.1:1"}
        component = kit.component.Component(transports=[nowhere, transport(router_url)])
        component.log = Silent()

        @component.on_connectfailure
        def failed(*args: Any) -> None:
            told.append(("connectfailure", args[0] is component, isinstance(args[1], Exception), len(args)))

        @component.on_connect
        def connected(*args: Any) -> None:
            told.append(("connect", args[0].transport is args[1], len(args)))

        @component.on_join
        def joined(*args: Any) -> None:
            told.append(("join", args[1].session == args[0].session_id, len(args)))

        @component.on_ready
        def ready(*args: Any) -> None:
            told.append(("ready", args[0].is_attached(), len(args)))
            args[0].leave()

        @component.on_leave
        def left(*args: Any) -> None:
            told.append(("leave", type(args[1]) is CloseDetails, len(args)))

        @component.on_disconnect
        def disconnected(session: Any, was_clean: bool) -> None:
            told.append(("disconnect", was_clean))

        component.on("ready", lambda session: told.append("another listener"))
        assert all(callable(each) for each in (failed, connected, joined, ready, left, disconnected))
        await component.start(kit.loop)
        await until(kit, lambda: ("disconnect", True) in told)
        assert told == [
            ("connectfailure", True, True, 2),
            ("connect", True, 2),
            ("join", True, 2),
            ("ready", True, 1),
            "another listener",
            ("leave", True, 2),
            ("disconnect", True),
        ]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-12", "S-14", "S-16", "S-15")
def test_what_is_declared_serves_every_session_anew(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        keys = {"initial_retry_delay": 0.05, "retry_delay_jitter": 0}
        component = kit.component.Component(transports={**transport(router_url), **keys})
        component.log = Silent()
        heard: list[Any] = []
        sessions: list[Any] = []
        tells: list[int] = []

        @component.register(
            "com.example.declared.add", options=RegisterOptions(details_arg="details"), check_types=True
        )
        def add(x: int, y: int, details: Any = None) -> int:
            return x + y if details.procedure.endswith("add") else 0

        @component.subscribe("com.example.declared", options=SubscribeOptions(match="prefix", details=True))
        def on_event(x: Any, details: Any = None) -> None:
            heard.append((x, details.topic))

        @component.subscribe("com.example.declared.number", check_types=True)
        def on_number(x: int) -> None:
            heard.append(("number", x))

        component.on_leave(lambda session, details: tells.append(len(sessions)))

        @component.on_ready
        async def ready(session: Any) -> None:
            sessions.append(session)
            assert await session.call("com.example.declared.add", 2, 3) == 5
            with pytest.raises(ApplicationError) as caught:
                await session.call("com.example.declared.add", 2, "3")
            assert caught.value.error == "wamp.error.type_check_error"
            await session.publish("com.example.declared.number", len(sessions), options=TO_ALL)
            await until(kit, lambda: len(heard) == 2 * len(sessions))
            if len(sessions) < 2:
                session.transport.abort()
            else:
                await session.leave()

        await component.start(kit.loop)
        topic = "com.example.declared.number"
        assert sorted(heard, key=str) == sorted([("number", 1), (1, topic), ("number", 2), (2, topic)], key=str)
        assert (len(set(map(id, sessions))), tells) == (2, [1, 2])
        assert (add(1, 1, type("Details", (), {"procedure": "add"})), on_event.__name__) == (2, "on_event")
        with pytest.raises(AssertionError):
            component.register("com.example", options=SubscribeOptions())
        with pytest.raises(AssertionError):
            component.subscribe("com.example", options=RegisterOptions())

    run(scenario)


@on_both
@pytest.mark.autobahn("S-15", "C-22", "C-35")
def test_callbacks_return_values_futures_and_coroutines_or_are_generators(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=transport(router_url))
        told: list[Any] = []

        def plain(session: Any, details: Any) -> None:
            told.append("plain")

        def future(session: Any, details: Any) -> Any:
            done = a_future(kit, None)
            kit.face.when_done(done, lambda _: told.append("future"), told.append)
            return done

        async def coroutine(session: Any, details: Any) -> None:
            await a_future(kit, None)
            told.append("coroutine")

        def generator(session: Any, details: Any) -> Generator[Any, Any, None]:
            told.append((yield a_future(kit, "generator")))

        listeners: list[Any] = [plain, future, coroutine, generator]
        if kit.name == "twisted":
            from twisted.internet.defer import inlineCallbacks

            listeners.append(inlineCallbacks(generator))
        for listener in listeners:
            component.on_join(listener)

        @component.on_ready
        def ready(session: Any) -> None:
            told.append("ready")
            session.leave()

        await component.start(kit.loop)
        assert (sorted(told[:-1]), told[-1]) == (
            sorted(["plain", "future", "coroutine"] + ["generator"] * (len(listeners) - 3)),
            "ready",
        )

    run(scenario)


@on_both
@pytest.mark.autobahn("S-20", "S-15")
def test_join_handlers_start_together_in_the_order_of_their_declaration(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports=transport(router_url))
        told: list[Any] = []
        first_may_end = kit.face.create_future()

        @component.register("com.example.declared.own")
        def own(x: int) -> int:
            return x * 2

        @component.on_join
        async def first(session: Any, details: Any) -> None:
            told.append("first begins")
            await first_may_end
            told.append("first ends")

        @component.on_join
        async def second(session: Any, details: Any) -> None:
            told.append("second begins")
            await turn(kit)
            told.append(await session.call("com.example.declared.own", 21))
            kit.face.resolve(first_may_end)
            await session.leave()
            told.append("second ends")

        await component.start(kit.loop)
        assert told[:3] == ["first begins", "second begins", 42]
        await until(kit, lambda: len(told) == 5)
        assert sorted(told[3:]) == ["first ends", "second ends"]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-19", "S-6")
def test_components_of_one_program_link_realms_of_different_routers(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        routers = Router(["one"]), Router(["two"])
        factories = [kit.rawsocket.WampRawSocketServerFactory(router) for router in routers]
        heard: list[Any] = []
        async with listening(kit, factories[0]) as first_port, listening(kit, factories[1]) as second_port:
            first = kit.component.Component(transports=f"rs://127.0.0.1:{first_port}", realm="one")
            second = kit.component.Component(transports=f"rs://127.0.0.1:{second_port}", realm="two")
            sessions: dict[str, Any] = {}
            for component in (first, second):
                component.on_ready(lambda session: sessions.update({session.realm: session}))

            @first.subscribe("com.example.news")
            def passed_on(text: str) -> None:
                sessions["two"].publish(
                    "com.example.news", f"{text} from one", options=PublishOptions(exclude_me=False)
                )

            second.subscribe("com.example.news")(heard.append)
            ends = [component.start(kit.loop) for component in (first, second)]
            await until(kit, lambda: len(sessions) == 2)
            source = await join(kit, {"type": "rawsocket", "url": f"rs://127.0.0.1:{first_port}"}, in_realm(kit, "one"))
            source.publish("com.example.news", "hello")
            await until(kit, lambda: heard)
            await source.leave()
            for component in (first, second):
                component.stop()
            for end in ends:
                await end
            await until(kit, lambda: all(router.statistics().connections == 0 for router in routers))
        assert heard == ["hello from one"]

    run(scenario)


def in_realm(kit: Kit, realm: str) -> Any:
    """Return what makes sessions of a realm."""

    def make(config: Any) -> Any:
        config.realm = realm
        return kit.wamp.ApplicationSession(config)

    return make
