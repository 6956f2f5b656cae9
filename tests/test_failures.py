"""trowamp/_failures.py: one failure comes out as itself."""

from __future__ import annotations

import pytest
import trio

from trowamp._failures import leaves, open_service_nursery, raise_one


async def fail(error: Exception) -> None:
    raise error


async def test_services_end_with_the_block(autojump_clock: trio.abc.Clock) -> None:
    async with open_service_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
    assert nursery.cancel_scope.cancel_called


async def test_what_the_block_raises_comes_out_as_itself(autojump_clock: trio.abc.Clock) -> None:
    with pytest.raises(KeyError):
        async with open_service_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise KeyError


async def test_a_service_that_fails_cancels_the_block_and_comes_out_as_itself(autojump_clock: trio.abc.Clock) -> None:
    with pytest.raises(KeyError):
        async with open_service_nursery() as nursery:
            nursery.start_soon(fail, KeyError())
            await trio.sleep_forever()


async def test_several_failures_come_out_together(autojump_clock: trio.abc.Clock) -> None:
    with pytest.RaisesGroup(ValueError, KeyError, match="several things failed"):
        async with open_service_nursery() as nursery:
            nursery.start_soon(fail, KeyError())
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError


async def test_cancelling_the_block_is_no_failure(autojump_clock: trio.abc.Clock) -> None:
    with trio.move_on_after(1) as scope:
        async with open_service_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_a_failure_while_being_cancelled_is_not_lost(autojump_clock: trio.abc.Clock) -> None:
    with pytest.raises(KeyError), trio.move_on_after(1):
        async with open_service_nursery():
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError


def test_the_leaves_of_a_group_are_all_that_is_no_group() -> None:
    one, two, three = KeyError(), ValueError(), KeyboardInterrupt()
    assert leaves(BaseExceptionGroup("a", [one, BaseExceptionGroup("b", [two, three])])) == [one, two, three]
    assert leaves(one) == [one]


def test_nothing_is_raised_if_nothing_failed() -> None:
    raise_one([])
    with pytest.raises(KeyError):
        raise_one([KeyError()])
