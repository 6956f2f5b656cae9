"""Progressive results: a long operation tells how far it is. Prints:

25 %
50 %
75 %
result: done
"""

import trio

import trowamp


async def long_operation(steps: int, call: trowamp.Invocation) -> str:
    for step in range(1, steps):
        await call.progress(100 * step // steps)
    return "done"


async def main() -> None:
    async with trowamp.open_router() as router, router.open_session(realm="realm1") as session:
        await session.register("com.example.long_operation", long_operation)
        async with session.open_call("com.example.long_operation", 4) as call:
            async for percent in call:
                print(percent, "%")
            print("result:", await call.result())


trio.run(main)
