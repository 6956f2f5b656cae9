"""How a block that is cancelled still ends its session in good order."""

from __future__ import annotations

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
