"""What the original does wrong or not at all, and what happens here instead: requests, sessions and their ends."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest
from trowamp_compat.wamp import auth, message
from trowamp_compat.wamp.exception import ApplicationError, TransportLost
from trowamp_compat.wamp.router import Router
from trowamp_compat.wamp.types import CallOptions, Challenge, ComponentConfig, EncodedPayload, RegisterOptions

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, join, on_both, run_on_asyncio, run_on_twisted, transport, turn, until
from tests.compat.websocket.test_sockets import listening, module_of


@on_both
@pytest.mark.autobahn("W-2")
def test_nothing_seeds_or_uses_the_random_numbers_of_the_program(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        module = module_of(kit)
        secrets = []
        for _ in range(2):
            random.seed(7)
            state = random.getstate()
            module.WebSocketServerFactory("ws://localhost:9000")
            module.WebSocketClientFactory("ws://localhost:9000")
            module.WampWebSocketClientFactory(kit.wamp.ApplicationSession, "ws://localhost:9000")
            kit.rawsocket.WampRawSocketClientFactory(kit.wamp.ApplicationSession)
            secrets.append(auth.generate_wcs())
            assert random.getstate() == state
        assert secrets[0] != secrets[1]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-10")
@pytest.mark.parametrize("mode", ["skip", "kill", "killnowait"])
def test_a_cancelled_call_says_how_and_waits_in_no_table(run: Run, mode: Any) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure", options=CallOptions(cancel_mode=mode))
        waiting.cancel()
        await turn(kit)
        (sent,) = router.of(message.Cancel)
        assert (sent.request, sent.mode) == (1, mode)
        with pytest.raises(kit.face.canceled):
            await waiting
        router.say(message.Error(48, 1, "wamp.error.canceled"))
        assert session._core.pending_calls == 0
        lost = session.call("com.example.procedure")
        router.close()
        with pytest.raises(TransportLost):
            await lost
        lost.cancel()
        assert len(router.of(message.Cancel)) == 1

    run(scenario)


@on_both
@pytest.mark.autobahn("W-11")
def test_the_session_announces_that_it_can_time_calls_out(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, _ = joined(kit)
        roles = router.of(message.Hello)[0].roles
        assert roles["caller"].call_timeout is True
        assert roles["callee"].call_timeout is True

    run(scenario)


class Refusing:
    """A codec that can read nothing."""

    def encode(self, is_originating: bool, uri: str, args: Any = None, kwargs: Any = None) -> None:
        """Leave everything as it is."""

    def decode(self, is_originating: bool, uri: str, encoded: EncodedPayload) -> Any:
        raise ValueError(f"cannot read {uri}")


@on_both
@pytest.mark.autobahn("W-16", "W-18")
def test_what_cannot_be_decrypted_is_told_with_the_error(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        told: list[Any] = []
        session.onUserError = lambda fail, msg: told.append((fail.value.error, msg))
        session.set_payload_codec(Refusing())
        heard: list[Any] = []
        subscription = await session.subscribe(heard.append, "com.example.topic")
        secret: dict[str, Any] = {"payload": b"secret", "enc_algo": "cryptobox", "enc_serializer": "json"}
        router.say(message.Event(subscription.id, 1, **secret))
        waiting = session.call("com.example.procedure", options=CallOptions(on_progress=heard.append))
        router.say(message.Result(2, progress=True, **secret))
        assert [error for error, _ in told] == [ApplicationError.ENC_DECRYPT_ERROR] * 2
        assert "com.example.topic" in told[0][1]
        assert "com.example.procedure" in told[1][1]
        router.say(message.Result(2, **secret))
        with pytest.raises(ApplicationError, match="cannot read"):
            await waiting
        assert (heard, session.is_attached()) == ([], True)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-17")
def test_keywords_of_invocations_and_events_may_have_the_names_of_details(run: Run) -> None:
    payload = {"caller": 1, "procedure": "p", "topic": "t", "publisher": 2, "enc_algo": "x", "progress": 3}

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        heard: list[Any] = []

        def procedure(details: Any = None, **kwargs: Any) -> None:
            heard.append((kwargs, details.caller))

        options = RegisterOptions(details=True)
        router.invoke(await session.register(procedure, "com.example.procedure", options), caller=7, kwargs=payload)
        subscription = await session.subscribe(lambda **kwargs: heard.append(kwargs), "com.example.topic")
        router.say(message.Event(subscription.id, 1, kwargs=payload, publisher=8))
        assert heard == [(payload, 7), payload]
        assert session.is_attached()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-21")
def test_a_goodbye_that_nobody_answers_ends_the_session_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trowamp_compat.wamp._lifecycle.GOODBYE_TIMEOUT", 0.01)

    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Goodbye)
        told: list[str] = []
        session.on("leave", lambda session, details: told.append(details.reason))
        waiting = session.leave()
        assert session.is_attached()
        await waiting
        await until(kit, lambda: told)
        assert (router.isOpen(), session.is_attached(), session.is_connected()) == (False, False, False)

    run(scenario)


@on_both
@pytest.mark.autobahn("W-22")
def test_every_start_of_a_component_fails_if_it_fails(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports={"url": "rs://127.0.0.1:1", "max_retries": 0})
        for _ in range(2):
            with pytest.raises(Exception, match=r"refused|Connect call failed"):
                await component.start(kit.loop)
        running = kit.component.Component(transports={"url": "rs://127.0.0.1:1", "initial_retry_delay": 50})
        done = running.start(kit.loop)
        with pytest.raises(RuntimeError, match="started already"):
            running.start(kit.loop)
        running.stop()
        await done

    run(scenario)


@on_both
@pytest.mark.autobahn("W-26")
def test_functions_whose_types_are_checked_stay_what_they_are(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        session.onUserError = lambda fail, msg: None

        def procedure(x: int, more: list[int] | dict[str, int]) -> int:
            return x + len(more)

        registration = await session.register(procedure, "com.example.procedure", check_types=True)
        for more in ([1], {"a": 1}, ["a"], 7):
            router.invoke(registration, 1, more)
        assert [sent.args for sent in router.of(message.Yield)] == [(2,), (2,)]  # at once, as without
        assert [sent.error for sent in router.of(message.Error)] == ["wamp.error.type_check_error"] * 2
        assert procedure(1, [1]) == 2

    run(scenario)


@pytest.mark.frameworks("asyncio", "twisted")
@pytest.mark.autobahn("W-27")
def test_both_frameworks_and_several_loops_serve_one_process_at_the_same_time(router_url: str) -> None:
    started, over = threading.Barrier(3), threading.Event()
    errors: list[BaseException] = []

    async def callee(kit: Kit, name: str) -> None:
        session = await join(kit, transport(router_url))
        await session.register(lambda x: f"{name} {x}", f"com.example.loops.{name}")
        await asyncio.to_thread(started.wait, 10)
        await asyncio.to_thread(over.wait, 10)
        await session.leave()

    def serve(name: str) -> None:
        try:
            run_on_asyncio(callee, name)
        except BaseException as error:  # noqa: BLE001  # the test fails with it
            errors.append(error)

    async def caller(kit: Kit) -> list[str]:
        session = await join(kit, transport(router_url))
        answers = [await session.call(f"com.example.loops.{name}", 1) for name in ("first", "second")]
        await session.leave()
        return answers

    threads = [threading.Thread(target=serve, args=[name]) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    started.wait(10)
    try:
        assert run_on_twisted(caller) == ["first 1", "second 1"]
        assert run_on_asyncio(caller) == ["first 1", "second 1"]
    finally:
        over.set()
        for thread in threads:
            thread.join(10)
    assert errors == []


@on_both
@pytest.mark.autobahn("W-28")
def test_an_authenticator_needs_its_name_and_its_methods_only(run: Run) -> None:
    class Minimal:
        name = "ticket"

        def on_challenge(self, session: Any, challenge: Challenge) -> str:
            return f"answer to {challenge.method}"

    async def scenario(kit: Kit) -> None:
        assert isinstance(kit.component.__all__, list)
        assert {"Component", "run"} <= set(kit.component.__all__)
        router = FakeRouter(kit)
        welcome = router.answers[message.Hello]
        hellos: list[Any] = []

        def challenge(hello: Any) -> Any:
            hellos.append(hello)
            return message.Challenge("ticket")

        router.answers[message.Hello] = challenge
        router.answers[message.Authenticate] = lambda sent: welcome(hellos[0])
        session = kit.component.Component(authentication={"mine": Minimal()})._make_session()
        router.open(session)
        assert hellos[0].authmethods == ["ticket"]
        assert router.of(message.Authenticate)[0].signature == "answer to ticket"
        assert session.is_attached()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-29", "W-15")
def test_what_crosses_an_unsubscribe_or_unregister_on_its_way_ends_nothing(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registration = await session.register(print, "com.example.procedure")
        subscription = await session.subscribe(print, "com.example.topic")
        ends = [registration.unregister(), subscription.unsubscribe()]
        router.say(message.Event(subscription.id, 1), message.Invocation(5, registration.id))
        for end in ends:
            await end
        assert router.of(message.Error)[0].request == 5
        assert session.is_attached()

    run(scenario)


class Handler:
    """The server's side of a connection, which says what is no WAMP."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.transport: Any = None

    def onOpen(self, transport: Any) -> None:
        self.transport = transport

    def onMessage(self, heard: Any) -> None:
        self.heard.append(heard)
        if isinstance(heard, message.Hello):
            roles: dict[str, Any] = {"broker": {"features": {}}, "dealer": {"features": {}}}
            welcome = message.Welcome.parse([2, 1, {"roles": roles}])
            welcome.realm = heard.realm
            self.transport.send(welcome)

    def onClose(self, was_clean: bool) -> None:
        self.heard.append("closed")


@on_both
@pytest.mark.autobahn("W-30")
def test_a_router_that_does_not_speak_wamp_is_told_so_with_an_abort(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        handler = Handler()
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(handler)) as port:
            session = await join(kit, {"type": "rawsocket", "url": f"rs://127.0.0.1:{port}", "serializer": "json"})
            told: list[str] = []
            session.on("leave", lambda session, details: told.append(details.reason))
            waiting = session.call("com.example.procedure")
            handler.transport._write(b"\x00\x00\x00\x04[36]")
            with pytest.raises((TransportLost, ApplicationError)):
                await waiting
            await until(kit, lambda: "closed" in handler.heard)
            aborts = [each for each in handler.heard if isinstance(each, message.Abort)]
            assert [abort.reason for abort in aborts] == ["wamp.error.protocol_violation"]
            assert told == ["wamp.error.protocol_violation"]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-33")
def test_what_was_misspelled_is_spelled(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        hello = message.Hello("realm1", joined(kit)[0].of(message.Hello)[0].roles, authmethods=["ticket"])
        assert hello.marshal()[2]["authmethods"] == ["ticket"]
        welcome = message.Welcome.parse([2, 1, {"roles": {"broker": {"features": {}}}, "authmethod": "ticket"}])
        assert (welcome.authmethod, welcome.marshal()[2]["authmethod"]) == ("ticket", "ticket")
        for proxy in ({"host": "h"}, {"host": 1, "port": 1}, {"host": "h", "port": "x"}):
            with pytest.raises(ValueError, match="proxy"):
                kit.component.Component(transports={"url": "ws://h/", "proxy": proxy})

    run(scenario)


@on_both
@pytest.mark.autobahn("W-7", "W-14", "W-21")
def test_a_session_that_is_lost_in_the_middle_of_everything_leaves_nothing_behind(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router = Router(["realm1"])
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(router)) as port:
            config = {"type": "rawsocket", "url": f"rs://127.0.0.1:{port}"}
            callee, caller = await join(kit, config), await join(kit, config, in_session(kit))
            running: list[Any] = []

            def forever() -> Any:
                running.append(kit.face.create_future())
                return running[-1]

            await callee.register(forever, "com.example.forever")
            waiting = caller.call("com.example.forever")
            await until(kit, lambda: running)
            callee.transport.abort()
            with pytest.raises(ApplicationError) as caught:
                await waiting
            assert caught.value.error == "wamp.error.canceled"
            await until(kit, lambda: kit.face.is_done(running[0]))
            lost = caller.call("wamp.session.count")
            caller.transport.abort()
            with pytest.raises(TransportLost):
                await lost
            await until(kit, lambda: router.statistics().connections == 0)
            await turn(kit)
        assert (callee._registrations, callee._running, caller._core) == ({}, set(), None)

    run(scenario)


def in_session(kit: Kit) -> Any:
    """Return what makes a `Session`, as components do."""

    def make(config: ComponentConfig) -> Any:
        return kit.wamp.Session(config)

    return make
