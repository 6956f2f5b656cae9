"""Cancelling a call cancels the procedure that serves it, wherever it runs. Prints:

the caller gives up
the callee was cancelled
"""

import trio

import trowamp


async def main() -> None:
    stopped = trio.Event()

    async def slow() -> None:
        try:
            await trio.sleep_forever()
        finally:
            stopped.set()

    async with trowamp.open_router() as router, router.open_session(realm="realm1") as callee:
        await callee.register("com.example.slow", slow)
        async with router.open_session(realm="realm1") as caller:
            with trio.move_on_after(0.1):
                await caller.call("com.example.slow")
            print("the caller gives up")
            await stopped.wait()
            print("the callee was cancelled")


trio.run(main)
