"""Single statements of the API that belong to no larger story: helpers, factories, orders of arguments, names that programs look at."""

from __future__ import annotations

import inspect
import socket
from pathlib import Path
from typing import Any

import pytest
from trowamp_compat.asyncio.wamp import ApplicationRunner
from trowamp_compat.wamp import message
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import Challenge, ComponentConfig, RegisterOptions

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, join, on_both, transport, turn, until

FAST = {"initial_retry_delay": 0.05, "retry_delay_jitter": 0}


def nowhere() -> dict[str, Any]:
    """Return a transport to where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return {"type": "rawsocket", "url": f"rs://127.0.0.1:{server.getsockname()[1]}", **FAST}


@on_both
@pytest.mark.autobahn("W-20")
def test_a_registration_takes_as_many_invocations_at_a_time_as_its_options_say(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        running: list[Any] = []

        def procedure(x: int) -> Any:
            running.append(kit.face.create_future())
            return running[-1]

        registration = await session.register(procedure, "com.example.procedure", RegisterOptions(concurrency=2))
        requests = [router.invoke(registration, i) for i in range(5)]
        assert len(running) == 2
        router.say(message.Interrupt(requests[3]))
        assert router.of(message.Error)[0].error == "wamp.error.canceled"
        kit.face.resolve(running[0], "first")
        await until(kit, lambda: len(running) == 3)
        kit.face.reject(running[1], ValueError("second"))
        await until(kit, lambda: len(running) == 4)
        kit.face.resolve(running[2], "third")
        kit.face.resolve(running[3], "fifth")
        await until(kit, lambda: len(router.of(message.Yield)) == 3)
        assert [sent.request for sent in router.of(message.Yield)] == [requests[0], requests[2], requests[4]]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-31")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_listener_of_connectfailure_that_raises_fails_the_transport(
    run: Run, router_url: str, is_async: bool
) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        def fail(component: Any, error: Any) -> None:
            told.append(error)
            raise LookupError("not there")

        async def fail_later(component: Any, error: Any) -> None:
            await turn(kit)
            fail(component, error)

        lonely = kit.component.Component(transports=[nowhere()])
        lonely.on_connectfailure(fail_later if is_async else fail)
        with pytest.raises(LookupError):
            await lonely.start(kit.loop)
        lucky = kit.component.Component(lambda loop, session: None, transports=[nowhere(), transport(router_url)])
        lucky.on_connectfailure(fail_later if is_async else fail)
        await lucky.start(kit.loop)
        assert len(told) == 2

    run(scenario)


@on_both
@pytest.mark.autobahn("C-31", "S-3")
def test_main_takes_loop_and_session_or_the_session_alone(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        seen: list[Any] = []
        for main in (lambda loop, session: seen.append(session.realm), lambda session: seen.append(session.realm)):
            await kit.component.Component(main, transports=transport(router_url)).start(kit.loop)
        assert seen == ["realm1", "realm1"]

    run(scenario)


@on_both
@pytest.mark.autobahn("C-25")
def test_authenticators_are_objects_or_names_and_on_welcome_has_either_form(run: Run) -> None:
    class Documented:
        name = "documented"
        authextra = {"a": 1}  # noqa: RUF012

        def on_challenge(self, session: Any, challenge: Challenge) -> str:
            return "answer"

        def on_welcome(self, authextra: Any) -> None:
            told.append(("documented", authextra))

    class Actual(Documented):
        name = "actual"

        def on_welcome(self, session: Any, authextra: Any) -> str:  # type: ignore[override]
            told.append(("actual", session.is_connected()))
            return "no"

    told: list[Any] = []

    async def scenario(kit: Kit, authenticator: Any, options: dict[str, Any]) -> Any:
        router = FakeRouter(kit)
        welcome = router.answers[message.Hello]

        def challenge(hello: Any) -> Any:
            router.answers[message.Authenticate] = lambda sent: _with_method(welcome(hello), hello.authmethods[0])
            return message.Challenge(hello.authmethods[0], {"challenge": "{}"})

        router.answers[message.Hello] = challenge
        session = kit.wamp.Session(ComponentConfig(realm="realm1"))
        session.add_authenticator(authenticator, **options)
        router.open(session)
        hello = router.of(message.Hello)[0]
        return hello.authid, hello.authextra, router.of(message.Authenticate)[0].signature, session.is_attached()

    told.clear()
    assert run(scenario, Documented(), {}) == (None, {"a": 1}, "answer", True)
    assert run(scenario, Actual(), {})[3] is False
    assert told == [("documented", None), ("actual", True)]
    assert run(scenario, "ticket", {"authid": "joe", "ticket": "secret"}) == ("joe", None, "secret", True)
    authid, _, signature, is_attached = run(scenario, "wampcra", {"authid": "joe", "secret": "s"})
    assert (authid, len(signature), is_attached) == ("joe", 44, True)


def _with_method(welcome: Any, method: str) -> Any:
    welcome.authmethod = method
    return welcome


@on_both
@pytest.mark.autobahn("S-84", "S-91", "W-32")
def test_factories_make_sessions_and_programs_find_what_they_look_for(run: Run, router_url: str) -> None:
    async def scenario(kit: Kit) -> None:
        class Factory(kit.wamp.ApplicationSessionFactory):  # type: ignore[misc, name-defined]
            session = kit.wamp.Session

        factory = Factory(ComponentConfig("realm1", extra=5))
        made = factory()
        assert (made.factory, made.config.extra, type(made)) == (factory, 5, kit.wamp.Session)
        assert kit.wamp.ApplicationSessionFactory.session is kit.wamp.ApplicationSession
        assert kit.component.Component.session_factory is kit.wamp.Session
        session = await join(kit, transport(router_url))
        assert (session._transport, session._transport._session) == (session.transport, session)
        assert (session._session_id, session._realm) == (session.session_id, "realm1")
        assert (session._registrations, session._subscriptions, session._authrole) == ({}, {}, session.authrole)
        await session.leave()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-4", "S-23")
def test_a_router_can_be_reached_through_a_unix_socket(run: Run, tmp_path: Path) -> None:
    async def scenario(kit: Kit) -> None:
        path = str(tmp_path / "router.sock")
        factory = kit.rawsocket.WampRawSocketServerFactory(Router(["realm1"]))
        if kit.name == "asyncio":
            close = (await kit.loop.create_unix_server(factory, path)).close
        else:
            close = kit.loop.listenUNIX(path, factory).stopListening
        results: list[str] = []
        config_of = ApplicationRunner(f"rs://unix:{path}", "realm1")._config
        assert config_of(auto_reconnect=False).endpoint.path == path
        for config in (f"rs://unix:{path}", {"type": "rawsocket", "endpoint": {"type": "unix", "path": path}}):
            component = kit.component.Component(
                lambda session: results.append(session.transport.transport_details.peer), transports=config
            )
            await component.start(kit.loop)
        assert results == [f"unix:{path}"] * 2
        close()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-3", "S-27")
@pytest.mark.parametrize("answer", ["200 OK", "403 Forbidden"])
def test_a_proxy_is_asked_for_the_connection(run: Run, router_url: str, answer: str) -> None:
    async def scenario(kit: Kit) -> None:
        target = router_url.removeprefix("ws://").removesuffix("/ws")
        asked: list[bytes] = []
        port, close = await _listen_as_proxy(kit, target, answer, asked)
        config = {**transport(router_url, "websocket", "json"), "proxy": {"host": "127.0.0.1", "port": port}}
        component = kit.component.Component(lambda session: None, transports={**config, "max_retries": 0})
        component.log = _Silent()
        done = component.start(kit.loop)
        if answer.startswith("200"):
            assert await done is None
        else:
            with pytest.raises(Exception, match=answer):
                await done
        assert asked[0].startswith(f"CONNECT {target} HTTP/1.1\r\n".encode())
        close()

    run(scenario)


class _Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


async def _listen_as_asyncio_proxy(kit: Kit, target: str, answer: str, asked: list[bytes]) -> tuple[int, Any]:
    import asyncio

    host, _, port = target.partition(":")
    tasks: list[Any] = []
    writers: list[Any] = []

    async def copy(reader: Any, writer: Any) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def serve(reader: Any, writer: Any) -> None:
        writers.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {answer}\r\n\r\n".encode())
        if not answer.startswith("200"):
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        writers.append(inner_writer)
        tasks.append(kit.loop.create_task(copy(reader, inner_writer)))
        tasks.append(kit.loop.create_task(copy(inner_reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    def close() -> None:
        server.close()
        for writer in writers:
            writer.transport.abort()

    return server.sockets[0].getsockname()[1], close


async def _listen_as_proxy(kit: Kit, target: str, answer: str, asked: list[bytes]) -> tuple[int, Any]:
    """Run a proxy that answers, and passes octets on."""
    host, _, port = target.partition(":")
    if kit.name == "asyncio":
        return await _listen_as_asyncio_proxy(kit, target, answer, asked)
    from twisted.internet.protocol import Factory
    from twisted.protocols.portforward import ProxyClient, ProxyClientFactory, ProxyServer

    class ClientFactory(ProxyClientFactory):
        noisy = False
        protocol = ProxyClient

    class Server(ProxyServer):
        reactor = kit.loop
        clientProtocolFactory = ClientFactory
        head = b""
        peer: Any
        transport: Any

        def connectionMade(self) -> None:
            """Wait for the request."""

        def dataReceived(self, data: bytes) -> None:
            if self.peer is not None:
                self.peer.transport.write(data)
                return
            self.head += data
            if self.head.endswith(b"\r\n\r\n"):
                asked.append(self.head)
                self.transport.write(f"HTTP/1.1 {answer}\r\n\r\n".encode())
                if not answer.startswith("200"):
                    self.transport.loseConnection()
                    return
                self.factory.host, self.factory.port = host, int(port)
                super().connectionMade()

    factory: Any = Factory.forProtocol(Server)
    factory.noisy = False
    listening = kit.loop.listenTCP(0, factory, interface="127.0.0.1")
    return listening.getHost().port, listening.stopListening


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("C-18")
@pytest.mark.parametrize(
    ("more", "named", "options", "retries"),
    [
        ((), {}, None, {}),
        (({"autoPingInterval": 5},), {}, {"autoPingInterval": 5}, {}),
        (
            ({"autoPingInterval": 5}, 3, 0.5),
            {},
            {"autoPingInterval": 5},
            {"max_retries": 3, "initial_retry_delay": 0.5},
        ),
        ((3, 0.5), {}, None, {"max_retries": 3, "initial_retry_delay": 0.5}),
        ((None, 3, 0.5, 7, 2, 0.1), {}, None, {"max_retries": 3, "max_retry_delay": 7}),
        ((), {"websocket_options": {}, "max_retries": 4}, {}, {"max_retries": 4}),
    ],
)
def test_after_the_headers_come_websocket_options_or_numbers(
    more: tuple[Any, ...], named: dict[str, Any], options: Any, retries: dict[str, Any]
) -> None:
    read = ApplicationRunner("ws://h/ws", "realm1", None, None, None, None, None, *more, **named)
    assert read._websocket_options == options
    assert {**read._retries, **retries} == read._retries


@pytest.mark.autobahn("S-85", "S-95", "S-96")
@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
def test_the_runner_takes_what_is_documented_and_refuses_the_rest(framework: str) -> None:
    runner: Any
    if framework == "asyncio":
        from trowamp_compat.asyncio.wamp import ApplicationRunner as runner
    else:
        from trowamp_compat.twisted.wamp import ApplicationRunner as runner
    names = list(inspect.signature(runner).parameters)
    assert names[:7] == ["url", "realm", "extra", "serializers", "ssl", "proxy", "headers"]
    made = runner("ws://h/ws", "realm1", {"a": 1}, ["json"], None, {"host": "p", "port": 1}, {"X-A": "b"})
    assert (made.url, made.realm, made.extra) == ("ws://h/ws", "realm1", {"a": 1})
    with pytest.raises(RuntimeError):
        runner("ws://h/ws", "realm1", ssl=True)
    for wrong in ((7, "realm1"), ("ws://h/ws", 7)):
        with pytest.raises(AssertionError):
            runner(*wrong)
    with pytest.raises(TypeError):
        runner("ws://h/ws", "realm1", unknown=1)


@on_both
@pytest.mark.autobahn("S-78")
def test_sleep_is_over_after_its_delay_and_not_before(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        before = kit.face.now()
        if kit.name == "asyncio":
            from trowamp_compat.asyncio.util import sleep as pause

            await pause(0.01)
        else:
            from trowamp_compat.twisted.util import sleep as pause_on

            await pause_on(0.01, kit.loop)
        assert kit.face.now() - before >= 0.009

    run(scenario)


@pytest.mark.frameworks("twisted")
@pytest.mark.autobahn("S-89")
def test_a_service_is_a_session_that_starts_and_stops_with_its_parent(router_url: str) -> None:
    from trowamp_compat.twisted.wamp import ApplicationSession, Service

    from tests.compat.kit import run_on_twisted

    told: list[str] = []

    class Session(ApplicationSession):
        def onJoin(self, details: Any) -> None:
            told.append(f"joined {details.realm} {self.config.extra['x']}")

        def onDisconnect(self) -> None:
            told.append("disconnected")

    async def scenario(kit: Any) -> None:
        service = Service(router_url, "realm1", Session, extra={"x": 1})
        service.reactor = kit.loop
        service.startService()
        await until(kit, lambda: told)
        await service.stopService()
        assert told == ["joined realm1 1", "disconnected"]

    class OfAnotherFactory(Service):
        factory = object()

    with pytest.raises(Exception, match="TLS"):
        Service("ws://h/ws", "realm1", Session, context_factory=object())
    with pytest.raises(Exception, match="another factory would not be used"):
        OfAnotherFactory("ws://h/ws", "realm1", Session)
    run_on_twisted(scenario)
