"""What the tests in memory stand on: it carries sessions, finds who hangs, and finds what nobody caught."""

from __future__ import annotations

import gc

import pytest
from trowamp_compat.wamp.exception import TransportLost

from tests.compat.kit import join

from .memory import Cut, Framework, Stuck, World, on_frameworks, run_in_memory


@on_frameworks
@pytest.mark.parametrize("framing", ["rs", "ws"])
def test_a_session_lives_in_memory_and_leaves_nothing(framework: Framework, framing: str) -> None:
    async def scenario(world: World) -> None:
        world.serve_router(framing)
        before = world.tasks()
        session = await join(world.kit, world.transport(framing))
        await session.register(lambda x: x + 1, "com.example.more")
        assert await session.call("com.example.more", 1) == 2
        await session.leave()
        await world.rest(100)
        left = world.router.statistics()
        assert (left.sessions, left.connections, world.network.connections) == (0, 0, 0)
        assert (world.timers(), world.tasks()) == (0, before)

    run_in_memory(framework, scenario)


@on_frameworks
def test_who_waits_for_what_never_comes_is_found(framework: Framework) -> None:
    async def scenario(world: World) -> None:
        await world.kit.face.create_future()

    with pytest.raises(Stuck):
        run_in_memory(framework, scenario)


@on_frameworks
def test_a_session_that_is_left_behind_is_found(framework: Framework) -> None:
    async def scenario(world: World) -> tuple[int, int]:
        await join(world.kit, world.transport())
        return world.router.statistics().sessions, world.network.connections

    assert run_in_memory(framework, scenario) == (1, 2)


@on_frameworks
def test_what_nobody_catches_is_found(framework: Framework) -> None:
    async def scenario(world: World) -> None:
        future = world.kit.face.create_future()
        world.kit.face.reject(future, ZeroDivisionError("planted"))
        del future
        gc.collect()
        await world.turn()

    with pytest.raises(AssertionError, match="planted"):
        run_in_memory(framework, scenario)


@on_frameworks
@pytest.mark.parametrize("how", ["fin", "rst", "stall"])
def test_a_connection_is_cut_where_it_is_told_to(framework: Framework, how: str) -> None:
    async def scenario(world: World) -> tuple[int, bool]:
        world.network.plan = Cut(how, down=1500)  # type: ignore[arg-type]
        lost = world.kit.face.create_future()
        session = await join(world.kit, world.transport())
        session.on("disconnect", lambda _, was_clean: world.kit.face.resolve(lost, was_clean))
        with pytest.raises(TransportLost):
            while True:
                await session.call("wamp.session.count")
        return world.network.last[1].passed, await lost

    passed, was_clean = run_in_memory(framework, scenario)
    assert (passed, was_clean) == (1500, how == "fin")
