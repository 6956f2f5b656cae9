"""How a block that is cancelled still ends its session in good order."""

from __future__ import annotations

import pytest
import trio

import trowamp


async def test_a_cancelled_block_hears_the_answer_to_its_goodbye() -> None:
    async with trowamp.open_router(listen=["ws://127.0.0.1:0/ws"]) as router:
        with trio.fail_after(10), trio.CancelScope() as scope:
            async with trowamp.open_session(router.urls[0], realm="realm1", close_timeout=60) as session:
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert not session.is_open


async def test_everybody_hears_the_goodbye_of_a_router_that_is_cancelled() -> None:
    reasons = []

    async def wait_for_the_end(url: str, *, task_status: trio.TaskStatus[None]) -> None:
        with pytest.raises(trowamp.SessionClosed) as caught:
            async with trowamp.open_session(url, realm="realm1"):
                task_status.started()
                await trio.sleep_forever()
        reasons.append(caught.value.reason)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as scope:
                async with trowamp.open_router(listen=["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]) as router:
                    for url in router.urls * 5:
                        await nursery.start(wait_for_the_end, url)
                    scope.cancel()
                    await trio.sleep_forever()
    assert reasons == [trowamp.uris.CLOSE_SYSTEM_SHUTDOWN] * 10
