"""What waits for its turn: calls of a procedure, events of a handler, parts of a result. It comes in order, once, and not after its session."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.wamp import message, role
from trowamp_compat.wamp.exception import CallTimeoutError, TransportLost
from trowamp_compat.wamp.types import CallOptions, RegisterOptions

from tests.compat.fake_router import joined
from tests.compat.kit import Kit, Run, join, on_both, until
from tests.compat.test_event_order import TOPIC, Slow, a_few_turns
from tests.compat.test_invocations import all_of, answers
from tests.compat.websocket.test_sockets import listening

PROCEDURE = "com.example.procedure"


@on_both
@pytest.mark.autobahn("W-20")
@pytest.mark.parametrize("fails", [False, True], ids=["answers", "errors"])
def test_thousands_of_calls_that_wait_are_answered_however_soon_each_is(run: Run, fails: bool) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        session.onUserError = lambda fail, msg: None
        gate = kit.face.create_future()

        def procedure(number: int) -> Any:
            if not number:
                return gate
            if fails:
                raise ValueError(number)
            return number

        registration = await session.register(procedure, PROCEDURE, RegisterOptions(concurrency=1))
        for number in range(2000):
            router.invoke(registration, number)
        await a_few_turns(kit)
        assert all_of(router) == []
        kit.face.resolve(gate, 0)
        got = await answers(kit, router, 2000)
        assert [answer[-1] for answer in got] == list(range(2000))
        router.invoke(registration, 2000)  # and there is room again
        assert (await answers(kit, router, 2001))[-1][-1] == 2000

    run(scenario)


@on_both
@pytest.mark.autobahn("W-20")
def test_calls_that_wait_are_not_served_when_the_session_is_over(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        served: list[int] = []

        def procedure(number: int) -> Any:
            served.append(number)
            return kit.face.create_future()

        registration = await session.register(procedure, PROCEDURE, RegisterOptions(concurrency=2))
        for number in range(9):
            router.invoke(registration, number)
        router.close()
        await a_few_turns(kit)
        assert served == [0, 1]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-20")
def test_what_cannot_be_handed_to_the_transport_keeps_no_place(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        registration = await session.register(lambda number: number, PROCEDURE, RegisterOptions(concurrency=1))
        router.answers[message.Yield] = broken
        with pytest.raises(OSError, match="broken"):
            router.invoke(registration, 1)
        del router.answers[message.Yield]
        router.invoke(registration, 2)
        assert (await answers(kit, router, 2))[-1] == [2]

    run(scenario)


@on_both
def test_a_transport_that_fails_once_is_heard_afterwards(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        seen: list[int] = []
        subscription = await session.subscribe(seen.append, TOPIC)
        router.answers[message.Call] = broken
        with pytest.raises(OSError, match="broken"):
            session.call(PROCEDURE)
        router.say(message.Event(subscription.id, 1, args=[7]))
        assert seen == [7]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-15", "W-19")
def test_a_handler_gets_no_more_events_when_its_subscription_is_revoked(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit)
        slow = Slow(kit)
        subscription = await session.subscribe(slow, TOPIC)
        for number in range(3):
            router.say(message.Event(subscription.id, number + 1, args=[number]))
        router.say(message.Unsubscribed(0, subscription=subscription.id, reason="wamp.error.revoked"))
        for number in range(3):
            slow.let(number)
        await until(kit, lambda: slow.log[-1:] == [("ends", 0)])
        await a_few_turns(kit)
        assert slow.begun == [0]

    run(scenario)


@on_both
@pytest.mark.autobahn("W-19")
@pytest.mark.parametrize("how", ["unsubscribe", "leave", "lose"])
def test_an_event_that_came_with_an_answer_is_not_handled_when_that_ends_the_subscription(run: Run, how: str) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call, message.Goodbye)
        seen: list[Any] = []
        subscription = await session.subscribe(seen.append, TOPIC)
        ends = {"unsubscribe": subscription.unsubscribe, "leave": session.leave, "lose": router.close}

        async def work() -> None:
            await session.call(PROCEDURE)
            ends[how]()
            seen.append("ended")

        work_done = kit.face.as_future(work)
        await until(kit, lambda: router.of(message.Call))
        answer, event = message.Result(router.of(message.Call)[0].request), message.Event(subscription.id, 2, args=[7])
        session._take([answer.to_core(), event.to_core()])
        await work_done
        await a_few_turns(kit)
        assert seen == ["ended"]

    run(scenario)


class Script:
    """A router that tells all it has to tell at once: whoever calls gets an answer, an event and a call together.

    Attributes:
        answers: What came back.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def __call__(self) -> Any:
        return self

    def onOpen(self, transport: Any) -> None:
        self._transport = transport

    def onMessage(self, said: Any) -> None:
        kind, send = type(said), self._transport.send
        if kind is message.Hello:
            roles = {"broker": role.RoleBrokerFeatures(), "dealer": role.RoleDealerFeatures()}
            send(message.Welcome(1, roles, realm="realm1", authid="joe"))
        elif kind is message.Register:
            send(message.Registered(said.request, 11))
        elif kind is message.Subscribe:
            send(message.Subscribed(said.request, 22))
        elif kind is message.Call:
            send(message.Result(said.request, args=[1]))
            send(message.Event(22, 99, args=[5]))
            send(message.Invocation(1, 11, args=[3]))
        elif kind is message.Yield:
            self.answers.append(said.args)

    def onClose(self, wasClean: bool) -> None:
        pass


@on_both
@pytest.mark.autobahn("W-19")
def test_a_call_is_answered_at_once_if_it_came_together_with_a_result_and_an_event(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        script = Script()
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(script)) as port:
            config = {"type": "rawsocket", "url": f"rs://127.0.0.1:{port}", "serializer": "json"}
            session = await join(kit, config)
            seen: list[int] = []
            await session.register(lambda x: x + 1, PROCEDURE)
            await session.subscribe(seen.append, TOPIC)
            await session.call("com.example.other")
            await until(kit, lambda: script.answers)
            assert (script.answers, seen) == ([[4]], [5])
            session._transport.abort()
            await until(kit, lambda: not session.is_connected())

    run(scenario)


@on_both
@pytest.mark.parametrize("asks", ["onChallenge", "onWelcome"])
def test_what_follows_an_answer_of_the_user_leaves_at_once(run: Run, asks: str) -> None:
    """A call of a procedure that came together with the WELCOME, which somebody thought about for a while."""

    async def scenario(kit: Kit) -> None:
        class Thoughtful(kit.wamp.ApplicationSession):  # type: ignore[misc, name-defined]
            def onConnect(self) -> None:
                self.join("realm1", ["ticket"])

            def onChallenge(self, challenge: Any) -> Any:
                return later(kit, "ticket", when=asks == "onChallenge")

            def onWelcome(self, welcome: Any) -> Any:
                return later(kit, None, when=asks == "onWelcome")

            def onJoin(self, details: Any) -> None:
                self.register(lambda x: x + 1, PROCEDURE)

        script = Asking()
        async with listening(kit, kit.rawsocket.WampRawSocketServerFactory(script)) as port:
            config = {"type": "rawsocket", "url": f"rs://127.0.0.1:{port}", "serializer": "json"}
            session = await join(kit, config, Thoughtful)
            await until(kit, lambda: script.answers)
            assert script.answers == [[4]]
            session._transport.abort()
            await until(kit, lambda: not session.is_connected())

    run(scenario)


class Asking(Script):
    """A router that asks for a proof, and does not wait for the REGISTER that it knows will come."""

    def onMessage(self, said: Any) -> None:
        if type(said) is message.Hello:
            self._transport.send(message.Challenge("ticket"))
        elif type(said) is message.Authenticate:
            super().onMessage(message.Hello("realm1", {}))
            self._transport.send(message.Registered(1, 11))
            self._transport.send(message.Invocation(1, 11, args=[3]))
        elif type(said) is not message.Register:
            super().onMessage(said)


def later(kit: Kit, value: Any, *, when: bool) -> Any:
    if not when:
        return value
    future = kit.face.create_future()
    kit.face.call_later(0.01, kit.face.resolve, future, value)
    return future


@on_both
def test_parts_of_a_result_are_handled_one_after_the_other_and_the_result_comes_after_the_last(run: Run) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        slow = Slow(kit)

        async def work() -> None:
            slow.log.append(("result", await session.call(PROCEDURE, options=CallOptions(on_progress=slow))))

        work_done = kit.face.as_future(work)
        await until(kit, lambda: router.of(message.Call))
        request = router.of(message.Call)[0].request
        for number in range(3):
            router.say(message.Result(request, args=[number], progress=True))
        router.say(message.Result(request, args=[9]))
        slow.let(2)
        await a_few_turns(kit)
        assert slow.log == [("begins", 0)]
        slow.fail(1)
        slow.let(0)
        await work_done
        assert slow.log == [("begins", 0), ("ends", 0), ("begins", 1), ("begins", 2), ("ends", 2), ("result", 9)]

    run(scenario)


@on_both
@pytest.mark.parametrize("how", ["lose", "cancel", "time out"])
def test_who_waits_no_more_for_a_result_gets_no_more_parts_of_it(run: Run, how: str) -> None:
    async def scenario(kit: Kit) -> None:
        router, session = joined(kit, message.Call)
        slow = Slow(kit)
        timeout = 0.01 if how == "time out" else 60
        pending = session.call(PROCEDURE, options=CallOptions(on_progress=slow, timeout=timeout))
        request = router.of(message.Call)[0].request
        for number in range(2):
            router.say(message.Result(request, args=[number], progress=True))
        if how == "lose":
            router.close()
        elif how == "cancel":
            kit.face.cancel(pending)
        with pytest.raises((TransportLost, kit.face.canceled, CallTimeoutError)):
            await pending
        slow.let(0)
        slow.let(1)
        await a_few_turns(kit)
        assert slow.begun == [0]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-77")
@pytest.mark.parametrize(
    "result", [{1}, {"a": {1}}, [{1}], float("nan"), 2**70, {(1,): 2}], ids=["set", "dict", "list", "nan", "int", "key"]
)
def test_a_result_that_cannot_be_sent_is_told_to_whoever_answers_with_it(
    run: Run, router_url: str, result: Any
) -> None:
    async def scenario(kit: Kit) -> None:
        session = await join(kit, {"type": "websocket", "url": router_url, "serializers": ["cbor"]})
        told: list[str] = []
        session.onUserError = lambda fail, msg: told.append(msg)
        await session.register(lambda: result, PROCEDURE)
        with pytest.raises(Exception, match="invalid_payload|no form|range|finite|keys must"):
            await session.call(PROCEDURE)
        assert told == [f"the result of {PROCEDURE} cannot be sent"]
        await session.leave()

    run(scenario)


def broken(_: Any) -> None:
    raise OSError("broken")
