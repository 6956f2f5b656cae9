"""When components come back: in which order transports are tried, how often, and after how long. No test waits for a delay."""

from __future__ import annotations

from typing import Any

import pytest
from trowamp_compat.asyncio import wamp as asyncio_wamp
from trowamp_compat.asyncio._face import AsyncioFace
from trowamp_compat.twisted._face import TwistedFace
from trowamp_compat.wamp import _attempts, message
from trowamp_compat.wamp.exception import ApplicationError, TransportLost

from tests.compat.kit import Kit, Run, join, on_both, run_on_twisted, transport, until
from tests.compat.test_component_failures import Noted

EXACT = {"retry_delay_jitter": 0}


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the delays that were asked for; none of them takes its time."""
    asked: list[float] = []

    def hurried(call_later: Any) -> Any:
        def call(face: Any, seconds: float, function: Any, *args: Any) -> Any:
            if getattr(function, "__name__", "") != "_try":
                return call_later(face, seconds, function, *args)
            asked.append(seconds)
            return call_later(face, 0, function, *args)

        return call

    for face in (AsyncioFace, TwistedFace):
        monkeypatch.setattr(face, "call_later", hurried(face.call_later))
    return asked


def place(number: int, **keys: Any) -> dict[str, Any]:
    """Return a transport; nothing in these tests connects to it."""
    return {"type": "rawsocket", "url": f"rs://router:{number}", **keys}


async def attempts(kit: Kit, transports: Any, enough: int = 10_000) -> tuple[list[int], Any]:
    """Let every attempt fail; return the ports that were tried, until enough of them were, and how the component has ended."""
    tried: list[int] = []

    class Component(kit.component.Component):  # type: ignore[misc, name-defined]
        def _connect(self, *arguments: Any) -> Any:
            (config,) = (each for each in arguments if hasattr(each, "endpoint"))
            tried.append(config.endpoint.port)
            if len(tried) == enough:
                self.stop()
            raise ConnectionRefusedError("nobody is there")

    component = Component(transports=transports)
    component.log = _Silent()
    try:
        return tried, await component.start(kit.loop)
    except ConnectionRefusedError as error:
        return tried, error


class _Silent:
    """A logger that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@on_both
@pytest.mark.autobahn("S-29", "S-30")
def test_transports_are_tried_in_turn_until_each_has_used_its_retries(run: Run, delays: list[float]) -> None:
    async def scenario(kit: Kit) -> None:
        tried, ended = await attempts(kit, [place(1, max_retries=1), place(2, max_retries=3), place(3, max_retries=0)])
        assert tried == [1, 2, 3, 1, 2, 2, 2]
        assert isinstance(ended, ConnectionRefusedError)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-30")
def test_a_transport_is_tried_for_ever_unless_it_has_a_number_of_retries(run: Run, delays: list[float]) -> None:
    async def scenario(kit: Kit) -> None:
        assert await attempts(kit, place(1), enough=20) == ([1] * 20, None)
        assert await attempts(kit, place(1, max_retries=-1), enough=20) == ([1] * 20, None)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-31", "S-32", "S-33", "C-14")
def test_the_first_delay_is_the_initial_one_and_each_is_longer_until_the_longest(run: Run, delays: list[float]) -> None:
    async def scenario(kit: Kit) -> None:
        await attempts(kit, place(1, **EXACT), enough=16)
        assert delays[:4] == [1.5, 2.25, 3.375, 5.0625]
        assert (len(delays), delays[-1]) == (15, 300)
        delays.clear()
        keys = {"initial_retry_delay": 0.5, "retry_delay_growth": 3, "max_retry_delay": 10}
        await attempts(kit, place(1, **keys, **EXACT), enough=6)
        assert delays == [0.5, 1.5, 4.5, 10, 10]

    run(scenario)


@on_both
@pytest.mark.autobahn("S-34", "C-14")
def test_jitter_is_a_fraction_or_a_function_and_no_delay_exceeds_the_longest(run: Run, delays: list[float]) -> None:
    async def scenario(kit: Kit) -> None:
        await attempts(kit, place(1, retry_delay_growth=1), enough=11)
        assert len(set(delays)) == 10
        assert all(1.35 <= delay <= 1.65 for delay in delays)
        delays.clear()
        await attempts(kit, place(1, retry_delay_jitter=lambda: 0.5), enough=3)
        assert delays == pytest.approx([1.5 * 1.5, 2.25 * 1.5])
        delays.clear()
        await attempts(kit, place(1, retry_delay_jitter=lambda: 1.0, max_retry_delay=4), enough=5)
        assert delays == pytest.approx([3, 4, 4, 4])

    run(scenario)


@on_both
@pytest.mark.autobahn("S-35", "W-9")
@pytest.mark.parametrize("with_main", [False, True])
def test_after_a_session_the_delays_begin_with_the_initial_one(
    run: Run, router_url: str, delays: list[float], with_main: bool
) -> None:
    async def scenario(kit: Kit) -> None:
        sessions: list[Any] = []

        async def lose(session: Any) -> None:
            sessions.append(session)
            if len(sessions) < 5:
                session.transport.abort()
                await until(kit, lambda: not session.is_attached())
            else:
                await session.leave()

        async def main(loop: Any, session: Any) -> None:
            await lose(session)
            if len(sessions) < 5:
                await session.call("com.example.after.the.loss")

        keys = {"max_retries": 1, "initial_retry_delay": 7, "retry_delay_growth": 4, **EXACT}
        component = kit.component.Component(main if with_main else None, {**transport(router_url), **keys})
        component.log = _Silent()
        if not with_main:
            component.on_ready(lose)
        await component.start(kit.loop)
        assert delays == [7] * 4

    run(scenario)


KEYS = {"max_retries": 2, "initial_retry_delay": 7, "retry_delay_growth": 4, **EXACT}


@on_both
@pytest.mark.autobahn("S-30", "S-35")
def test_a_procedure_that_somebody_else_holds_counts_as_a_failure_and_the_log_names_it(
    run: Run, router_url: str, delays: list[float]
) -> None:
    async def scenario(kit: Kit) -> None:
        holder = await join(kit, transport(router_url))
        await holder.register(print, "com.example.retries.held")
        component = kit.component.Component(transports={**transport(router_url), **KEYS})
        component.log = session_log = Noted()
        told: list[str] = []
        component.on_connectfailure(lambda _, error: told.append(error.error))
        component.on_connect(lambda session, _: setattr(session, "log", session_log))
        component.register("com.example.retries.held")(print)
        with pytest.raises(ApplicationError, match="already_exists") as caught:
            await component.start(kit.loop)
        assert delays == [7, 28]
        assert told == ["wamp.error.procedure_already_exists"] * 3
        what = "com.example.retries.held cannot be registered"
        assert caught.value.__notes__ == [what]
        assert all(line.startswith(f"{what}: ") for line in session_log.lines)
        assert len(session_log.lines) == 3 + 2  # each failure, and each retry
        await holder.leave()

    run(scenario)


@on_both
@pytest.mark.autobahn("S-30", "S-35")
@pytest.mark.parametrize("how", ["error", "lost", "goodbye"])
def test_a_session_that_does_not_become_ready_counts_as_a_failure(
    run: Run, router_url: str, delays: list[float], how: str
) -> None:
    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports={**transport(router_url), **KEYS})
        component.log = _Silent()

        @component.on_join  # type: ignore[untyped-decorator]
        async def end(session: Any, _details: Any) -> None:
            session.log = _Silent()
            if how == "error":
                await session.call("com.example.retries.nobody")
            elif how == "lost":
                session.transport.abort()
                await until(kit, lambda: not session.is_connected())
                await session.call("com.example.retries.nobody")
            else:
                session.onMessage(message.Goodbye("wamp.close.killed"))
                await until(kit, lambda: not session.is_attached())

        failed: list[Any] = []
        component.on_connectfailure(lambda _, error: failed.append(error))
        with pytest.raises((ApplicationError, TransportLost)):
            await component.start(kit.loop)
        assert (delays, len(failed)) == ([7, 28], 3)

    run(scenario)


@on_both
@pytest.mark.autobahn("S-35")
def test_a_program_that_never_comes_back_from_join_has_had_a_session_when_that_has_lasted(
    run: Run, router_url: str, delays: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attempts, "LASTING", 0.0)

    async def scenario(kit: Kit) -> None:
        component = kit.component.Component(transports={**transport(router_url), **KEYS})
        component.log = _Silent()
        joined: list[Any] = []

        @component.on_join  # type: ignore[untyped-decorator]
        async def work(session: Any, _details: Any) -> None:
            joined.append(session)
            if len(joined) == 6:
                session.leave()
            else:
                session.transport.abort()
            await until(kit, lambda: False)

        await component.start(kit.loop)
        assert delays == [7] * 5

    run(scenario)


@pytest.mark.autobahn("C-14", "W-25")
@pytest.mark.parametrize("framework", ["asyncio", "twisted"])
@pytest.mark.parametrize("jitter", [0, lambda: 0.0], ids=["number", "function"])
def test_a_runner_begins_with_a_second_and_waits_a_minute_at_most(
    framework: str, delays: list[float], jitter: Any
) -> None:
    def runner_of(module: Any) -> Any:
        keys = {"max_retries": 4, "retry_delay_growth": 8, "retry_delay_jitter": jitter}
        return module.ApplicationRunner("rs://127.0.0.1:1", "realm1", **keys)

    async def scenario(kit: Kit) -> None:
        await runner_of(kit.wamp).run(print, start_reactor=False, auto_reconnect=True, log_level=None, reactor=kit.loop)

    with pytest.raises(Exception, match=r"refused|Connect call failed"):
        if framework == "twisted":
            run_on_twisted(scenario)
        else:
            runner_of(asyncio_wamp).run(print, auto_reconnect=True, log_level=None)
    assert delays == [1, 8, 60, 60]
