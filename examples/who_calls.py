"""A procedure learns who calls if the caller agrees, and a publisher chooses who hears. Prints:

the callee sees its caller: True
without disclosure: None
only B heard the whisper: ['B']
"""

import trio

import trowamp


def whoami(call: trowamp.Invocation) -> int | None:
    return call.caller


async def main() -> None:
    heard: list[str] = []
    async with (
        trowamp.open_router() as router,
        router.open_session(realm="realm1") as a,
        router.open_session(realm="realm1") as b,
        router.open_session(realm="realm1") as c,
    ):
        await a.register("com.example.whoami", whoami)
        caller = await b.with_options(disclose_me=True).call("com.example.whoami")
        print("the callee sees its caller:", caller == b.id)
        print("without disclosure:", await b.call("com.example.whoami"))

        await a.subscribe("com.example.whisper", lambda: heard.append("A"))
        await b.subscribe("com.example.whisper", lambda: heard.append("B"))
        await c.with_options(eligible=[b.id], acknowledge=True).publish("com.example.whisper")
        for listener in (a, b):
            await listener.with_options(acknowledge=True).publish(
                "com.example.barrier"
            )  # all events before it are here
        print("only B heard the whisper:", heard)


trio.run(main)
