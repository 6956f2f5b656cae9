"""A session is driven by calling `onOpen`, `onMessage` and `onClose`, also by a transport that answers from inside `send`."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp import message, role
from trowamp_compat.wamp.exception import ApplicationError, SerializationError, SessionNotReady, TransportLost
from trowamp_compat.wamp.types import ComponentConfig, PublishOptions

from tests.compat.fake_router import FakeRouter, joined
from tests.compat.kit import Kit, Run, on_both, until


@on_both
@pytest.mark.autobahn("S-79", "S-80")
def test_the_hooks_are_called_in_the_order_of_the_life_of_a_session(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onConnect(self) -> None:
                told.append("connect")
                self.join(self.config.realm, ["ticket"], "joe")

            def onChallenge(self, challenge: Any) -> str:
                told.append(challenge.method)
                return "secret"

            def onJoin(self, details: Any) -> None:
                told.append((details.realm, details.authid))

            def onLeave(self, details: Any) -> None:
                told.append(details.reason)
                self.disconnect()

            def onDisconnect(self) -> None:
                told.append("disconnect")

        router = FakeRouter(kit)
        welcome = router.answers[message.Hello]
        hellos: list[Any] = []

        def challenge(hello: Any) -> Any:
            hellos.append(hello)
            return message.Challenge("ticket")

        router.answers[message.Hello] = challenge
        router.answers[message.Authenticate] = lambda sent: welcome(hellos[0])
        session = router.open(Session(ComponentConfig(realm="realm1")))
        assert session.is_attached()
        assert router.of(message.Authenticate)[0].signature == "secret"
        session.leave()
        assert told == ["connect", "ticket", ("realm1", "joe"), "wamp.close.goodbye_and_out", "disconnect"]
        assert (session.is_attached(), session.is_connected(), session.transport) == (False, False, None)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-56", "C-21")
def test_requests_are_sent_when_they_are_made_and_may_be_answered_from_inside(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        first, second = session.call("com.example.echo", 1), session.call("com.example.echo", 2)
        assert [sent.args for sent in router.of(message.Call)] == [(1,), (2,)]
        registered = session.register(lambda: None, "com.example.procedure")
        published = session.publish("com.example.topic", options=PublishOptions(acknowledge=True))
        assert session.publish("com.example.topic", 1) is None
        futures = [first, second, registered, published]
        assert all(kit.face.is_done(future) for future in futures)
        values = [await future for future in futures]
        assert values[:2] == [1, 2]
        assert values[2].procedure == "com.example.procedure"
        assert values[3].id > 1000

    run(scenario)


@on_both
@pytest.mark.autobahn("W-21")
def test_before_the_session_is_joined_a_request_is_refused_and_nothing_is_sent(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        session = kit.wamp.ApplicationSession()
        with pytest.raises(TransportLost):
            session.call("com.example.procedure")
        router = FakeRouter(kit, message.Hello)
        router.open(session)
        for request in (session.call, session.publish):
            with pytest.raises(SessionNotReady):
                request("com.example.uri")
        with pytest.raises(SessionNotReady):
            session.register(print, "com.example.uri")
        assert await session.leave() is None
        assert [type(sent) for sent in router.sent] == [message.Hello]

    run(scenario)


@on_both
def test_a_payload_that_cannot_be_sent_is_refused_at_once(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)

        def refuse(sent: Any) -> None:
            raise SerializationError("no")

        router.answers[message.Call] = refuse
        with pytest.raises(SerializationError):
            session.call("com.example.procedure", object())
        del router.answers[message.Call]
        session.call("com.example.procedure")
        assert [sent.request for sent in router.of(message.Call)] == [1, 1]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-7", "W-10")
def test_whatever_waits_fails_when_the_transport_is_lost(run: Run) -> None:
    async def scenario(kit: Kit, cls: str) -> None:
        silent = (message.Call, message.Register, message.Subscribe, message.Publish)
        router, session = joined(kit, *silent, cls=getattr(kit.wamp, cls))
        cancelled = session.call("com.example.cancelled")
        waiting = [
            session.call("com.example.procedure"),
            session.register(print, "com.example.procedure"),
            session.subscribe(print, "com.example.topic"),
            session.publish("com.example.topic", options=PublishOptions(acknowledge=True)),
        ]
        router.close()
        for future in waiting:
            with pytest.raises(TransportLost):
                await future
        with pytest.raises(TransportLost):
            await cancelled
        kit.face.cancel(cancelled)  # too late, and no harm

    for cls in ("ApplicationSession", "Session"):
        run(scenario, cls)


@on_both
@pytest.mark.autobahn("W-7")
def test_whatever_waits_fails_when_the_session_is_left(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        _, session = joined(kit, message.Call)
        waiting = session.call("com.example.procedure")
        session.leave()
        with pytest.raises(ApplicationError, match=r"wamp\.close\.normal"):
            await waiting

    run(scenario)


@on_both
@pytest.mark.autobahn("C-36")
def test_an_on_leave_that_does_not_disconnect_leaves_no_transport_open(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onLeave(self, details: Any) -> None:
                """Say nothing."""

        router, session = joined(kit, cls=Session)
        session.leave()
        assert not router.isOpen()
        await router.is_closed

    run(scenario)


@on_both
@pytest.mark.autobahn("C-36")
def test_on_leave_may_join_again_over_the_same_transport(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onLeave(self, details: Any) -> None:
                if self.realm == "realm1":
                    self.join("realm2")
                else:
                    self.disconnect()

        router, session = joined(kit, cls=Session)
        first = session.session_id
        session.leave()
        assert (session.realm, session.is_attached(), session.session_id == first) == ("realm2", True, False)
        session.leave()
        assert not router.isOpen()

    run(scenario)


@on_both
@pytest.mark.autobahn("W-21")
def test_a_welcome_that_is_refused_ends_the_session_and_everybody_learns_of_it(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            async def onWelcome(self, welcome: Any) -> str:
                return "not the router I know"

            def onLeave(self, details: Any) -> None:
                told.append(details.reason)

            def onDisconnect(self) -> None:
                told.append("disconnect")

        router, session = joined(kit, cls=Session)
        await router.is_closed
        assert router.of(message.Abort)[0].reason == "wamp.error.cannot_authenticate"
        assert (told, session.is_attached()) == (["wamp.error.cannot_authenticate", "disconnect"], False)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-90", "C-26")
def test_hooks_in_snake_case_are_called_and_on_welcome_is_among_them(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[str] = []

        class Session(kit.wamp.Session):  # type: ignore[misc, name-defined]
            def on_connect(self) -> None:
                told.append("connect")
                super().on_connect()

            def on_welcome(self, msg: Any) -> None:
                told.append(f"welcome {msg.authid}")

            async def on_join(self, details: Any) -> None:
                told.append("join")

            def on_leave(self, details: Any) -> None:
                told.append("leave")
                super().on_leave(details)

            def on_disconnect(self) -> None:
                told.append("disconnect")

        router, session = joined(kit, cls=Session)
        await until(kit, lambda: "join" in told)
        session.leave()
        await router.is_closed
        assert told == ["connect", "welcome joe", "join", "leave", "disconnect"]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12")
@pytest.mark.parametrize("is_async", [False, True])
def test_an_on_connect_that_fails_is_told_and_leaves_no_connection_open(run: Run, is_async: bool) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onConnect(self) -> Any:
                return self.fail_later() if is_async else self.fail()

            async def fail_later(self) -> None:
                self.fail()

            def fail(self) -> None:
                raise ZeroDivisionError("a bug")

            def onUserError(self, fail: Any, msg: str) -> None:
                told.append(type(fail.value))

        router, _ = joined(kit, cls=Session)
        await router.is_closed
        assert (told, router.sent) == ([ZeroDivisionError], [])

    run(scenario)


@on_both
@pytest.mark.autobahn("W-12")
def test_an_on_join_that_fails_is_told_and_the_session_is_not_ready_but_stays(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        told: list[Any] = []

        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            async def onJoin(self, details: Any) -> None:
                raise ZeroDivisionError("a bug")

            def onUserError(self, fail: Any, msg: str) -> None:
                told.append(type(fail.value))

        router = FakeRouter(kit)
        session = Session(ComponentConfig(realm="realm1"))
        session.on("ready", lambda session: told.append("ready"))
        router.open(session)
        await until(kit, lambda: told)
        assert (told, session.is_attached()) == ([ZeroDivisionError], True)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-79")
def test_a_router_is_asked_to_resume_a_session_and_what_it_says_is_told(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        class Session(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onConnect(self) -> None:
                self.join("realm1", resumable=True, resume_session=7, resume_token="secret")

        router = FakeRouter(kit)
        roles = {"broker": role.RoleBrokerFeatures()}
        router.answers[message.Hello] = lambda hello: message.Welcome(
            8, roles, resumed=False, resumable=True, resume_token="other"
        )
        session = router.open(Session(ComponentConfig(realm="realm1")))
        (hello,) = router.of(message.Hello)
        assert (hello.resumable, hello.resume_session, hello.resume_token) == (True, 7, "secret")
        told = session.session_details
        assert (told.resumed, told.resumable, told.resume_token) == (False, True, "other")

        router, _ = joined(kit)
        (hello,) = router.of(message.Hello)
        assert (hello.resumable, hello.resume_session, hello.resume_token) == (None, None, None)

    run(scenario)
