"""A router inside a program: WebSocket and RawSocket on real ports, and sessions in memory, all in one realm. Prints:

ws client: hello from memory
rs client: hello from memory
"""

import trio

import trowamp


async def main() -> None:
    listen = ["ws://127.0.0.1:0/ws", "rs://127.0.0.1:0"]
    async with (
        trowamp.open_router(realms=["realm1"], listen=listen) as router,
        router.open_session(realm="realm1") as inside,
    ):
        await inside.register("com.example.hello", lambda: "hello from memory")
        for url in router.urls:
            async with trowamp.open_session(url, realm="realm1") as client:
                print(url[:2], "client:", await client.call("com.example.hello"))


trio.run(main)
