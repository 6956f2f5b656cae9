"""One failure surfaces as itself: what comes out of blocks that have nurseries of ours behind them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_service_nursery() -> AsyncGenerator[trio.Nursery, None]:
    """Open a nursery for tasks that serve the block: they are cancelled at its end, and the block's own exception comes out unwrapped.

    Yields:
        The nursery.

    Raises:
        BaseExceptionGroup: Several things failed; one failure comes out as itself.
    """
    failures: list[BaseException] = []
    try:
        async with trio.open_nursery() as nursery:
            try:
                yield nursery
            except BaseException as error:  # noqa: BLE001  # raised again below, outside of the nursery
                failures.append(error)
            nursery.cancel_scope.cancel()
    except BaseException as error:  # noqa: BLE001  # raised again below
        failures.extend(leaves(error))
    raise_one(failures)


async def outlive_the_block(*, task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Hold tasks that go on when the block they serve is cancelled, for then there are GOODBYEs to be said: `await nursery.start(outlive_the_block)`.

    Whoever starts it gets a nursery, and cancels that nursery's scope in the end.
    """
    await (
        trio.lowlevel.checkpoint_if_cancelled()
    )  # a task that is cancelled before it has started would stay, behind the shield, where it was
    with trio.CancelScope(shield=True):
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await trio.sleep_forever()


def raise_one(failures: Sequence[BaseException]) -> None:
    """Raise what failed, as one exception if it is one; nothing if nothing did. Cancellation gives way to anything that went wrong."""
    wrongs = [failure for failure in failures if not isinstance(failure, trio.Cancelled)]
    try:
        if len(wrongs) > 1:
            raise BaseExceptionGroup("several things failed", wrongs)
        for failure in wrongs or failures[:1]:
            raise failure
    finally:
        del failures, wrongs  # the traceback holds this frame: no cycle


def leaves(error: BaseException) -> list[BaseException]:
    """What a nursery of ours collected, one by one."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in leaves(part)]
    return [error]
