"""Many calls at once, over one session, with Trio's own tools. Prints:

squares: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
most calls at once: 3
"""

import trio

import trowamp


async def main() -> None:
    running = most = 0
    results: dict[int, int] = {}

    async def square(x: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await trio.sleep(0.01)
        running -= 1
        return x * x

    async with trowamp.open_router() as router, router.open_session(realm="realm1") as session:
        await session.register("com.example.square", square, concurrency=3)

        async def ask(x: int) -> None:
            results[x] = await session.call("com.example.square", x)

        async with trio.open_nursery() as nursery:
            for x in range(10):
                nursery.start_soon(ask, x)
    print("squares:", [results[x] for x in range(10)])
    print("most calls at once:", most)


trio.run(main)
