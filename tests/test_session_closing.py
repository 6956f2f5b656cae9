"""trowamp/_run_session.py, _shell.py: how a session ends, who learns of it, and what comes out of its block."""

from __future__ import annotations

import math
import signal
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

import trowamp
from tests.sessions import MSGPACK, answering, open_pair, open_scripted_socket, pending, settle
from tests.transports import sockets
from trowamp import Session, SessionClosed, SessionLost
from trowamp import messages as m
from trowamp._byte_pump import BytePump
from trowamp._join import open_link
from trowamp._run_session import Opened, run_session
from trowamp.testing import ScriptedRouter, open_scripted_router
from trowamp.wire import rawsocket_client, rawsocket_server

SHUTDOWN = trowamp.uris.CLOSE_SYSTEM_SHUTDOWN
CLOSE_REALM = trowamp.uris.CLOSE_CLOSE_REALM


class Unexpected(Exception):
    """What a body raises on its own account."""


def reasons(router: ScriptedRouter) -> list[str]:
    return [goodbye.reason for goodbye in router.goodbyes]


# ---- leaving


@pytest.mark.checklist("SES-B4", "SES-B2")
async def test_leaving_the_block_says_goodbye_once() -> None:
    async with open_scripted_router() as router:
        async with router.open_session() as session:
            assert session.is_open
        assert reasons(router) == [CLOSE_REALM]
        assert not session.is_open
        with pytest.raises(SessionClosed, match="the session was left"):
            await session.call("com.example.f")


@pytest.mark.checklist("SES-B4")
async def test_leaving_with_a_reason_lets_the_block_go_on() -> None:
    async with open_scripted_router() as router:
        async with router.open_session() as session:
            session.leave("com.example.close.lunch", "back at one")
            for _ in range(2):
                with pytest.raises(SessionClosed):
                    await session.publish("com.example.topic")
                await settle()
            session.leave()
        (goodbye,) = router.goodbyes
        assert (goodbye.reason, goodbye.details) == ("com.example.close.lunch", {"message": "back at one"})
        assert repr(session).startswith(f"<Session {session.id} in 'realm1', over: ")


async def test_leaving_ends_what_waits() -> None:
    async with open_scripted_router() as router, router.open_session() as session:
        ends: list[SessionClosed] = []

        async def call() -> None:
            try:
                await session.call("com.example.f")
            except SessionClosed as error:
                ends.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(call)
            await router.expect(m.Call)
            session.leave()
        assert [(error.reason, error.maybe_executed) for error in ends] == [(CLOSE_REALM, True)]
        assert pending(session) == {}


@pytest.mark.parametrize("close_timeout", [0.5, 30])
async def test_a_router_that_does_not_say_goodbye_is_left_all_the_same(
    close_timeout: float, autojump_clock: MockClock
) -> None:
    async with open_scripted_router() as router:
        router.answers_goodbye = False
        async with router.open_session(close_timeout=close_timeout):
            began = trio.current_time()
        assert trio.current_time() - began == pytest.approx(close_timeout)
        assert reasons(router) == [CLOSE_REALM]


async def test_an_exception_of_the_block_comes_out_as_itself_after_the_goodbye() -> None:
    async with open_scripted_router() as router:
        with pytest.raises(Unexpected) as caught:
            async with router.open_session():
                raise Unexpected
        assert reasons(router) == [CLOSE_REALM]
        assert caught.value.__cause__ is None


async def test_a_group_of_the_block_stays_a_group() -> None:
    async with open_scripted_router() as router:
        with pytest.raises(ExceptionGroup):
            async with router.open_session(), trio.open_nursery():
                raise Unexpected
        assert reasons(router) == [CLOSE_REALM]


@trio.lowlevel.enable_ki_protection
async def press_ctrl_c(router: ScriptedRouter) -> None:
    await router.expect(m.Call)
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_while_the_block_waits_says_goodbye() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with open_scripted_router() as router, trio.open_nursery() as nursery:
            nursery.start_soon(press_ctrl_c, router)
            try:
                async with router.open_session() as session:
                    await session.call("com.example.f")
            except KeyboardInterrupt:
                seen.extend(reasons(router))
                await settle()
                seen.extend(type(message).__name__ for message in router.has_received())

    trio.run(main)
    assert seen == [CLOSE_REALM, "Cancel"]


def test_ctrl_c_while_the_block_runs_says_goodbye() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with open_scripted_router() as router:
            try:
                async with router.open_session():
                    signal.raise_signal(signal.SIGINT)
                    await trio.sleep_forever()
            finally:
                seen.extend(reasons(router))

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    assert seen == [CLOSE_REALM]


async def test_being_cancelled_says_goodbye(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router:
        with trio.move_on_after(1) as scope:
            async with router.open_session():
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert trio.current_time() == pytest.approx(scope.deadline)
        assert reasons(router) == [CLOSE_REALM]


async def test_being_cancelled_waits_for_the_routers_goodbye_no_longer_than_told(autojump_clock: MockClock) -> None:
    async with open_scripted_router() as router:
        router.answers_goodbye = False
        with trio.move_on_after(1):
            async with router.open_session(close_timeout=3):
                await trio.sleep_forever()
        assert trio.current_time() == pytest.approx(4)


async def test_the_connection_works_until_the_goodbye_is_answered(autojump_clock: MockClock) -> None:
    """A block that is cancelled while more is queued than the connection takes at once still gets its GOODBYE out."""
    async with open_scripted_router() as router:
        with trio.move_on_after(1):
            async with router.open_session() as session:
                for _ in range(5):
                    await session.publish("com.example.topic", bytes(1_000_000))
                await trio.sleep_forever()
        assert len(router.has_received()) == 5
        assert reasons(router) == [CLOSE_REALM]


async def test_handlers_have_ended_when_the_block_has() -> None:
    async with open_pair() as (_, caller, _callee):
        ended = []

        async def work(name: str) -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.append(name)

        async with open_scripted_router() as router, router.open_session() as session:
            async with answering(router, m.Register, lambda register: m.Registered(register.request_id, 7)):
                await session.register("com.example.f", work)
            async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 8)):
                await session.subscribe("com.example.topic", work)
            router.send(m.Invocation(1, 7, {}, ["procedure"]), m.Event(8, 1, {}, ["handler"]))
            await settle()
        assert sorted(ended) == ["handler", "procedure"]
        assert pending(caller) == {}


async def test_a_handler_that_waits_for_the_session_is_no_failure_when_the_block_ends() -> None:
    async with open_scripted_router() as router, router.open_session() as session:

        async def relay(value: int) -> None:
            await session.call("com.example.slow", value)

        async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 8)):
            await session.subscribe("com.example.topic", relay)
        async with answering(router, m.Register, lambda register: m.Registered(register.request_id, 7)):
            await session.register("com.example.f", relay)
        router.send(m.Event(8, 1, {}, [1]), m.Invocation(1, 7, {}, [2]))
        assert [(await router.expect(m.Call)).procedure for _ in range(2)] == ["com.example.slow"] * 2


# ---- the router ends the session


@pytest.mark.checklist("SES-B2", "SES-B5")
async def test_the_routers_goodbye_ends_the_block() -> None:
    with pytest.raises(SessionClosed) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            router.send(m.Goodbye({"message": "maintenance"}, SHUTDOWN))
            await trio.sleep_forever()
    assert (caught.value.reason, caught.value.message) == (SHUTDOWN, "maintenance")
    assert reasons(router) == [trowamp.uris.CLOSE_GOODBYE_AND_OUT]
    assert not session.is_open


@pytest.mark.checklist("SES-B5")
async def test_the_routers_goodbye_ends_what_waits() -> None:
    with pytest.raises(SessionClosed) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(session.call, "com.example.f")
                for _ in range(3):
                    await router.expect(m.Call)
                router.send(m.Goodbye({}, SHUTDOWN))
    assert caught.value.reason == SHUTDOWN
    assert caught.value.maybe_executed


@pytest.mark.checklist("SES-B1")
async def test_an_abort_loses_the_session() -> None:
    with pytest.raises(SessionLost) as caught:
        async with open_scripted_router() as router, router.open_session():
            router.send(m.Abort({"message": "you bore me"}, "com.example.error.bored"))
            await trio.sleep_forever()
    assert caught.value.abort_reason == "com.example.error.bored"
    assert "you bore me" in str(caught.value)
    assert router.has_received() == []
    assert reasons(router) == []


@pytest.mark.checklist("PV-B2")
@pytest.mark.parametrize("octets", [b"\x00\x00\x00\x01\xc1", b"\x07\x00\x00\x00"], ids=["no message", "no frame"])
async def test_octets_that_are_no_message_lose_the_session(octets: bytes) -> None:
    with pytest.raises(SessionLost, match="the router broke the protocol"):
        async with open_scripted_router() as router, router.open_session():
            await router.send_octets(octets)
            await trio.sleep_forever()
    assert (await router.expect(m.Abort)).reason == trowamp.uris.ERROR_PROTOCOL_VIOLATION


@pytest.mark.checklist("PV-B2")
async def test_a_message_out_of_place_loses_the_session() -> None:
    with pytest.raises(SessionLost, match="the router broke the protocol"):
        async with open_scripted_router() as router, router.open_session():
            router.send(m.Result(17, {}))
            await trio.sleep_forever()
    assert (await router.expect(m.Abort)).reason == trowamp.uris.ERROR_PROTOCOL_VIOLATION


# ---- the connection breaks


async def call(session: Session) -> None:
    await session.call("com.example.f")


async def publish(session: Session) -> None:
    await session.with_options(acknowledge=True).publish("com.example.topic")


async def register(session: Session) -> None:
    await session.register("com.example.f", print)


async def subscribe(session: Session) -> None:
    await session.subscribe("com.example.topic", print)


async def iterate(session: Session) -> None:
    async with session.open_subscription("com.example.topic"):
        pytest.fail("nobody agreed to it")


async def take_parts(session: Session) -> None:
    async with session.open_call("com.example.f") as stream:
        await stream.result()


OPERATIONS: list[Callable[[Session], Awaitable[None]]] = [call, publish, register, subscribe, iterate, take_parts]


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_lost_connection_ends_whatever_waits(operation: Callable[[Session], Awaitable[None]]) -> None:
    ends: list[BaseException] = []
    with pytest.raises(SessionLost) as caught:
        async with open_scripted_router() as router, router.open_session() as session:

            async def run() -> None:
                try:
                    await operation(session)
                except SessionLost as error:
                    ends.append(error)
                    raise

            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
                nursery.start_soon(run)
                nursery.start_soon(trio.sleep_forever)
                await settle()
                router.disconnect()
    assert [type(end) for end in ends] == [SessionLost, SessionLost]
    assert caught.value in ends
    assert all(isinstance(end, SessionLost) and end.maybe_executed for end in ends)
    assert pending(session) == {}


async def test_a_lost_connection_ends_removals_that_wait() -> None:
    ends: list[bool] = []
    with pytest.raises(SessionLost):
        async with open_scripted_router() as router, router.open_session() as session:
            async with answering(router, m.Register, lambda register: m.Registered(register.request_id, 7)):
                registration = await session.register("com.example.f", print)
            async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 8)):
                subscription = await session.subscribe("com.example.topic", print)

            async def remove(operation: Callable[[], Awaitable[None]]) -> None:
                try:
                    await operation()
                except SessionLost as error:
                    ends.append(error.maybe_executed)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(remove, registration.unregister)
                nursery.start_soon(remove, subscription.unsubscribe)
                await settle()
                router.disconnect()
    assert ends == [True, True]


async def test_what_never_left_was_certainly_not_executed() -> None:
    ends: dict[str, bool] = {}
    with pytest.raises(SessionLost):
        async with open_scripted_socket() as router, router.open_session() as session:

            async def call(name: str) -> None:
                try:
                    await session.call(f"com.example.{name}")
                except SessionLost as error:
                    ends[name] = error.maybe_executed

            async with trio.open_nursery() as nursery:
                nursery.start_soon(call, "sent")
                await router.expect(m.Call)
                nursery.start_soon(call, "queued")
                await trio.lowlevel.checkpoint()  # it would be sent as soon as everybody waits
                router.disconnect()
    assert ends == {"sent": True, "queued": False}


async def test_after_the_end_everything_raises_it_anew() -> None:
    async with open_scripted_router() as router:
        with pytest.raises(SessionLost):
            async with router.open_session() as session:
                router.disconnect()
                await trio.sleep_forever()
        errors: list[SessionLost] = []
        for operation in OPERATIONS:
            with pytest.raises(SessionLost) as caught:
                await operation(session)
            errors.append(caught.value)
        with pytest.raises(SessionLost) as caught:
            session.publish_nowait("com.example.topic")
        errors.append(caught.value)
    assert not any(error.maybe_executed for error in errors)
    assert len(set(map(id, errors))) == len(errors)
    session.leave()
    assert repr(session).endswith("over: the peer ended the connection>")


@pytest.mark.parametrize("last", [m.Goodbye({}, SHUTDOWN), m.Abort({}, SHUTDOWN)], ids=lambda message: message.name)
async def test_what_the_router_said_last_is_heard_although_nothing_can_be_sent_any_more(last: m.Message) -> None:
    near, far = sockets()
    ours, theirs = BytePump(near, rawsocket_client(MSGPACK)), BytePump(far, rawsocket_server([MSGPACK]))

    async def say_something_and_hang_up() -> None:
        await open_link(theirs, "the client")
        await theirs.receive()
        theirs.link.send(m.Welcome(1, {"roles": {"broker": {}}}))
        theirs.flush()
        await theirs.receive()
        theirs.link.send(last)
        theirs.flush()
        far.abort()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(say_something_and_hang_up)
        opened = Opened(ours, await open_link(ours, "the router"), math.inf, None)
        with pytest.raises((SessionClosed, SessionLost)) as caught:
            async with run_session(opened, "realm1", {}) as session:
                session.publish_nowait("com.example.topic")
                while not ours.broken:
                    session.publish_nowait("com.example.topic")
                    ours.flush()
                    await trio.lowlevel.cancel_shielded_checkpoint()
                await trio.sleep_forever()
    assert SHUTDOWN in str(caught.value)


async def test_a_handler_that_ends_the_program_is_not_waited_for() -> None:
    def end_program(value: int) -> None:
        raise SystemExit(value)

    async with open_scripted_router() as router:
        with pytest.raises(SystemExit):
            async with router.open_session() as session:
                async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 8)):
                    await session.subscribe("com.example.topic", end_program)
                router.send(m.Event(8, 1, {}, [3]))
                began = trio.current_time()
                await trio.sleep_forever()
        assert trio.current_time() - began < 1


async def test_a_block_cannot_swallow_the_loss() -> None:
    with pytest.raises(SessionLost):
        async with open_scripted_router() as router, router.open_session() as session:
            router.disconnect()
            try:
                await session.call("com.example.f")
            except SessionLost:
                return


async def test_a_block_may_turn_the_loss_into_an_exception_of_its_own() -> None:
    with pytest.raises(Unexpected) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            router.disconnect()
            try:
                await session.call("com.example.f")
            except SessionLost as error:
                raise Unexpected from error
    assert isinstance(caught.value.__cause__, SessionLost)


async def test_a_block_that_is_cancelled_by_the_loss_can_clean_up() -> None:
    cleaned = False
    with pytest.raises(SessionLost):
        async with open_scripted_router() as router, router.open_session():
            router.disconnect()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.lowlevel.checkpoint()
                cleaned = True
    assert cleaned


async def test_a_failing_block_and_a_failing_handler_are_two_failures() -> None:
    def fail(value: int) -> None:
        raise RuntimeError(value)

    with pytest.raises(ExceptionGroup) as caught:
        async with open_scripted_router() as router, router.open_session() as session:
            async with answering(router, m.Subscribe, lambda subscribe: m.Subscribed(subscribe.request_id, 8)):
                await session.subscribe("com.example.topic", fail)
            router.send(m.Event(8, 1, {}, [1]))
            try:
                await trio.sleep_forever()
            finally:
                raise Unexpected
    assert [type(error) for error in caught.value.exceptions] == [Unexpected, RuntimeError]


@pytest.mark.parametrize("when", ["reading", "writing"])
async def test_the_words_of_the_loss_say_what_broke(when: str) -> None:
    with pytest.raises(SessionLost, match="the peer ended the connection|the connection broke"):
        async with open_scripted_router() as router, router.open_session() as session:
            router.disconnect()
            if when == "writing":
                await session.publish("com.example.topic")
            await trio.sleep_forever()
